"""The steps of a statement that it looks things up in."""

from __future__ import annotations

from collections.abc import Callable

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.nodes import KEY, RESOURCE, Node
from fhir4ds.plan.relation import CanonicalResources, Relation, StoredResources, ValueSetCodes
from fhir4ds.plan.source import InlineSource, TableSource
from fhir4ds.sql.cte import CTE, CTEBuilder
from fhir4ds.sql.render import RelationStep
from fhir4ds.sql.sources import RESOURCE_TYPE, Reader
from fhir4ds.sql.terminology import CODE, expand

_ID, _URL, _VERSION = "id", "url", "version"

#: A step that reads more types than that is not named after them.
_FEW = 4


class Relations:
    """Makes the steps of the relations of one statement, each once.

    Parameters
    ----------
    syntax : Syntax
        The dialect's words.
    reader : Reader
        What reads the resources.
    steps : CTEBuilder
        Where the steps are added.
    render : callable
        Renders a plan for the statement.
    """

    def __init__(self, syntax: Syntax, reader: Reader, steps: CTEBuilder, render: Callable[[Node], str]) -> None:
        self.syntax = syntax
        self._reader = reader
        self._render = render
        self._steps = steps
        self._made: dict[Relation, RelationStep] = {}
        self._joined: list[str] = []

    def step(self, relation: Relation) -> RelationStep | None:
        """The step of a relation; None where one resource comes alone, with nothing to look into."""
        if isinstance(self._reader.source, InlineSource) and not isinstance(relation, ValueSetCodes):
            return None
        if relation not in self._made:
            self._made[relation] = self._make(relation)
        return self._made[relation]

    def joined(self, source: str, text: str) -> str:
        """What a step has to read so that ``text``, which looks into relations, can stand in it."""
        return " CROSS JOIN ".join([source, *(name for name in self._joined if f"{name}." in text)])

    def _make(self, relation: Relation) -> RelationStep:
        match relation:
            case StoredResources():
                return self._stored(relation)
            case CanonicalResources():
                return self._canonical(relation)
            case ValueSetCodes():
                return self._codes(relation)

    def _stored(self, relation: StoredResources) -> RelationStep:
        resources = self._reader.select(relation.types, typed=True)
        key = KEY.name if self._reader.keys_are_ids else self.syntax.extract(RESOURCE.name, [Step(_ID)], SqlType.TEXT)
        query = f"SELECT {RESOURCE_TYPE}, {key} AS {_ID}, {RESOURCE.name} FROM ({resources}) AS stored"
        # An index of the table serves only where the step is merged; without one, ids are read from the JSON once.
        merged = self._reader.keys_are_ids and isinstance(self._reader.source, TableSource)
        title = "_".join(("stored", *(relation.types if len(relation.types) < _FEW else ())))
        rows = self._steps.add(title, query, merged=merged, materialized=not merged)
        return self._held(rows, (RESOURCE_TYPE, _ID))

    def _canonical(self, relation: CanonicalResources) -> RelationStep:
        return self._held(self._versions(relation), (_URL, _VERSION))

    def _versions(self, relation: CanonicalResources) -> CTE:
        """The resources of each url by version; the empty text stands for the newest."""
        resources = self._reader.select(relation.types, typed=True)
        url, version = (self.syntax.extract(RESOURCE.name, [Step(name)], SqlType.TEXT) for name in (_URL, _VERSION))
        key = self.syntax.cast(KEY.name, SqlType.TEXT)
        title = "_".join(("canonical", *(relation.types if len(relation.types) < _FEW else ())))
        query = (
            f"SELECT {url} AS {_URL}, {self.syntax.apply('coalesce', version, self.syntax.text(''))} AS {_VERSION}, "
            f"{key} AS {_ID}, {RESOURCE.name} FROM ({resources}) AS stored WHERE {url} IS NOT NULL"
        )
        versions = self._steps.add(title, query, materialized=True)
        order = ", ".join(
            (f"{self.syntax.sort_key(_VERSION, SqlType.TEXT)} DESC", self.syntax.sort_key(_ID, SqlType.TEXT))
        )
        newest = f"SELECT *, ROW_NUMBER() OVER (PARTITION BY {_URL} ORDER BY {order}) AS place FROM {versions.name}"
        columns = f"{_URL}, {_VERSION}, {RESOURCE.name}"
        return self._steps.add(
            title + "_versions",
            f"SELECT {columns} FROM {versions.name} WHERE {_VERSION} <> '' UNION ALL "
            f"SELECT {_URL}, '', {RESOURCE.name} FROM ({newest}) AS newest WHERE place = 1",
            materialized=True,
        )

    def _codes(self, relation: ValueSetCodes) -> RelationStep:
        loaded: list[CTE | None] = [None, None]
        if not isinstance(self._reader.source, InlineSource):
            loaded = [self._versions(CanonicalResources((type,))) for type in ("ValueSet", "CodeSystem")]
        step = expand(self.syntax, self._steps, self._render, relation, *loaded)
        return self._held(step, (CODE,), CODE)

    def _held(self, rows: CTE, columns: tuple[str, ...], item: str = RESOURCE.name) -> RelationStep:
        held = self.syntax.relation(rows.name, columns, item)
        if held is None:
            return RelationStep(rows.name, columns, item)
        step = self._steps.add(f"{rows.name}_by_{columns[-1]}", held, materialized=True)
        self._joined.append(step.name)
        return RelationStep(step.name, columns, item)
