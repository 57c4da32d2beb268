"""The first half of the contract: how a database spells things. Pure text in, SQL text out.

A dialect is a list of differences. The defaults are standard SQL in the style of arrays, ``UNNEST ... WITH ORDINALITY``
and correlated subqueries; a database whose style is lambdas over lists overrides the words under "iteration". Every
argument that is SQL text is already rendered by the same dialect; names and literals come in raw and are quoted here, in
this one place.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.primitives import PRIMITIVES
from fhir4ds.dialect.types import SqlType


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

    #: Spellings of primitives that differ from the table of the core (`fhir4ds.dialect.primitives`).
    differences: ClassVar[Mapping[str, str]] = {}

    #: Type of the keys of the table of resources: text that is compared by code point, whatever the collation.
    key_type: ClassVar[str] = 'TEXT COLLATE "C"'

    #: What follows the closing parenthesis when the table of resources is made, such as storage settings.
    table_options: ClassVar[str] = ""

    #: Whether a per cent sign must be doubled in a statement that has placeholders.
    doubles_percent: ClassVar[bool] = False

    #: Whether the planner evaluates an expression of a step again in each reader of the step, unless told otherwise.
    repeats_expressions: ClassVar[bool] = False

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
        """Array of the values at a path, in document order: empty where there are none, NULL for a JSON null."""

    def extract_rows(self, json: str, steps: Sequence[Step]) -> str | None:
        """The JSON items at a path as something that stands in FROM; None where arrays are the way."""
        return None

    def from_json(self, json: str, type: SqlType) -> str:
        """The SQL value of a JSON scalar; NULL for JSON null."""
        if type is SqlType.JSON:
            return json
        text = self.apply("json_text", json)
        return text if type is SqlType.TEXT else self.cast(text, type)

    # --- arrays and iteration -----------------------------------------------------------------------------------------

    def array(self, items: Sequence[str], type: SqlType) -> str:
        """Array of the given values."""
        return f"CAST(ARRAY[{', '.join(items)}] AS {self.types[type]}[])"

    def array_rows(self, array: str) -> str:
        """The items of an array as something that stands in FROM; the array itself where lambdas are the way."""
        return f"UNNEST({array})"

    def each(self, rows: str, variable: str, index: str | None, where: str | None, body: str) -> str:
        """Array of ``body`` for each item for which ``where`` holds, in order, without NULLs.

        ``variable`` names the item and ``index`` its position from 1; both are free identifiers.
        """
        items = f"ARRAY(SELECT {body} {self._scan(rows, variable, index, where)})"
        return items if body == variable else f"ARRAY_REMOVE({items}, NULL)"

    def flat_each(
        self, rows: str, variable: str, index: str | None, where: str | None, body_rows: str, inner: str, item: str
    ) -> str:
        """Array of ``item`` for each inner item of each item for which ``where`` holds, in order.

        ``body_rows`` is the inner collection, as `array_rows` or `extract_rows` gives it, and ``inner`` names its items.
        """
        scan = self._scan(rows, variable, index, None)
        condition = "" if where is None else f" WHERE {where}"
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

    def repeat(
        self, initial: str, variable: str, body: str, type: SqlType, *, distinct: bool, levels: int, overflow: str
    ) -> str:
        """All items that ``body``, an array in terms of the array ``variable``, gives level by level until it is empty.

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

    # --- statements ---------------------------------------------------------------------------------------------------

    def focus(self, source: str, keys: Sequence[str], item: str, form: ItemForm, type: SqlType) -> str:
        """Select the keys and the items of a collection from ``source``, ready for `result`.

        JSON items that stand in FROM (``ItemForm.ROWS``) are converted to ``type`` here.
        """
        selected = ", ".join(keys)
        if form is ItemForm.SCALAR:
            # OFFSET keeps the planner from merging the steps, which would evaluate the item again in WHERE.
            return f"SELECT {selected}, {item} AS value FROM {source} OFFSET 0"
        rows, value = item, self.from_json("item.value", type)
        if form is ItemForm.ARRAY:
            rows, value = self.array_rows(item), "item.value"
        return (
            f"SELECT {selected}, {value} AS value, item.ordinal FROM {source} "
            f"CROSS JOIN LATERAL {rows} WITH ORDINALITY AS item (value, ordinal)"
        )

    def result(
        self, focus: str, keys: Sequence[str], order: Sequence[str], value: str, form: ItemForm, *, nullable: bool
    ) -> str:
        """Select key and value from a focus, one row per item that has a value, in the order of ``order``.

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
        nullable : bool
            Whether there can be items without a value, which give no row.
        """
        last = [] if form is ItemForm.SCALAR else ["ordinal"]
        condition = " WHERE value IS NOT NULL" if nullable else ""
        selected = ", ".join([*keys, value if value == "value" else f"{value} AS value"])
        return f"SELECT {selected} FROM {focus}{condition} ORDER BY {', '.join([*order, *last])}"

    def sort_key(self, key: str, type: SqlType) -> str:
        """Order by a key: text by code point, whatever the collation of the database."""
        return f'{key} COLLATE "C"' if type is SqlType.TEXT else key

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
