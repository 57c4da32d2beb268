"""The statement of a view: each resource once, its rows, and the columns by the names that the view gives them.

Rows are made in one of two ways. Where expressions make records, a row is one, what iterates makes a list of records
inside the row of the resource, and one unnesting for each part of the view takes the lists apart. Elsewhere each iteration
is a lateral join, and positions on the way to a row put rows in order.
"""

from __future__ import annotations

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.statement import Column, Statement
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.exactness import readiness
from fhir4ds.plan.members import Members
from fhir4ds.plan.nodes import KEY, RESOURCE, Extract, Node
from fhir4ds.plan.relation import Relation
from fhir4ds.plan.rewriting import rewrite
from fhir4ds.plan.rows import Product, mapped, nodes
from fhir4ds.plan.source import InlineSource, Source, TableSource
from fhir4ds.sql.cte import CTE, CTEAssembler, CTEBuilder
from fhir4ds.sql.relations import Relations
from fhir4ds.sql.render import RelationStep, Renderer
from fhir4ds.sql.sources import Reader
from fhir4ds.sql.view_joins import Joins
from fhir4ds.sql.view_lists import Lists


class ViewBuilder:
    """Builds the statement of one view over a source.

    Parameters
    ----------
    syntax : Syntax
        The dialect's words.
    source : Source
        Where the resources come from.
    resource_type : str
        The type of the resources that the view shows.
    """

    def __init__(self, syntax: Syntax, source: Source, resource_type: str) -> None:
        self.syntax = syntax
        self.source = source
        self.resource_type = resource_type
        self._steps = CTEBuilder()
        self._renderer = Renderer(syntax, self._relation)
        self._reader = Reader(syntax, source, self._renderer)
        self._relations = Relations(syntax, self._reader, self._steps, self._renderer.render)

    def build(
        self, title: str, rows: Product, where: Node | None, columns: tuple[tuple[str, Column], ...]
    ) -> Statement:
        """Build the statement.

        Parameters
        ----------
        title : str
            The view, after which the steps are named.
        rows : Product
            The rows of a resource.
        where : Node, optional
            The condition that a resource must meet.
        columns : tuple of (str, Column)
            The columns, each with the name that it has in ``rows``.

        Returns
        -------
        Statement
            Its rows are in the order of resources and, within each, of the view.
        """
        self._reader.readiness = readiness(*nodes(rows), where)
        resources = self._reader.select((self.resource_type,), typed=False)
        # Of a constant resource a database would evaluate expressions while planning, also those not to be reached.
        inline = isinstance(self.source, InlineSource)
        step = self._steps.add(self.resource_type, resources, materialized=inline)
        if self._reader.keys_are_ids:
            rows = mapped(rows, lambda _, node: rewrite(node, _own_key), lambda node: rewrite(node, _own_key))
        step, rows, where = self._read_once(step, rows, where)
        if where is not None:
            kept = self._renderer.condition(where)
            source = self._relations.joined(step.name, kept)
            query = f"SELECT {step.name}.* FROM {source} WHERE {kept}"
            step = self._steps.add("matching_" + step.name, query)
        maker = Lists if self.syntax.records else Joins
        made = maker(self.syntax, self._renderer, self._steps, self._relations, self._order).rows(title, step, rows)
        shown = ", ".join(f"{made.values[place]} AS {self.syntax.quote(column.name)}" for place, column in columns)
        ordered = f" ORDER BY {', '.join(made.order)}" if made.order else ""
        final = f"SELECT {shown} FROM {made.source}{ordered}"
        sql = self._renderer.finish(CTEAssembler().assemble(self._steps.steps, final))
        return Statement(sql=sql, columns=tuple(column for _, column in columns), summary=f"view {title}")

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters that the statement uses."""
        return tuple(self._renderer.parameters)

    def _read_once(self, resources: CTE, rows: Product, where: Node | None) -> tuple[CTE, Product, Node | None]:
        """Read what is needed of each resource in one pass, where the dialect has words for that."""
        members = Members()
        instead = mapped(rows, lambda _, node: members.instead(node), members.instead)
        condition = None if where is None else members.instead(where)
        if len(members.found) + members.whole < 2:
            return resources, rows, where
        found = self.syntax.extract_several(RESOURCE.name, [member.path for member in members.found])
        if found is None:
            fetched = self.syntax.fetched(RESOURCE.name)
            if fetched is None:
                return resources, rows, where
            # OFFSET keeps the planner from merging the steps, which would spread the expression to each use.
            query = f"SELECT {KEY.name}, {fetched} AS {RESOURCE.name} FROM {resources.name} OFFSET 0"
            return self._steps.add("fetched_" + resources.name, query), rows, where
        kept = [KEY.name, *([RESOURCE.name] if members.whole else [])]
        query = f"SELECT {', '.join([*kept, f'{found} AS members'])} FROM {resources.name}"
        step = self._steps.add("read_" + resources.name, query, materialized=True)
        for number, member in enumerate(members.found, start=1):
            value = self.syntax.apply("array_at", "members", str(number))
            if member.whole:
                value = self.syntax.apply("null_if", value, self.syntax.text("null"))
            if member.repeats:
                # What is missing has no items, which is not the same as not to be known.
                value = self.syntax.apply("coalesce", value, self.syntax.text("[]"))
            kept.append(f"{value} AS m{number}")
        step = self._steps.add("members_of_" + resources.name, f"SELECT {', '.join(kept)} FROM {step.name}")
        return step, instead, condition

    def _relation(self, relation: Relation) -> RelationStep | None:
        return self._relations.step(relation)

    def _order(self, source: str) -> str:
        """What sorts by the key of a step."""
        text = not isinstance(self.source, TableSource) or self.source.key_type is SqlType.TEXT
        return self.syntax.sort_key(f"{source}.{KEY.name}", SqlType.TEXT if text else SqlType.INTEGER)


def _own_key(node: Node) -> Node | None:
    """The key in the place of the id that it is, which need not be read from the resource then."""
    return KEY if node == Extract(RESOURCE, (Step("id"),), SqlType.TEXT) else None
