"""Where a statement reads its resources: a table, files, or one resource that comes with it."""

from __future__ import annotations

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import Unsupported
from fhir4ds.plan.exactness import Readiness
from fhir4ds.plan.nodes import KEY, RESOURCE, Parameter, null
from fhir4ds.plan.source import FileSource, InlineSource, Source, TableSource
from fhir4ds.sql.render import Renderer

#: The resource that holds others; asking a file of Bundles about anything else means what they hold.
_BUNDLE = "Bundle"

#: The column that says of which type a resource is, where there can be several types.
RESOURCE_TYPE = "resource_type"


class Reader:
    """Spells how resources of certain types are read from a source.

    Parameters
    ----------
    syntax : Syntax
        The dialect's words.
    source : Source
        Where the resources come from.
    renderer : Renderer
        Of the statement, whose parameters can be a source.
    """

    def __init__(self, syntax: Syntax, source: Source, renderer: Renderer) -> None:
        self.syntax = syntax
        self.source = source
        #: What documents need for the statement, if anything.
        self.readiness: Readiness | None = None
        self._renderer = renderer

    def select(self, types: tuple[str, ...], *, typed: bool) -> str:
        """Select key and resource of the resources of certain types, all of them if there is none.

        With ``typed`` their type is selected too.
        """
        match self.source:
            case TableSource():
                return self._table(self.source, types, typed=typed)
            case FileSource():
                return self._files(self.source, types, typed=typed)
            case InlineSource():
                return self._inline(self.source, typed=typed)

    @property
    def keys_are_ids(self) -> bool:
        """Whether the key of a resource is its id: in files, and in tables of the shape that resources are loaded into."""
        if isinstance(self.source, TableSource):
            return self.source.resource_type is not None and self.source.key_type is SqlType.TEXT
        return isinstance(self.source, FileSource)

    def _table(self, table: TableSource, types: tuple[str, ...], *, typed: bool) -> str:
        quote = self.syntax.quote
        name = quote(table.name) if table.schema is None else f"{quote(table.schema)}.{quote(table.name)}"
        resource = quote(table.resource)
        if not table.is_json:
            resource = self.syntax.cast(resource, SqlType.JSON)
        type = quote(table.resource_type) if table.resource_type is not None else self._member(resource, "resourceType")
        columns = [f"{quote(table.key)} AS {KEY.name}", f"{self._document(resource)} AS {RESOURCE.name}"]
        return self._select(columns, type, name, types, typed=typed)

    def _files(self, files: FileSource, types: tuple[str, ...], *, typed: bool) -> str:
        reads = [self.syntax.read_files(files.ndjson, lines=True)] if files.ndjson else []
        if files.documents:
            documents = self.syntax.read_files(files.documents, lines=False)
            reads.append(documents if documents is None or types == (_BUNDLE,) else self._unbundled(documents))
        if None in reads:
            raise Unsupported(
                "this database cannot read files in place", hint="load them first: fhir4ds load PATH --to URL"
            )
        read = " UNION ALL ".join(query for query in reads if query is not None)
        columns = [f"{self._member(RESOURCE.name, 'id')} AS {KEY.name}", self._named_document()]
        return self._select(
            columns, self._member(RESOURCE.name, "resourceType"), f"({read}) AS files", types, typed=typed
        )

    def _unbundled(self, read: str) -> str:
        """The resources of documents, with the entries of a Bundle in its place."""
        is_bundle = self.syntax.apply("equal", self._member("document", "resourceType"), self.syntax.text(_BUNDLE))
        entries = self.syntax.extract_array("document", (Step("entry", each=True), Step("resource")), SqlType.JSON)
        resources = self.syntax.case([(is_bundle, entries)], self.syntax.array(["document"], SqlType.JSON))
        files = f"(SELECT {RESOURCE.name} AS document FROM ({read}) AS files) AS documents"
        return f"SELECT {RESOURCE.name} FROM ({self.syntax.unnested(files, ['document'], resources, RESOURCE.name)}) AS entries"

    def _inline(self, inline: InlineSource, *, typed: bool) -> str:
        # Of a constant a database may know what comes of it before anything runs, but for the errors.
        given = self.syntax.array([self._renderer.render(Parameter(inline.parameter, SqlType.JSON))], SqlType.JSON)
        unknown = self._renderer.render(null(SqlType.TEXT))
        known = [KEY.name, RESOURCE_TYPE] if typed else [KEY.name]
        one = f"(SELECT {', '.join(f'{unknown} AS {name}' for name in known)}) AS given"
        rows = self.syntax.unnested(one, known, given, RESOURCE.name)
        return f"SELECT {', '.join([*known, self._named_document()])} FROM ({rows}) AS given"

    def _select(self, columns: list[str], type: str, source: str, types: tuple[str, ...], *, typed: bool) -> str:
        if typed:
            columns = [*columns, f"{type} AS {RESOURCE_TYPE}"]
        query = f"SELECT {', '.join(columns)} FROM {source}"
        if not types:
            return query
        names = ", ".join(self.syntax.text(name) for name in types)
        wanted = f"= {names}" if len(types) == 1 else f"IN ({names})"
        return f"{query} WHERE {type} {wanted}"

    def _named_document(self) -> str:
        """The document of a source that has it by the name that statements go by."""
        document = self._document(RESOURCE.name)
        return document if document == RESOURCE.name else f"{document} AS {RESOURCE.name}"

    def _document(self, json: str) -> str:
        if self.readiness is None:
            return json
        ready, mention = self.syntax.apply(self.readiness.primitive, json), self.readiness.mention
        if mention is None or ready == json:
            return ready
        return self.syntax.case([(self.syntax.apply("json_mentions", json, self.syntax.text(mention)), ready)], json)

    def _member(self, json: str, name: str) -> str:
        return self.syntax.extract(json, [Step(name)], SqlType.TEXT)
