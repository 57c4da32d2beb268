"""Rows of a view by lateral joins, for databases whose expressions make no records."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fhir4ds.dialect.syntax import Syntax
from fhir4ds.plan.nodes import KEY, RESOURCE
from fhir4ds.plan.rows import Product, Union, Unnest
from fhir4ds.sql.cte import CTE, CTEBuilder
from fhir4ds.sql.relations import Relations
from fhir4ds.sql.render import Renderer
from fhir4ds.sql.view_lists import Made


@attrs.frozen
class _Joined:
    """What joins have made: the text of them, the values of columns, and the positions on the way, outermost first."""

    joins: str
    values: dict[str, str]
    places: list[str]


@attrs.define
class Joins:
    """Makes the rows of a view.

    Parameters
    ----------
    syntax, renderer, steps, relations, order
        As in `fhir4ds.sql.view_lists.Lists`.
    """

    syntax: Syntax
    renderer: Renderer
    steps: CTEBuilder
    relations: Relations
    order: Callable[[str], str]
    _unions: int = attrs.field(default=0, init=False)

    def rows(self, title: str, resources: CTE, rows: Product) -> Made:
        """Make the rows of each resource of a step."""
        own = {place: self.renderer.render(node) for place, node in rows.values}
        named = [f"{sql} AS {place}" for place, sql in own.items()]
        source = self.relations.joined(resources.name, " ".join(named))
        kept = [f"{resources.name}.{KEY.name}", *named]
        if not rows.parts:
            step = self.steps.add(title, f"SELECT {', '.join(kept)} FROM {source}")
            return Made(step.name, {place: place for place in own}, (self.order(step.name),))
        # OFFSET keeps the planner from merging the steps, which would evaluate these values for each row again.
        kept.insert(1, f"{resources.name}.{RESOURCE.name}")
        fenced = " OFFSET 0" if own else ""
        step = self.steps.add(f"{title} columns", f"SELECT {', '.join(kept)} FROM {source}{fenced}")
        joined = self._product(Product((), rows.parts))
        values = [f"{step.name}.{place}" for place in own] + [
            f"{sql} AS {place}" for place, sql in joined.values.items()
        ]
        places = [f"{sql} AS o{number}" for number, sql in enumerate(joined.places, start=1)]
        source = self.relations.joined(step.name, " ".join([joined.joins, *values]))
        selected = ", ".join([f"{step.name}.{KEY.name}", *values, *places])
        step = self.steps.add(title, f"SELECT {selected} FROM {source}{joined.joins}")
        order = [f"{step.name}.o{number}" for number in range(1, len(places) + 1)]
        shown = {place: place for place in (*own, *joined.values)}
        return Made(step.name, shown, (self.order(step.name), *order))

    def _product(self, rows: Product) -> _Joined:
        values = {place: self.renderer.render(node) for place, node in rows.values}
        found = _Joined("", values, [])
        for part in rows.parts:
            made = self._union(part) if isinstance(part, Union) else self._unnest(part)
            found = _Joined(found.joins + made.joins, found.values | made.values, found.places + made.places)
        return found

    def _unnest(self, rows: Unnest) -> _Joined:
        items = self.renderer.source(rows.items)
        item = f"LATERAL {items} WITH ORDINALITY AS {rows.variable}_row ({rows.variable}, {rows.index})"
        body = self._product(rows.body)
        if rows.blank is None:
            return _Joined(f" CROSS JOIN {item}{body.joins}", body.values, [rows.index, *body.places])
        outer = f" LEFT JOIN {item} ON TRUE"
        missing = self.syntax.apply("is_null", rows.index)
        place = self.syntax.apply("coalesce", rows.index, "0")
        blank = {place: self.renderer.render(node) for place, node in rows.blank}
        if not rows.body.parts:
            values = {name: self.syntax.case([(missing, blank[name])], value) for name, value in body.values.items()}
            return _Joined(outer, values, [place])
        # What is nested multiplies the rows of an item, but not the one row without any.
        present = self.syntax.apply("is_not_null", rows.index)
        inner = self._selected(body, len(body.places))
        padding = ", ".join([*blank.values(), *("0" for _ in body.places)])
        query = f"{inner} WHERE {present} UNION ALL SELECT {padding} WHERE {missing}"
        made = self._lateral(query, list(body.values), len(body.places))
        return _Joined(outer + made.joins, made.values, [place, *made.places])

    def _union(self, rows: Union) -> _Joined:
        branches = [self._product(branch) for branch in rows.branches]
        names = list(branches[0].values)
        depth = max(len(branch.places) for branch in branches)
        queries = []
        for number, branch in enumerate(branches):
            ordered = _Joined(branch.joins, {name: branch.values[name] for name in names}, branch.places)
            queries.append(self._selected(ordered, depth, first=str(number)))
        return self._lateral(" UNION ALL ".join(queries), names, depth + 1)

    def _selected(self, joined: _Joined, depth: int, first: str | None = None) -> str:
        """Select values and places, as many as there are in all branches."""
        lead = [] if first is None else [first]
        padding = ["0"] * (depth - len(joined.places))
        selected = ", ".join([*joined.values.values(), *lead, *joined.places, *padding])
        return f"SELECT {selected} FROM (SELECT 1) AS one{joined.joins}"

    def _lateral(self, query: str, names: list[str], depth: int) -> _Joined:
        self._unions += 1
        alias = f"u{self._unions}"
        places = [f"{alias}_{number}" for number in range(1, depth + 1)]
        join = f" CROSS JOIN LATERAL ({query}) AS {alias} ({', '.join([*names, *places])})"
        return _Joined(join, {name: f"{alias}.{name}" for name in names}, places)
