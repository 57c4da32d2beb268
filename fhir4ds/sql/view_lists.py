"""Rows of a view as lists of records, for databases that have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from fhir4ds.dialect.syntax import Syntax
from fhir4ds.plan.nodes import KEY, Node
from fhir4ds.plan.rows import Product, Rows, Union, Unnest, columns
from fhir4ds.sql.cte import CTE, CTEBuilder
from fhir4ds.sql.relations import Relations
from fhir4ds.sql.render import Renderer

#: The name of a record of a list inside a list.
_ROW = "inner_row"


@attrs.frozen
class Made:
    """Rows that a statement has made.

    Parameters
    ----------
    source : str
        What to select from.
    values : Mapping of str to str
        SQL of each column.
    order : tuple of str
        By what to sort; empty where the rows are in order.
    """

    source: str
    values: Mapping[str, str]
    order: tuple[str, ...]


@attrs.frozen
class Lists:
    """Makes the rows of a view.

    Parameters
    ----------
    syntax : Syntax
        The dialect's words.
    renderer : Renderer
        Of the statement.
    steps : CTEBuilder
        Where steps are added.
    relations : Relations
        What the statement looks things up in.
    order : callable
        Gives what sorts by the key of a step.
    """

    syntax: Syntax
    renderer: Renderer
    steps: CTEBuilder
    relations: Relations
    order: Callable[[str], str]

    def rows(self, title: str, resources: CTE, rows: Product) -> Made:
        """Make the rows of each resource of a step."""
        values = {place: self.renderer.render(node) for place, node in rows.values}
        lists = [self._list(part) for part in rows.parts]
        named = [f"{sql} AS {place}" for place, sql in values.items()]
        named += [f"{sql} AS l{number}" for number, sql in enumerate(lists, start=1)]
        source = self.relations.joined(resources.name, " ".join(named))
        selected = ", ".join([f"{resources.name}.{KEY.name}", *named])
        query = f"SELECT {selected} FROM {source} ORDER BY {self.order(resources.name)}"
        # The sort also keeps the planner from merging the steps, which would spread the expressions to each use.
        step = self.steps.add(title, query)
        shown = {place: place for place in values}
        kept, left = list(values), [f"l{number}" for number in range(1, len(lists) + 1)]
        for number, part in enumerate(rows.parts, start=1):
            # A select of two lists would take both apart side by side.
            row = f"r{number}"
            array = left.pop(0)
            step = self.steps.add(f"{title} rows", self.syntax.unnested(step.name, [*kept, *left], array, row))
            kept.append(row)
            shown |= {place: self._field(row, place) for place, _ in columns(part)}
        return Made(step.name, shown, ())

    def _list(self, rows: Product | Rows) -> str:
        match rows:
            case Product(values, ()):
                return self._one(values)
            case Product(values, parts):
                return self._combined(values, parts)
            case Unnest():
                return self._unnested(rows)
            case Union(branches):
                first, *others = (self._list(branch) for branch in branches)
                for other in others:
                    first = self.syntax.apply("array_concat", first, other)
                return first

    def _one(self, values: tuple[tuple[str, Node], ...]) -> str:
        return self.syntax.array([self._record(values)], None)

    def _record(self, values: tuple[tuple[str, Node], ...]) -> str:
        return self.syntax.record({place: self.renderer.render(node) for place, node in values})

    def _field(self, record: str, place: str) -> str:
        return self.syntax.field.format(record=record, name=place)

    def _combined(self, values: tuple[tuple[str, Node], ...], parts: tuple[Rows, ...]) -> str:
        if not values and len(parts) == 1:
            return self._list(parts[0])
        # A place is unique in the view, and so are the names made of it.
        first = values[0][0] if values else columns(parts[0])[0][0]
        own = f"own_{first}"
        fields = {place: self._field(own, place) for place, _ in values}
        names = [f"row_{first}_{number}" for number in range(len(parts))]
        for name, part in zip(names, parts, strict=True):
            fields |= {place: self._field(name, place) for place, _ in columns(part)}
        combined = self.syntax.record(fields)
        for number in reversed(range(len(parts))):
            walked = self._list(parts[number])
            if number == len(parts) - 1:
                combined = self.syntax.each(walked, names[number], None, None, combined, complete=True)
            else:
                combined = self.syntax.flat_each(walked, names[number], None, None, combined, _ROW, _ROW)
        return combined if not values else self.syntax.bind(own, self._record(values), combined)

    def _unnested(self, rows: Unnest) -> str:
        items = self.renderer.source(rows.items)
        if rows.blank is None:
            return self._each(items, rows)
        found = f"{rows.variable}_items"
        nothing = self.syntax.apply("equal", self.syntax.apply("array_length", found), "0")
        # An array that is missing has no items either.
        nothing = self.syntax.apply("coalesce", nothing, "TRUE")
        padded = self.syntax.case([(nothing, self._one(rows.blank))], self._each(found, rows))
        return self.syntax.bind(found, items, padded)

    def _each(self, items: str, rows: Unnest) -> str:
        if not rows.body.parts:
            return self.syntax.each(
                items, rows.variable, rows.index, None, self._record(rows.body.values), complete=True
            )
        return self.syntax.flat_each(items, rows.variable, rows.index, None, self._list(rows.body), _ROW, _ROW)
