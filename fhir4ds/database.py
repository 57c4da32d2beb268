"""What a user holds: a database of FHIR resources, to load into and to ask."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

import attrs

from fhir4ds.compiler.binding import bind
from fhir4ds.compiler.compiler import compile_expression
from fhir4ds.compiler.options import Care, OnError, Options
from fhir4ds.compiler.variables import variable_types
from fhir4ds.dialect.driver import Row
from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import EvaluationError, InvalidTarget
from fhir4ds.plan.source import InlineSource, Source, TableSource
from fhir4ds.registry import registry
from fhir4ds.runtime.answer import encode_json
from fhir4ds.runtime.batches import RowBatches
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.pool import PoolStats
from fhir4ds.runtime.query import Query
from fhir4ds.runtime.result import Result, item_columns, items
from fhir4ds.runtime.session import Session
from fhir4ds.runtime.settings import Settings
from fhir4ds.store.files import file_source
from fhir4ds.store.loading import Progress, Resources, load
from fhir4ds.store.report import LoadReport
from fhir4ds.store.resource import resource_type_of
from fhir4ds.store.table import describe_table
from fhir4ds.target import Target
from fhir4ds.views.query import ViewQuery
from fhir4ds.views.reading import View, read_view

T = TypeVar("T")


def connect(
    url: str = "duckdb://",
    *,
    table: str | tuple[str, str] = "resource",
    model: str | None = "R4",
    strict: bool = False,
    **settings: Any,
) -> Database:
    """Open a database of FHIR resources.

    Parameters
    ----------
    url : str
        Where it is: ``duckdb://`` is in memory, ``duckdb:///clinic.duckdb`` a file, ``postgresql://user@host/database``
        a server.
    table : str or tuple of (str, str)
        Table of the resources, or its schema and name.
    model : str, optional
        FHIR version of the resources; None navigates untyped JSON.
    strict : bool
        Whether the specification's strict rules are enforced.
    **settings
        As in `fhir4ds.runtime.settings.Settings`: ``pool_size``, ``pool_timeout``, ``query_timeout``, ``attempts``, ...

    Returns
    -------
    Database
        Nothing is connected before the first use.

    Raises
    ------
    InvalidTarget
        If the URL cannot be read.
    UnknownDialect
        If no installed plugin serves it; the message says what to install.

    Examples
    --------
    >>> with connect() as db:
    ...     report = db.load([{"resourceType": "Patient", "id": "p1", "birthDate": "1980-05-17"}])
    ...     db.query("Patient.birthDate").rows
    [('p1', '1980-05-17')]
    """
    dialect = registry.for_url(url)
    target = dialect_target(dialect, url)
    return Database(Dispatcher(dialect, target, Settings(**settings)), table=table, model=model, strict=strict)


def dialect_target(dialect: Dialect, url: str) -> Target:
    """The target of a URL, or of a plain file name that the dialect knows by its ending."""
    if "://" not in url and url.endswith(dialect.suffixes):
        return Target(scheme=dialect.schemes[0], database=url)
    target = Target.parse(url)
    if dialect.capabilities.embedded and target.host is not None:
        raise InvalidTarget(
            f"{target.scheme}://{target.host} names a host, but {dialect.name} is a file or in memory",
            hint=f"a file is {target.scheme}:///{target.host}{'/' + target.database if target.database else ''}",
        )
    return target


class Database:
    """A database of FHIR resources; made by `connect`.

    Parameters
    ----------
    dispatcher : Dispatcher
        What runs statements.
    table : str or tuple of (str, str)
        Table of the resources, or its schema and name.
    model : str, optional
        FHIR version of the resources; None navigates untyped JSON.
    strict : bool
        Whether the specification's strict rules are enforced.

    Examples
    --------
    >>> with connect() as database:
    ...     report = database.load([{"resourceType": "Patient", "id": "p1", "gender": "female"}])
    ...     database.query("Patient.where(gender = %g).id", g="female").values()
    ['p1']
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        table: str | tuple[str, str] = "resource",
        model: str | None = "R4",
        strict: bool = False,
    ) -> None:
        self.dispatcher = dispatcher
        self.dialect = dispatcher.dialect
        self.schema: str | None
        self.schema, self.table = (None, table) if isinstance(table, str) else table
        self.model = model
        self.strict = strict
        self._source: TableSource | None = None

    # --- resources in -------------------------------------------------------------------------------------------------

    def load(self, source: Resources, *, strict: bool = False, progress: Progress | None = None) -> LoadReport:
        """Load resources, so that each is there once, by type and id, as it was given last.

        Parameters
        ----------
        source : path, glob, or iterable of paths or resources
            NDJSON, JSON resources, arrays and Bundles, plain or gzipped; folders are searched.
        strict : bool
            Whether the first bad resource stops the load and undoes it.
        progress : Progress, optional
            Called with bytes done, bytes in all and resources read.

        Returns
        -------
        LoadReport
            What was inserted, updated, unchanged and rejected.

        Raises
        ------
        SourceError
            If there is nothing to read.
        RejectedResource
            If ``strict`` and a resource is bad.

        Examples
        --------
        >>> patient = {"resourceType": "Patient", "id": "p1"}
        >>> with connect() as database:
        ...     first, again = database.load([patient]), database.load([patient])
        >>> first.inserted, again.inserted, again.unchanged
        (1, 0, 1)
        """
        report = load(self.dispatcher, source, table=self.table, schema=self.schema, strict=strict, progress=progress)
        self._source = None
        return report

    # --- answers out --------------------------------------------------------------------------------------------------

    def query(
        self,
        expression: str,
        /,
        *,
        resource_type: str | None = None,
        files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
        strict: bool | None = None,
        on_error: str = "raise",
        timeout: float | None = None,
        **variables: object,
    ) -> Result:
        """Evaluate a FHIRPath expression over all resources that it is about.

        Parameters
        ----------
        expression : str
            FHIRPath, usually starting with a resource type.
        resource_type : str, optional
            What the expression is about, where it does not start with a type.
        files : path or sequence of paths, optional
            Read these files in place instead of the table, where the database can.
        strict : bool, optional
            As in `connect`, for this query.
        on_error : {"raise", "null"}
            Whether an error of the expression on one resource ends the query, or that resource has no rows and the
            error is among `Result.diagnostics`.
        timeout : float, optional
            Seconds for everything together, instead of the setting ``query_timeout``.
        **variables
            Values of the ``%name`` variables of the expression, lists too; they are bound, never pasted.

        Returns
        -------
        Result
            Rows ``(id, value)`` in the order of ids, then of the document.

        Raises
        ------
        CompileError
            If the expression is wrong; it says where.
        FHIRPathExecutionError
            If the database fails.
        """
        source = self._table() if files is None else file_source(files)
        query = self._query(expression, source, resource_type, strict, on_error, variables)
        return Result(item_columns(query.statement), *query.run(items, timeout))

    def stream(
        self,
        expression: str,
        /,
        *,
        batch_size: int = 10_000,
        resource_type: str | None = None,
        files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
        strict: bool | None = None,
        on_error: str | Callable[[EvaluationError], None] = "raise",
        timeout: float | None = None,
        **variables: object,
    ) -> RowBatches:
        """As `query`, batch by batch: only about ``batch_size`` rows are in memory at a time.

        Parameters
        ----------
        expression, resource_type, files, strict, timeout, **variables
            As in `query`.
        batch_size : int
            Most rows of one batch.
        on_error : {"raise", "null"} or callable
            As in `query`; a function is told of each error.

        Returns
        -------
        RowBatches
            Iterator over lists of rows ``(id, value)``, and context manager.

        Examples
        --------
        >>> with connect() as database:
        ...     report = database.load([{"resourceType": "Patient", "id": f"p{number}"} for number in range(5)])
        ...     [len(batch) for batch in database.stream("Patient.id", batch_size=2)]
        [2, 2, 1]
        """
        source = self._table() if files is None else file_source(files)
        mode = "null" if callable(on_error) else on_error
        query = self._query(expression, source, resource_type, strict, mode, variables)

        def batches() -> Generator[list[Row], None, None]:
            for rows, errors in query.stream(items, batch_size, timeout):
                if callable(on_error):
                    for error in errors:
                        on_error(error)
                yield rows

        return RowBatches(item_columns(query.statement), batches())

    def evaluate(
        self,
        expression: str,
        resource: Mapping[str, Any] | str,
        *,
        variables: Mapping[str, object] | None = None,
        strict: bool | None = None,
        on_error: str = "raise",
        timeout: float | None = None,
    ) -> list[Any]:
        """Evaluate an expression on one resource, which need not be in the database.

        Parameters
        ----------
        expression : str
            FHIRPath.
        resource : Mapping or str
            The resource, or its JSON text.
        variables : Mapping of str to object, optional
            Values of the ``%name`` variables; a list is a collection, and None an empty one.
        strict, on_error, timeout
            As in `query`.

        Returns
        -------
        list
            The items, in order; none where an error was not to be raised.
        """
        source, type = InlineSource(), resource_type_of(resource)
        hidden = {source.parameter: resource if isinstance(resource, str) else encode_json(resource)}
        rows, _ = self._query(expression, source, type, strict, on_error, variables or {}, hidden).run(items, timeout)
        return [value for _, value in rows]

    def view(
        self,
        view: View,
        /,
        *,
        files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
        **constants: object,
    ) -> ViewQuery:
        """A view of the resources, as a ViewDefinition of SQL on FHIR describes it; nothing runs yet.

        Parameters
        ----------
        view : Mapping, str or path
            The ViewDefinition as a dictionary, as JSON text, or the file that holds it.
        files
            As in `query`.
        **constants
            Values of constants, in the place of those of the view; they are bound, never pasted.

        Returns
        -------
        ViewQuery
            Has the schema, the SQL, and the rows once it runs.

        Raises
        ------
        InvalidView
            If the view is wrong; it says where, and all that is wrong at once.

        Examples
        --------
        >>> born = {"resource": "Patient", "select": [{"column": [{"name": "born", "path": "birthDate"}]}]}
        >>> with connect() as database:
        ...     report = database.load([{"resourceType": "Patient", "id": "p1", "birthDate": "1980-05-17"}])
        ...     database.view(born).run().to_dicts()
        [{'born': '1980-05-17'}]
        """
        source = self._table() if files is None else file_source(files)
        return ViewQuery(read_view(view), self.dispatcher, source, model=self.model, constants=constants)

    def sql(self, expression: str, /, *, resource_type: str | None = None, **variables: object) -> str:
        """The SQL that `query` would run, with placeholders where values are bound."""
        return self._query(expression, self._table(), resource_type, None, "raise", variables).statement.sql

    def explain(self, expression: str, /, *, resource_type: str | None = None, **variables: object) -> str:
        """The database's own plan for the SQL that `query` would run."""
        statement = self._query(expression, self._table(), resource_type, None, "raise", variables).statement
        explained = attrs.evolve(statement, sql=f"EXPLAIN {statement.sql}", columns=(), summary="explain")
        return "\n".join(str(row[-1]) for row in self.dispatcher.query(explained).rows)

    def _query(
        self,
        expression: str,
        source: Source,
        resource_type: str | None,
        strict: bool | None,
        on_error: str,
        variables: Mapping[str, object],
        hidden: Mapping[str, object] | None = None,
    ) -> Query:
        options = Options(
            model=self.model,
            strict=self.strict if strict is None else strict,
            context=() if resource_type is None else (resource_type,),
            variables=variable_types(variables),
            on_error=OnError.named(on_error),
        )

        def statement(care: Care) -> Statement:
            compiled = compile_expression(expression, self.dialect.syntax, source, attrs.evolve(options, care=care))
            return bind(compiled, {**variables, **(hidden or {})})

        usual, exact, checked = (functools.partial(statement, care) for care in Care)
        return Query(self.dispatcher, usual(), exact, checked)

    def _table(self) -> TableSource:
        if self._source is None:
            self._source = describe_table(self.dispatcher, self.table, schema=self.schema)
        return self._source

    # --- the database itself ------------------------------------------------------------------------------------------

    def execute_query(
        self, query: str, params: Sequence[object] | Mapping[str, object] | None = None, *, timeout: float | None = None
    ) -> list[Row]:
        """Run SQL of your own and commit.

        Parameters
        ----------
        query, params, timeout
            As in `Dispatcher.execute_query`.

        Returns
        -------
        list of tuple
            The rows, if there are any.

        Examples
        --------
        >>> with connect() as database:
        ...     database.execute_query("SELECT ? + 1", (41,))
        [(42,)]
        """
        return self.dispatcher.execute_query(query, params, timeout=timeout)

    def run(self, work: Callable[[Session], T], *, read_only: bool = False, summary: str = "work") -> T:
        """Run several statements in one transaction; see `Dispatcher.run`."""
        return self.dispatcher.run(work, read_only=read_only, summary=summary)

    def session(self) -> tuple[str, str]:
        """The version of the database that answers, and what identifies the session that did."""
        version, identity = self.dispatcher.query(Statement(sql=self.dialect.syntax.session(), summary="session")).rows[
            0
        ]
        return str(version), str(identity)

    def stats(self) -> PoolStats:
        """Figures of the connection pool."""
        return self.dispatcher.stats()

    def close(self) -> None:
        """Close all connections; harmless when called twice."""
        self.dispatcher.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Database {self.dispatcher.target}>"


@functools.cache
def _in_memory(model: str | None) -> Database:
    return connect("duckdb://", model=model)


def evaluate(
    expression: str,
    resource: Mapping[str, Any] | str,
    *,
    model: str | None = "R4",
    variables: Mapping[str, object] | None = None,
    strict: bool = False,
    on_error: str = "raise",
    database: Database | None = None,
) -> list[Any]:
    """Evaluate a FHIRPath expression on one resource, by the same compiler and in a real database.

    Parameters
    ----------
    expression : str
        FHIRPath.
    resource : Mapping or str
        The resource, or its JSON text.
    model : str, optional
        FHIR version of the resource; None navigates untyped JSON. A given ``database`` has its own.
    variables : Mapping of str to object, optional
        Values of the ``%name`` variables.
    strict : bool
        Whether the specification's strict rules are enforced.
    on_error : {"raise", "null"}
        Whether an error of the expression is raised, or there are no items then.
    database : Database, optional
        Where to evaluate; an embedded DuckDB in memory by default.

    Returns
    -------
    list
        The items, in order: bool, int, Decimal, str, or dict for complex ones.

    Raises
    ------
    CompileError
        If the expression is wrong.
    EvaluationError
        If it fails on this resource.

    Examples
    --------
    >>> evaluate("name.given", {"resourceType": "Patient", "name": [{"given": ["Ada", "Eve"]}]})
    ['Ada', 'Eve']
    """
    where = database or _in_memory(model)
    return where.evaluate(expression, resource, variables=variables, strict=strict, on_error=on_error)
