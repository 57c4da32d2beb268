"""The first half of the contract: how a database spells things. Pure text in, SQL text out.

A dialect is a list of differences. The defaults are standard SQL in the style of arrays, ``UNNEST ... WITH ORDINALITY``
and correlated subqueries; a database whose style is lambdas over lists starts from `fhir4ds.dialect.lambdas`. Every
argument that is SQL text is already rendered by the same dialect; names and literals come in raw and are quoted here, in
this one place.
"""

from __future__ import annotations

import enum
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.primitives import PRIMITIVES
from fhir4ds.dialect.types import ColumnKind, ColumnType, SqlType


class ItemForm(enum.Enum):
    """How the items of a collection stand in SQL."""

    SCALAR = "scalar"
    ARRAY = "array"
    ROWS = "rows"


class Syntax(ABC):
    """A dialect's spelling, as a list of differences from standard SQL."""

    #: Names of the types in casts and table definitions. Decimals have 12 digits after the point on every database, so
    #: that all compute the same.
    types: ClassVar[Mapping[SqlType, str]] = {
        SqlType.BOOLEAN: "BOOLEAN",
        SqlType.INTEGER: "BIGINT",
        SqlType.DECIMAL: "NUMERIC(38, 12)",
        SqlType.TEXT: "TEXT",
        SqlType.JSON: "JSON",
    }

    #: Names of types of columns that differ from those of standard SQL.
    column_types: ClassVar[Mapping[ColumnKind, str]] = {}

    #: Spellings of primitives that differ from the table of the core (`fhir4ds.dialect.primitives`).
    differences: ClassVar[Mapping[str, str]] = {}

    #: The collation that compares by code point, whatever that of the database; None where all text compares so.
    collation: ClassVar[str | None] = '"C"'

    #: What follows the closing parenthesis when the table of resources is made, such as storage settings.
    table_options: ClassVar[str] = ""

    #: Whether a per cent sign must be doubled in a statement that has placeholders.
    doubles_percent: ClassVar[bool] = False

    #: Whether the planner evaluates an expression of a step again in each reader of the step, unless told otherwise.
    repeats_expressions: ClassVar[bool] = False

    #: How a comment is put on a relation, by which what is ours, and may be replaced, is told from others; None where
    #: relations bear none.
    comment: ClassVar[str | None] = "COMMENT ON {kind} {relation} IS {text}"

    #: Whether views can be stored with their rows.
    materialized_views: ClassVar[bool] = False

    #: Whether a table that has indexes can be renamed in the transaction that made them.
    renames_indexed: ClassVar[bool] = True

    #: Whether arrays are walked by lambdas, which hold no subqueries; then the words for records are needed.
    lambdas: ClassVar[bool] = False

    #: Whether rows that expressions make are arrays of records, which `unnested` takes apart; else they are lateral joins.
    records: ClassVar[bool] = False

    #: How the value of a field of a record is gone to; names of fields are identifiers.
    field: ClassVar[str] = "{record}.{name}"

    # --- names and values ---------------------------------------------------------------------------------------------

    def quote(self, name: str) -> str:
        """Quote an identifier."""
        return '"' + name.replace('"', '""') + '"'

    def text(self, value: str) -> str:
        """Spell a text literal."""
        return "'" + value.replace("'", "''") + "'"

    def literal(self, value: bool | int | Decimal | str | None, type: SqlType) -> str:
        """Spell a constant of a type; None is NULL of that type."""
        if value is None:
            return self.cast("NULL", type)
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, str):
            return self.text(value) if type is SqlType.TEXT else self.cast(self.text(value), type)
        return self.cast(f"{value:f}", type) if isinstance(value, Decimal) else str(value)

    def placeholder(self, name: str) -> str:
        """Spell a named placeholder, whose value the driver binds."""
        return f":{name}"

    def cast(self, expression: str, type: SqlType) -> str:
        """Convert a value to a type."""
        return f"CAST({expression} AS {self.types[type]})"

    def key_type(self) -> str:
        """The type of the keys of the table of resources: text that compares by code point."""
        text = self.types[SqlType.TEXT]
        return text if self.collation is None else f"{text} COLLATE {self.collation}"

    def column_type(self, type: ColumnType) -> str:
        """The name of the type of a column."""
        name = self.column_types.get(type.kind, type.kind.value)
        digits = "" if type.digits is None else f"({type.digits[0]}, {type.digits[1]})"
        return f"{name}{digits}{'[]' * type.many}"

    def apply(self, primitive: str, *arguments: str) -> str:
        """Spell a primitive of the table with rendered arguments."""
        template = self.differences.get(primitive) or PRIMITIVES[primitive]
        template = template.replace("{*}", ", ".join(arguments).replace("{", "{{").replace("}", "}}"))
        return template.format(*arguments)

    def case(self, branches: Sequence[tuple[str, str]], otherwise: str) -> str:
        """The value of the first branch whose condition holds; no other branch is evaluated."""
        whens = " ".join(f"WHEN {condition} THEN {value}" for condition, value in branches)
        return f"(CASE {whens} ELSE {otherwise} END)"

    def raise_error(self, message: str, type: SqlType, *, many: bool) -> str:
        """Fail with a text that depends on the row, where a value of ``type`` is expected; lazily inside `case`."""
        value = f"CAST(CAST(CAST({message} AS INTEGER) AS TEXT) AS {self.types[type]})"
        return f"ARRAY[{value}]" if many else value

    # --- JSON ---------------------------------------------------------------------------------------------------------

    @abstractmethod
    def extract(self, json: str, steps: Sequence[Step], type: SqlType) -> str:
        """One value at a path without repetition: NULL where it is absent or JSON null."""

    @abstractmethod
    def extract_array(self, json: str, steps: Sequence[Step], type: SqlType) -> str:
        """Array of the values at a path, in document order: empty where there are none, NULL for a JSON null.

        The document itself is not NULL. A null in the place of an array is none. Where a step may or may not lead to an array, no null is a value.
        """

    def extract_rows(self, json: str, steps: Sequence[Step]) -> str | None:
        """The JSON items at a path as something that stands in FROM; None where arrays are the way."""
        return None

    def extract_exists(self, json: str, steps: Sequence[Step]) -> str | None:
        """Whether there is anything at a path with repetition, a null too; None where that is asked of all the items."""
        return None

    def extract_front(self, json: str, steps: Sequence[Step], type: SqlType) -> str | None:
        """The value at a path that is the first item of each array on its way, NULL if there is none or it is JSON null; None
        where that costs as much as the first item of all.
        """
        return None

    def extract_first(self, json: str, steps: Sequence[Step]) -> str | None:
        """The first JSON item at a path with repetition; None where that is the first of an array of all."""
        return None

    def extract_first_where(
        self, json: str, steps: Sequence[Step], member: str, equals: str, onward: Sequence[Step]
    ) -> str | None:
        """The first JSON value that is no null, ``onward`` from the items at a path of which a ``member`` is a text.

        None where filtering and going on item by item costs no more.
        """
        return None

    def extract_several(self, json: str, paths: Sequence[Sequence[Step]]) -> str | None:
        """Array of the JSON values at paths, found in one pass, some of them NULL or JSON null.

        Of an array on the way the first item is meant. None where going to each by itself costs no more.
        """
        return None

    def fetched(self, json: str) -> str | None:
        """The JSON value of a column as a value of its own; None where each use of the column costs no more."""
        return None

    def from_json(self, json: str, type: SqlType) -> str:
        """The SQL value of a JSON scalar; NULL for JSON null. JSON that is no value of the type fails; any has a text."""
        if type is SqlType.JSON:
            return json
        if type is SqlType.TEXT:
            return self.apply("json_text", json)
        return self.cast(self.apply("null_if", json, self.text("null")), type)

    # --- arrays and iteration -----------------------------------------------------------------------------------------

    def array(self, items: Sequence[str], type: SqlType | None) -> str:
        """Array of the given values; without a type they are records, which are asked for where `records` only."""
        if type is None:
            return f"ARRAY[{', '.join(items)}]"
        return f"CAST(ARRAY[{', '.join(items)}] AS {self.types[type]}[])"

    def array_rows(self, array: str) -> str:
        """The items of an array as something that stands in FROM; the array itself where lambdas are the way."""
        return f"UNNEST({array})"

    def each(
        self, rows: str, variable: str, index: str | None, where: str | None, body: str, *, complete: bool = False
    ) -> str:
        """Array of ``body`` for each item for which ``where`` holds, in order, without NULLs.

        ``variable`` names the item and ``index`` its position from 1; both are free identifiers. With ``complete`` what
        is NULL stays, or no body is.
        """
        items = f"ARRAY(SELECT {body} {self._scan(rows, variable, index, where)})"
        return items if complete or body == variable else f"ARRAY_REMOVE({items}, NULL)"

    def first_each(self, rows: str, variable: str, index: str | None, where: str | None, body: str) -> str:
        """The first item of what `each` gives; NULL if there is none."""
        items = f"SELECT {body} AS item {self._scan(rows, variable, index, where)}"
        kept = "" if body == variable else " WHERE item IS NOT NULL"
        return f"(SELECT item FROM ({items}) AS {variable}_first{kept} LIMIT 1)"

    def flat_each(
        self, rows: str, variable: str, index: str | None, where: str | None, body_rows: str, inner: str, item: str
    ) -> str:
        """Array of ``item`` for each inner item of each item for which ``where`` holds, in order.

        ``body_rows`` is the inner collection, as `array_rows` or `extract_rows` gives it, and ``inner`` names its items.
        """
        condition = "" if where is None else f" WHERE {where}"
        if not re.search(rf"\b{variable}\b", body_rows):
            # The rows on the right are the same for each on the left, so a planner may walk them first.
            place, inner_place = index or f"{variable}_place", f"{inner}_place"
            right = f"{body_rows} WITH ORDINALITY AS {inner}_row ({inner}, {inner_place})"
            left = self._scan(rows, variable, place, None)
            return f"ARRAY(SELECT {item} {left} CROSS JOIN {right}{condition} ORDER BY {place}, {inner_place})"
        scan = self._scan(rows, variable, index, None)
        return f"ARRAY(SELECT {item} {scan} CROSS JOIN LATERAL {body_rows} AS {inner}_row ({inner}){condition})"

    def exists_each(self, rows: str, variable: str, index: str | None, where: str | None) -> str:
        """Whether ``where`` holds for any item."""
        return f"EXISTS (SELECT 1 {self._scan(rows, variable, index, where)})"

    def fold(self, array: str, accumulator: str, variable: str, initial: str, body: str) -> str:
        """Value of ``body`` over all items from left to right, starting from ``initial``."""
        step = f"{accumulator}_step"
        return (
            f"(WITH RECURSIVE {step} ({accumulator}, items, ordinal) AS ("
            f"SELECT {initial}, {array}, 0 UNION ALL "
            f"SELECT {body}, {accumulator}_row.items, {accumulator}_row.ordinal + 1 "
            f"FROM (SELECT {step}.{accumulator}, {step}.items, {step}.ordinal, {step}.items[{step}.ordinal + 1] "
            f"AS {variable} FROM {step} WHERE {step}.ordinal < CARDINALITY({step}.items)) AS {accumulator}_row) "
            f"SELECT {accumulator} FROM {step} ORDER BY ordinal DESC LIMIT 1)"
        )

    def sort_each(self, rows: str, variable: str, key: str, sort_key: str, *, descending: bool) -> str:
        """Array of the items in the order of ``key``, which `sort_key` spells; those without a key come before all."""
        place = f"{variable}_place"
        direction = " DESC" if descending else ""
        return (
            f"ARRAY(SELECT {variable} {self._scan(rows, variable, place, None)} "
            f"ORDER BY ({key} IS NOT NULL), {sort_key}{direction}, {place})"
        )

    def level(self, variable: str) -> str:
        """What the body of `repeat` calls the items of the level before, of which it makes those of the next one."""
        return variable

    def repeat(
        self, initial: str, variable: str, body: str, type: SqlType, *, distinct: bool, levels: int, overflow: str
    ) -> str:
        """All items that ``body``, an array in terms of the `level` of a variable, gives level by level until it is empty.

        With ``distinct`` an item that is there already is neither added nor gone on from. Where it is not empty after
        so many levels, the value is ``overflow``, which fails.
        """
        steps, none = f"{variable}_levels", self.array([], type)
        fresh = f"{variable}_fresh"
        new = (
            f"ARRAY(SELECT {fresh}.item FROM (SELECT item, MIN(place) AS place FROM UNNEST({body}) "
            f"WITH ORDINALITY AS {fresh}_row (item, place) WHERE NOT item = ANY({variable}_seen) GROUP BY item) "
            f"AS {fresh} ORDER BY {fresh}.place)"
            if distinct
            else body
        )
        return (
            f"(WITH RECURSIVE {steps} ({variable}, {variable}_seen, depth) AS ("
            f"SELECT {initial}, {none}, 0 UNION ALL "
            f"SELECT {variable}_next.items, {variable}_seen || {variable}_next.items, depth + 1 FROM {steps} "
            f"CROSS JOIN LATERAL (SELECT {new} AS items) AS {variable}_next "
            f"WHERE CARDINALITY({variable}) > 0 AND depth < {levels}) "
            f"SELECT CASE WHEN CARDINALITY({variable}) = 0 THEN {variable}_seen ELSE {overflow} END "
            f"FROM (SELECT * FROM {steps} ORDER BY depth DESC LIMIT 1) AS {variable}_last)"
        )

    def bind(self, variable: str, value: str, body: str) -> str:
        """Evaluate ``value`` once and use it by name in ``body``."""
        return f"(SELECT {body} FROM (SELECT {value} AS {variable} OFFSET 0) AS {variable}_row)"

    def _scan(self, rows: str, variable: str, index: str | None, where: str | None) -> str:
        columns = variable if index is None else f"{variable}, {index}"
        ordinality = "" if index is None else " WITH ORDINALITY"
        condition = "" if where is None else f" WHERE {where}"
        return f"FROM {rows}{ordinality} AS {variable}_row ({columns}){condition}"

    def record(self, fields: Mapping[str, str]) -> str:
        """A record of values; the names are identifiers. Only asked for where `records` or `lambdas`."""
        return "ROW(" + ", ".join(fields.values()) + ")"

    # --- relations ----------------------------------------------------------------------------------------------------

    def relation(self, rows: str, columns: Sequence[str], item: str) -> str | None:
        """A query of one row, for a step of its own, that holds the rows of the step ``rows`` so that `find` can look an
        ``item`` up by ``columns`` wherever the step is joined; None where `find` reads the rows themselves.
        """
        return None

    def find(self, relation: str, columns: Sequence[str], keys: Sequence[str], item: str) -> str:
        """The ``item`` of a row of a relation whose ``columns`` equal ``keys``; NULL if there is none."""
        condition = " AND ".join(f"{relation}.{column} = {key}" for column, key in zip(columns, keys, strict=True))
        return f"(SELECT {relation}.{item} FROM {relation} WHERE {condition} LIMIT 1)"

    def holds(self, relation: str, column: str, key: str) -> str:
        """Whether a relation has a row with a ``key`` in ``column``."""
        return f"({key} IN (SELECT {relation}.{column} FROM {relation}))"

    # --- statements ---------------------------------------------------------------------------------------------------

    def unnested(self, source: str, kept: Sequence[str], array: str, item: str) -> str:
        """Select ``kept`` and, by the name ``item``, each item of an array of each row of ``source``.

        Rows come in the order of the source, and of the items within each. A row whose array has no items gives none.
        """
        row = f"{item}_row"
        selected = ", ".join([*kept, f"{row}.{item}"])
        return f"SELECT {selected} FROM {source} CROSS JOIN LATERAL UNNEST({array}) AS {row} ({item})"

    def focus(self, source: str, keys: Sequence[str], item: str, form: ItemForm, type: SqlType) -> str:
        """Select the keys and the items of a collection from ``source``, ready for `result`.

        JSON items that stand in FROM (``ItemForm.ROWS``) are converted to ``type`` here.
        """
        selected = ", ".join(keys)
        if form is ItemForm.SCALAR:
            # OFFSET keeps the planner from merging the steps, which would evaluate the item again in WHERE.
            return f"SELECT {selected}, {item} AS value FROM {source} OFFSET 0"
        # Here it keeps the planner from sorting whole resources before it takes them apart.
        rows, value = item, self.from_json("item.value", type)
        if form is ItemForm.ARRAY:
            rows, value = self.array_rows(item), "item.value"
        return (
            f"SELECT {selected}, {value} AS value, item.ordinal FROM {source} "
            f"CROSS JOIN LATERAL {rows} WITH ORDINALITY AS item (value, ordinal) OFFSET 0"
        )

    def result(
        self,
        focus: str,
        keys: Sequence[str],
        order: Sequence[str],
        value: str,
        form: ItemForm,
        *,
        kept: str | None,
    ) -> str:
        """Select key and value from a focus, one row per item, in the order of ``order``.

        Parameters
        ----------
        focus : str
            Name of the step that `focus` made.
        keys : sequence of str
            What to select beside the value.
        order : sequence of str
            Sort keys; document order comes after them.
        value : str
            How the item ``value`` is delivered.
        form : ItemForm
            The form that the items had in the focus.
        kept : str, optional
            Condition that an item must meet to give a row; None for all.
        """
        last = [] if form is ItemForm.SCALAR else ["ordinal"]
        where = "" if kept is None else f" WHERE {kept}"
        selected = ", ".join([*keys, value if value == "value" else f"{value} AS value"])
        return f"SELECT {selected} FROM {focus}{where} ORDER BY {', '.join([*order, *last])}"

    def sort_key(self, key: str, type: SqlType) -> str:
        """Order by a key: text by code point."""
        return key if type is not SqlType.TEXT or self.collation is None else f"{key} COLLATE {self.collation}"

    def read_files(self, paths: Sequence[str], *, lines: bool) -> str | None:
        """Select the JSON documents of files as ``resource``, in place; None where the database cannot.

        With ``lines`` each line of a file is a document; otherwise a file is one document, or an array of them.
        """
        return None

    def columns(self, table: str, schema: str | None) -> str:
        """Select name and type of each column of a table or view, as texts and in order; no rows where there is none."""
        place = "CURRENT_SCHEMA" if schema is None else self.text(schema)
        return (
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_catalog = CURRENT_CATALOG "
            f"AND table_schema = {place} AND table_name = {self.text(table)} ORDER BY ordinal_position"
        )

    def relation_kind(self, name: str, schema: str | None) -> str:
        """Select what bears a name and the comment on it, in one row; no rows where the name is free.

        The kind is ``table``, ``view`` or ``materialized view``, or else a word that says what it is. Where comments
        cannot be read, they are NULL, and nothing is taken for ours that could be replaced.
        """
        place = "CURRENT_SCHEMA" if schema is None else self.text(schema)
        return (
            "SELECT CASE table_type WHEN 'BASE TABLE' THEN 'table' ELSE LOWER(table_type) END, NULL "
            "FROM information_schema.tables WHERE table_catalog = CURRENT_CATALOG "
            f"AND table_schema = {place} AND table_name = {self.text(name)}"
        )

    def claim(self, table: str, *, exists: bool) -> str | None:
        """Keep other transactions that claim the same table waiting, or failing with a conflict, until this one ends.

        ``table`` is quoted, and need not exist. None where there is nothing to do.
        """
        return None

    def begin(self, *, read_only: bool) -> str:
        """Open a transaction."""
        return "START TRANSACTION READ ONLY" if read_only else "START TRANSACTION"

    def limit_time(self, milliseconds: int) -> str | None:
        """Limit every statement of the open transaction; None where the server cannot."""
        return None

    def query_at_once(self, sql: str, milliseconds: int | None) -> str | None:
        """A query that is a read-only, time-limited transaction by itself, as one text for one round trip.

        Its answer is that of ``sql``, whose placeholders it leaves as they are; without ``milliseconds`` there is no
        limit. None where transaction, limit and query take statements of their own.
        """
        return None

    @abstractmethod
    def session(self) -> str:
        """Select the version of the product and what identifies the session that answers, as two texts."""
