"""The statement of a collection: its source, the steps in between, and one row per item at the end."""

from __future__ import annotations

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.statement import Column, Statement
from fhir4ds.dialect.syntax import ItemForm, Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import Unsupported
from fhir4ds.plan.nodes import KEY, RESOURCE, Extract, Node, Parameter, null
from fhir4ds.plan.source import FileSource, InlineSource, Source, TableSource
from fhir4ds.sql.cte import CTEAssembler, CTEBuilder
from fhir4ds.sql.render import Renderer

#: The resource that holds others; asking a file of Bundles about anything else means what they hold.
_BUNDLE = "Bundle"

#: The order of resources where their keys alone do not decide it.
_RESOURCE_TYPE = "resource_type"


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
        self._renderer = Renderer(syntax)
        self._steps = CTEBuilder()

    def build(
        self, title: str, items: Node, guard: Node | None, type: SqlType, delivered: str | None, fhir_type: str | None
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

        Returns
        -------
        Statement
            With the columns ``id`` and ``value``.
        """
        keys = ["key"] if len(self.resource_types) == 1 else [_RESOURCE_TYPE, "key"]
        step = self._steps.add(
            "_".join(self.resource_types) or "resources", self._resources(), materialized=self._inline
        )
        if guard is not None:
            query = f"SELECT * FROM {step.name} WHERE {self._renderer.render(guard)}"
            step = self._steps.add("matching_" + step.name, query)
        item, form = self._renderer.item(items)
        query = self.syntax.focus(step.name, keys, item, form, items.type)
        # A scalar is computed once, and not once more where the rows without a value are left out.
        step = self._steps.add(title, query, materialized=form is ItemForm.SCALAR and self.syntax.repeats_expressions)
        value = "value" if delivered is None else self.syntax.apply(delivered, "value")
        order = [self._sort_key(key) for key in keys]
        nullable = not (isinstance(items, Extract) and items.many and items.type is SqlType.JSON)
        final = self.syntax.result(
            step.name, [f"key AS {self.syntax.quote('id')}"], order, value, form, nullable=nullable
        )
        sql = self._renderer.finish(CTEAssembler().assemble(self._steps.steps, final))
        columns = (Column(name="id"), Column(name="value", type=type, fhir_type=fhir_type))
        return Statement(sql=sql, columns=columns, summary=f"fhirpath {title}", expression=title)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters that the statement uses."""
        return tuple(self._renderer.parameters)

    @property
    def _inline(self) -> bool:
        # Without this step of its own, a database would see one constant resource and evaluate expressions over it
        # while planning, also those that must not be reached.
        return isinstance(self.source, InlineSource)

    def _sort_key(self, key: str) -> str:
        text = key == _RESOURCE_TYPE or not isinstance(self.source, TableSource) or self.source.key_type is SqlType.TEXT
        return self.syntax.sort_key(key, SqlType.TEXT if text else SqlType.INTEGER)

    def _resources(self) -> str:
        match self.source:
            case TableSource():
                return self._table(self.source)
            case FileSource():
                return self._files(self.source)
            case InlineSource():
                return self._inline_resource(self.source)

    def _table(self, table: TableSource) -> str:
        quote = self.syntax.quote
        name = quote(table.name) if table.schema is None else f"{quote(table.schema)}.{quote(table.name)}"
        resource = quote(table.resource)
        if not table.is_json:
            resource = self.syntax.cast(resource, SqlType.JSON)
        type = quote(table.resource_type) if table.resource_type is not None else self._member(resource, "resourceType")
        columns = [f"{quote(table.key)} AS {KEY.name}", f"{resource} AS {RESOURCE.name}"]
        return self._select(columns, type, name)

    def _files(self, files: FileSource) -> str:
        reads = [self.syntax.read_files(files.ndjson, lines=True)] if files.ndjson else []
        if files.documents:
            documents = self.syntax.read_files(files.documents, lines=False)
            reads.append(documents if documents is None or self._about_bundles else self._unbundled(documents))
        if None in reads:
            raise Unsupported(
                "this database cannot read files in place", hint="load them first: fhir4ds load PATH --to URL"
            )
        read = " UNION ALL ".join(query for query in reads if query is not None)
        columns = [f"{self._member(RESOURCE.name, 'id')} AS {KEY.name}", RESOURCE.name]
        return self._select(columns, self._member(RESOURCE.name, "resourceType"), f"({read}) AS files")

    @property
    def _about_bundles(self) -> bool:
        return self.resource_types == (_BUNDLE,)

    def _unbundled(self, read: str) -> str:
        """The resources of documents, with the entries of a Bundle in its place."""
        is_bundle = self.syntax.apply("equal", self._member("document", "resourceType"), self.syntax.text(_BUNDLE))
        entries = self.syntax.extract_array("document", (Step("entry", each=True), Step("resource")), SqlType.JSON)
        resources = self.syntax.case([(is_bundle, entries)], self.syntax.array(["document"], SqlType.JSON))
        return f"SELECT entry.resource FROM ({read}) AS file (document), UNNEST({resources}) AS entry (resource)"

    def _inline_resource(self, inline: InlineSource) -> str:
        resource = self._renderer.render(Parameter(inline.parameter, SqlType.JSON))
        key = self._renderer.render(null(SqlType.TEXT))
        types = [] if len(self.resource_types) == 1 else [f"{key} AS {_RESOURCE_TYPE}"]
        return "SELECT " + ", ".join([f"{key} AS {KEY.name}", f"{resource} AS {RESOURCE.name}", *types])

    def _select(self, columns: list[str], type: str, source: str) -> str:
        if len(self.resource_types) != 1:
            columns = [*columns, f"{type} AS {_RESOURCE_TYPE}"]
        query = f"SELECT {', '.join(columns)} FROM {source}"
        if not self.resource_types:
            return query
        names = ", ".join(self.syntax.text(name) for name in self.resource_types)
        wanted = f"= {names}" if len(self.resource_types) == 1 else f"IN ({names})"
        return f"{query} WHERE {type} {wanted}"

    def _member(self, json: str, name: str) -> str:
        return self.syntax.extract(json, [Step(name)], SqlType.TEXT)
