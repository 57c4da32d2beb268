"""The statement of a collection: its source, the steps in between, and one row per item at the end."""

from __future__ import annotations

from fhir4ds.dialect.statement import FAILURE, Column, Statement
from fhir4ds.dialect.syntax import ItemForm, Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.exactness import EXACT, NUMERAL, PLAIN, readiness
from fhir4ds.plan.nodes import RESOURCE, Array, Case, Extract, Node, Reference, apply, null
from fhir4ds.plan.relation import Relation
from fhir4ds.plan.source import InlineSource, Source, TableSource
from fhir4ds.sql.cte import CTE, CTEAssembler, CTEBuilder
from fhir4ds.sql.relations import Relations
from fhir4ds.sql.render import RelationStep, Renderer
from fhir4ds.sql.sources import RESOURCE_TYPE, Reader

#: The error of a resource, where errors are told and not raised.
_FAILURE = Reference(FAILURE, SqlType.TEXT)


def _unless_failed(items: Node) -> Node:
    failed = apply("is_not_null", _FAILURE)
    # One item without a value makes a row for the error.
    return Case(((failed, Array((null(items.type),), items.type) if items.many else null(items.type)),), items)


class StatementBuilder:
    """Builds the statement that evaluates one collection over a source.

    Parameters
    ----------
    syntax : Syntax
        The dialect's words.
    source : Source
        Where the resources come from.
    resource_types : tuple of str
        The types of the resources that are meant; none for all of them.
    """

    def __init__(self, syntax: Syntax, source: Source, resource_types: tuple[str, ...]) -> None:
        self.syntax = syntax
        self.source = source
        self.resource_types = resource_types
        self._steps = CTEBuilder()
        self._renderer = Renderer(syntax, self._relation)
        self._reader = Reader(syntax, source, self._renderer)
        self._relations = Relations(syntax, self._reader, self._steps, self._renderer.render)

    def build(
        self,
        title: str,
        items: Node,
        guard: Node | None,
        type: SqlType,
        delivered: str | None,
        fhir_type: str | None,
        failure: Node | None = None,
    ) -> Statement:
        """Build the statement.

        Parameters
        ----------
        title : str
            The expression, after which the steps are named.
        items : Node
            The plan of the items of each resource.
        guard : Node, optional
            Condition on the resource without which it has no items.
        type : SqlType
            As what the values are delivered.
        delivered : str, optional
            The primitive that turns an item into what is delivered; None for the item as it is.
        fhir_type : str, optional
            Type of the values, for the result's schema.
        failure : Node, optional
            The error of each resource, NULL where there is none. Such a resource has one row, with the error.

        Returns
        -------
        Statement
            With the columns ``id`` and ``value``, and ``failure`` between them where there can be any.
        """
        exact = delivered in (NUMERAL, PLAIN)
        self._reader.readiness = readiness(items, guard, failure, digits=exact)
        keys = ["key"] if len(self.resource_types) == 1 else [RESOURCE_TYPE, "key"]
        resources = self._reader.select(self.resource_types, typed=len(self.resource_types) != 1)
        step = self._steps.add("_".join(self.resource_types) or "resources", resources, materialized=self._inline)
        if guard is not None:
            kept = self._renderer.condition(guard)
            source = self._relations.joined(step.name, kept)
            shown = "*" if source == step.name else f"{step.name}.*"
            step = self._steps.add("matching_" + step.name, f"SELECT {shown} FROM {source} WHERE {kept}")
        selected = [f"key AS {self.syntax.quote('id')}"]
        if failure is not None:
            step = self._checked(step, keys, failure)
            keys, selected = [*keys, _FAILURE.name], [*selected, _FAILURE.name]
            items = _unless_failed(items)
        item, form = self._renderer.item(items)
        query = self.syntax.focus(self._relations.joined(step.name, item), keys, item, form, items.type)
        # A scalar is computed once, and not once more where the rows without a value are left out.
        step = self._steps.add(title, query, materialized=form is ItemForm.SCALAR and self.syntax.repeats_expressions)
        value = "value" if delivered is None else self.syntax.apply(delivered, "value")
        order = [self._sort_key(key) for key in keys if key != _FAILURE.name]
        # A JSON null among numbers has no text, and so is no item.
        present: str | None = f"{value if delivered == NUMERAL else 'value'} IS NOT NULL"
        if failure is not None:
            present = f"({present} OR {_FAILURE.name} IS NOT NULL)"
        elif isinstance(items, Extract) and items.many and items.type is SqlType.JSON and delivered != NUMERAL:
            present = None  # no such item is NULL
        final = self.syntax.result(step.name, selected, order, value, form, kept=present)
        sql = self._renderer.finish(CTEAssembler().assemble(self._steps.steps, final))
        told = () if failure is None else (Column(name=_FAILURE.name, type=SqlType.JSON),)
        columns = (Column(name="id"), *told, Column(name="value", type=type, fhir_type=fhir_type))
        return Statement(
            sql=sql,
            columns=columns,
            summary=f"fhirpath {title}",
            expression=title,
            rough=type is SqlType.JSON and not exact and self.syntax.apply(EXACT, "value") != "value",
        )

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters that the statement uses."""
        return tuple(self._renderer.parameters)

    def _checked(self, resources: CTE, keys: list[str], failure: Node) -> CTE:
        """The resources with the error of each, which is computed once."""
        shown = [*keys, RESOURCE.name]
        item = self._renderer.render(failure)
        source = self._relations.joined(resources.name, item)
        found = self.syntax.focus(source, shown, item, ItemForm.SCALAR, SqlType.TEXT)
        step = self._steps.add("errors_in_" + resources.name, found)
        return self._steps.add(
            "checked_" + resources.name, f"SELECT {', '.join(shown)}, value AS {_FAILURE.name} FROM {step.name}"
        )

    def _relation(self, relation: Relation) -> RelationStep | None:
        return self._relations.step(relation)

    @property
    def _inline(self) -> bool:
        # Without this step of its own, a database would see one constant resource and evaluate expressions over it
        # while planning, also those that must not be reached.
        return isinstance(self.source, InlineSource)

    def _sort_key(self, key: str) -> str:
        text = key == RESOURCE_TYPE or not isinstance(self.source, TableSource) or self.source.key_type is SqlType.TEXT
        return self.syntax.sort_key(key, SqlType.TEXT if text else SqlType.INTEGER)
