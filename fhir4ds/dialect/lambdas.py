"""What dialects have in common that walk arrays by lambdas, which hold no subqueries.

A few templates say how such a database spells a function and what takes one; the words under "arrays and iteration" and
"relations" follow from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType


class LambdaSyntax(Syntax):
    """The spelling of a dialect with lambdas over lists; `Syntax` has all other words."""

    lambdas: ClassVar[bool] = True
    records: ClassVar[bool] = True

    #: A function of ``variables``, such as ``LAMBDA {variables}: {body}``; a second one is the position from 1.
    function: ClassVar[str]

    #: The array of what a function gives for each item of an array, such as ``LIST_TRANSFORM({array}, {function})``.
    mapped: ClassVar[str]

    #: The items of an array for which a function holds, such as ``LIST_FILTER({array}, {function})``.
    filtered: ClassVar[str]

    #: What a function of the result so far and an item gives over an array, such as ``LIST_REDUCE({array}, {function}, {initial})``.
    reduced: ClassVar[str]

    #: An array of so many items.
    counted: ClassVar[str] = "RANGE({count})"

    #: The position from 1 of the first item of an array that equals another.
    located: ClassVar[str] = "LIST_POSITION({array}, {item})"

    def _map(self, array: str, variables: Sequence[str | None], body: str) -> str:
        return self.mapped.format(array=array, function=self._function(variables, body))

    def _filter(self, array: str, variables: Sequence[str | None], condition: str) -> str:
        return self.filtered.format(array=array, function=self._function(variables, condition))

    def _function(self, variables: Sequence[str | None], body: str) -> str:
        return self.function.format(variables=", ".join(name for name in variables if name is not None), body=body)

    def _size(self, array: str) -> str:
        return self.apply("array_length", array)

    def record(self, fields: Mapping[str, str]) -> str:
        return "{" + ", ".join(f"'{name}': {value}" for name, value in fields.items()) + "}"

    def array_rows(self, array: str) -> str:
        return array

    # --- iteration ----------------------------------------------------------------------------------------------------

    def each(
        self, rows: str, variable: str, index: str | None, where: str | None, body: str, *, complete: bool = False
    ) -> str:
        kept = rows if where is None else self._filter(rows, (variable, index), where)
        if body == variable:
            return kept
        if where is not None and index is not None:
            # Positions count all items, not only those that are kept.
            kept, body = rows, self.case([(where, body)], "NULL")
        items = self._map(kept, (variable, index), body)
        return items if complete and where is None else self._filter(items, ("y",), "y IS NOT NULL")

    def first_each(self, rows: str, variable: str, index: str | None, where: str | None, body: str) -> str:
        return self.apply("array_at", self.each(rows, variable, index, where, body), "1")

    def flat_each(
        self, rows: str, variable: str, index: str | None, where: str | None, body_rows: str, inner: str, item: str
    ) -> str:
        if where is not None and index is not None:
            body_rows, where = self.case([(where, body_rows)], "[]"), None
        kept = self.each(rows, variable, index, where, variable)
        return f"FLATTEN({self._map(kept, (variable, index), body_rows)})"

    def exists_each(self, rows: str, variable: str, index: str | None, where: str | None) -> str:
        return self.apply("less", "0", self._size(self.each(rows, variable, index, where, variable)))

    def fold(self, array: str, accumulator: str, variable: str, initial: str, body: str) -> str:
        function = self._function((accumulator, variable), body)
        return self.reduced.format(array=array, function=function, initial=initial)

    def level(self, variable: str) -> str:
        return self.field.format(record=f"{variable}_state", name="items")

    def repeat(
        self, initial: str, variable: str, body: str, type: SqlType, *, distinct: bool, levels: int, overflow: str
    ) -> str:
        none, state, last = self.array([], type), f"{variable}_state", f"{variable}_last"
        new, kept = f"{variable}_new", f"{variable}_fresh"
        items, seen = (self.field.format(record=state, name=name) for name in ("items", "seen"))
        fresh = new
        if distinct:
            unseen = f"{self.located.format(array=new, item='n')} = i AND NOT {self.apply('array_contains', seen, 'n')}"
            fresh = self._filter(new, ("n", "i"), unseen)
        following = self.record({"items": kept, "seen": self.apply("array_concat", seen, kept)})
        following = self.bind(new, body, self.bind(kept, fresh, following))
        step = f"CASE WHEN {self._size(items)} = 0 THEN {state} ELSE {following} END"
        # The items of the list are of the type of the state, which DuckDB 1.4 insists on.
        rounds = self._map(self.counted.format(count=levels), ("i",), self.record({"items": none, "seen": none}))
        found = self.fold(rounds, state, "i", self.record({"items": initial, "seen": none}), step)
        items, seen = (self.field.format(record=last, name=name) for name in ("items", "seen"))
        every = self._first_of_equal(seen, f"{variable}_places") if distinct and type is SqlType.JSON else seen
        return self.bind(last, found, f"CASE WHEN {self._size(items)} = 0 THEN {every} ELSE {overflow} END")

    def _first_of_equal(self, items: str, places: str) -> str:
        """The items of an array of JSON that are equal to none before them; so far only their texts told them apart."""
        own = self.apply("equal", self.apply("array_at", places, "i"), "i")
        return self.bind(places, self.apply("json_places", items), self._filter(items, ("n", "i"), own))

    def bind(self, variable: str, value: str, body: str) -> str:
        return f"{self._map(f'[{value}]', (variable,), body)}[1]"

    # --- relations ----------------------------------------------------------------------------------------------------

    def relation(self, rows: str, columns: Sequence[str], item: str) -> str:
        # A lambda holds no subquery, so the rows become a list: a table of slots by hash. Rows share its items.
        fields = self.record({name: name for name in dict.fromkeys((*columns, item))})
        place = self._slot(columns, "size")
        size = f"(SELECT GREATEST(COUNT(*), 1) AS size FROM {rows})"
        return (
            "SELECT ARRAY_AGG(slot ORDER BY place) AS slots FROM (SELECT place, "
            f"ARRAY_AGG({fields}) FILTER ({columns[0]} IS NOT NULL) AS slot "
            f"FROM (SELECT UNNEST(RANGE(1, size + 1)) AS place FROM {size}) "
            f"LEFT JOIN (SELECT *, {place} AS place FROM {rows} CROSS JOIN {size}) USING (place) GROUP BY place)"
        )

    def find(self, relation: str, columns: Sequence[str], keys: Sequence[str], item: str) -> str:
        return self.field.format(record=f"{self._rows_of(relation, columns, keys)}[1]", name=item)

    def holds(self, relation: str, column: str, key: str) -> str:
        return self.apply("less", "0", self._size(self._rows_of(relation, [column], [key])))

    def _rows_of(self, relation: str, columns: Sequence[str], keys: Sequence[str]) -> str:
        slots = f"{relation}.slots"
        slot = f"{slots}[{self._slot(keys, self._size(slots))}]"
        condition = " AND ".join(f"slot.{column} = {key}" for column, key in zip(columns, keys, strict=True))
        return self.each(slot, "slot", None, condition, "slot")

    def _slot(self, keys: Sequence[str], size: str) -> str:
        return f"CAST(HASH({', '.join(keys)}) % CAST({size} AS UBIGINT) AS BIGINT) + 1"
