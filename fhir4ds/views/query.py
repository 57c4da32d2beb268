"""A view over a database, ready to run: its schema, its SQL, its rows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from fhir4ds.compiler.binding import bind
from fhir4ds.compiler.options import Care
from fhir4ds.compiler.variables import variable_types
from fhir4ds.dialect.driver import Row
from fhir4ds.dialect.statement import Column, Statement
from fhir4ds.errors import InvalidArguments
from fhir4ds.plan.nodes import Constant, Node, Parameter
from fhir4ds.plan.rewriting import rewrite
from fhir4ds.plan.rows import mapped
from fhir4ds.plan.source import Source
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.query import Query
from fhir4ds.runtime.result import Result, decode
from fhir4ds.store.exports.formats import EXPORT_BATCH, export
from fhir4ds.store.materializing import materialize
from fhir4ds.suggestion import did_you_mean
from fhir4ds.views.compiling import compile_plan, plan_view
from fhir4ds.views.constants import constant_fault, constant_value
from fhir4ds.views.definition import ViewDefinition
from fhir4ds.views.plan import Form, ViewPlan


@attrs.frozen(kw_only=True)
class SchemaColumn:
    """What is known of a column before anything runs.

    Parameters
    ----------
    name : str
        Its name.
    fhir_type : str or None
        FHIR type of its values; None where it is not known before running.
    sql_type : str
        Its type in a table, as the database calls it.
    collection : bool
        Whether each value is an array.
    """

    name: str
    fhir_type: str | None
    sql_type: str
    collection: bool


class ViewQuery:
    """A view over the resources of a database; made by `fhir4ds.database.Database.view`.

    Parameters
    ----------
    view : ViewDefinition
        The view.
    dispatcher : Dispatcher
        What runs statements.
    source : Source
        Where the resources are.
    model : str, optional
        FHIR version of the resources.
    constants : Mapping of str to object
        Values of constants, which those of the view give way to.
    """

    def __init__(
        self,
        view: ViewDefinition,
        dispatcher: Dispatcher,
        source: Source,
        *,
        model: str | None = "R4",
        constants: Mapping[str, object] | None = None,
    ) -> None:
        self.definition = view
        self.dispatcher = dispatcher
        self._source = source
        self._model = model
        self._values, self._outside = _constants(view, constants or {})
        self._types = dict(variable_types(self._outside))
        plan = self._plan(Form.ROWS)
        compiled = compile_plan(plan, dispatcher.dialect.syntax, source, Form.ROWS)
        unused = [name for name in self._outside if name not in compiled.parameters]
        if unused:
            close = did_you_mean(unused[0], [constant.name for constant in view.constants])
            raise InvalidArguments(f"the view has no constant {unused[0]!r}", hint=close)
        #: The statement that gives the rows; constants are bound.
        self.statement: Statement = bind(compiled, self._values)

    @property
    def name(self) -> str | None:
        """What the view is called."""
        return self.definition.name

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns."""
        return self.statement.columns

    @property
    def schema(self) -> tuple[SchemaColumn, ...]:
        """Name, FHIR type and SQL type of each column, which are known before anything runs."""
        spelled = self.dispatcher.dialect.syntax.column_type
        return tuple(
            SchemaColumn(
                name=column.name,
                fhir_type=column.fhir_type,
                sql_type="" if column.sql is None else spelled(column.sql),
                collection=column.many,
            )
            for column in self.columns
        )

    @property
    def sql(self) -> str:
        """The SQL that `run` runs, with placeholders where constants are bound."""
        return self.statement.sql

    def table_statement(self) -> Statement:
        """The query for a table or view of the database: columns of their SQL types, constants as literals.

        A view that the database keeps can hold no placeholders; literals are quoted by the dialect.
        """
        plan = self._plan(Form.TABLE)

        def literal(node: Node) -> Node | None:
            if not isinstance(node, Parameter):
                return None
            value: Any = self._values[node.name]
            return Constant(value, node.type)

        rows = mapped(plan.rows, lambda _, node: rewrite(node, literal), lambda node: rewrite(node, literal))
        where = None if plan.where is None else rewrite(plan.where, literal)
        plan = attrs.evolve(plan, rows=rows, where=where)
        return compile_plan(plan, self.dispatcher.dialect.syntax, self._source, Form.TABLE).statement

    def run(self, *, timeout: float | None = None) -> Result:
        """The rows, all at once.

        Parameters
        ----------
        timeout : float, optional
            Seconds for everything together, instead of the setting ``query_timeout``.

        Returns
        -------
        Result
            Rows in the order of resources and, within each, of the document.

        Raises
        ------
        EvaluationError
            If a column that holds one value meets several; it has the key of the resource.
        FHIRPathExecutionError
            If the database fails.
        """
        return Result(self.columns, self._query.run(self._decoded, timeout))

    def stream(self, *, batch_size: int = 10_000, timeout: float | None = None) -> Iterator[list[Row]]:
        """The rows in batches: only about ``batch_size`` of them are in memory at a time.

        Parameters
        ----------
        batch_size : int
            Most rows of one batch.
        timeout : float, optional
            As in `run`, for each batch.

        Yields
        ------
        list of tuple
            Rows.
        """
        return self._query.stream(self._decoded, batch_size, timeout)

    def write(
        self, path: str | os.PathLike[str] | None, *, format: str | None = None, timeout: float | None = None
    ) -> int:
        """Write the rows to a file, which appears when it is complete, or to stdout.

        Parameters
        ----------
        path, format
            As for `fhir4ds.store.exports.formats.export`: CSV, NDJSON, JSON or Parquet, by the ending of the file.
        timeout : float, optional
            As in `stream`.

        Returns
        -------
        int
            How many rows.

        Raises
        ------
        DestinationError
            If it cannot be written.
        """
        return export(self.stream(batch_size=EXPORT_BATCH, timeout=timeout), self.columns, path, format=format)

    def materialize(
        self, name: str, *, kind: str = "table", schema: str | None = None, indexes: Sequence[str] = ()
    ) -> int | None:
        """Keep the rows in the database as a table, or the view as a view of its own.

        Parameters
        ----------
        name, kind, schema, indexes
            As for `fhir4ds.store.materializing.materialize`.

        Returns
        -------
        int or None
            Rows that are stored; None for a view.

        Raises
        ------
        DestinationError
            If the name belongs to something that was not made so.
        Unsupported
            If the database has no such kind.

        Examples
        --------
        >>> import fhir4ds
        >>> born = {"resource": "Patient", "select": [{"column": [{"name": "born", "path": "birthDate"}]}]}
        >>> with fhir4ds.connect() as database:
        ...     report = database.load([{"resourceType": "Patient", "id": "p1", "birthDate": "1980-05-17"}])
        ...     rows = database.view(born).materialize("born", indexes=["born"])
        ...     database.execute_query("SELECT born FROM born")
        [('1980-05-17',)]
        """
        statement = self.table_statement()
        return materialize(self.dispatcher, statement, name=name, kind=kind, schema=schema, indexes=indexes)

    def __iter__(self) -> Iterator[Row]:
        for batch in self.stream():
            yield from batch

    def __repr__(self) -> str:
        return f"<ViewQuery {self.name or self.definition.resource}: {', '.join(c.name for c in self.columns)}>"

    def _plan(self, form: Form, care: Care = Care.USUAL) -> ViewPlan:
        return plan_view(self.definition, model=self._model, form=form, variables=self._types, care=care)

    @property
    def _query(self) -> Query:
        return Query(self.dispatcher, self.statement, lambda: self.statement, self._checked)

    def _checked(self) -> Statement:
        plan = self._plan(Form.ROWS, Care.VALUES)
        return bind(compile_plan(plan, self.dispatcher.dialect.syntax, self._source, Form.ROWS), self._values)

    def _decoded(self, rows: Sequence[Row], statement: Statement) -> list[Row]:
        return decode(rows, statement.columns)


def _constants(view: ViewDefinition, given: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """The values of all constants, and of those among them that the view does not declare."""
    values = {constant.name: constant_value(constant.type, constant.value) for constant in view.constants}
    types = {constant.name: constant.type for constant in view.constants}
    outside = {name: value for name, value in given.items() if name not in types}
    for name, raw in given.items():
        value = raw
        if name in types:
            value = constant_value(types[name], raw)
            wrong = constant_fault(types[name], value)
            if wrong is not None:
                raise InvalidArguments(f"the value given for the constant {name!r} {wrong}")
        values[name] = value
    return values, outside
