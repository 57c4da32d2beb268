"""The binding to DuckDB's Python API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from uuid import uuid4

import duckdb

from fhir4ds.plugin import Fault, FaultKind, Parameters, Row, SqlType, Target

#: What DuckDB answers where a statement has no result of its own.
_NO_RESULT = ([("Count", "BIGINT")], [("Success", "BOOLEAN")])

#: The types that the core tells apart.
_TYPES = {
    "JSON": SqlType.JSON,
    "VARCHAR": SqlType.TEXT,
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), SqlType.INTEGER),
}

#: A batch of rows to load ends at whichever comes first; larger ones were not faster.
_BATCH_ROWS = 2_000
_BATCH_CHARACTERS = 8_000_000

# DuckDB has no SQLSTATE: the classes of its errors say what happened, the nearest base class in this table decides.
_BY_CLASS: Mapping[type[BaseException], FaultKind] = {
    duckdb.InterruptException: FaultKind.INTERRUPTED,
    duckdb.ConnectionException: FaultKind.DISCONNECT,
    duckdb.CatalogException: FaultKind.SYNTAX,
    duckdb.BinderException: FaultKind.SYNTAX,
    duckdb.ParserException: FaultKind.SYNTAX,
    duckdb.DataError: FaultKind.DATA,
    duckdb.InvalidInputException: FaultKind.DATA,
    duckdb.IntegrityError: FaultKind.INTEGRITY,
    duckdb.NotSupportedError: FaultKind.UNSUPPORTED,
    duckdb.PermissionException: FaultKind.AUTH,
    duckdb.OutOfMemoryException: FaultKind.RESOURCE,
    duckdb.IOException: FaultKind.RESOURCE,
}

# Where one class means several things, the first phrase that occurs in the first line of the message tells them apart.
_BY_PHRASE: Sequence[tuple[type[BaseException], str, FaultKind]] = (
    (duckdb.CatalogException, "does not exist", FaultKind.MISSING),
    (duckdb.BinderException, "not found", FaultKind.MISSING),
    (duckdb.BinderException, "No function matches", FaultKind.MISSING),
    (duckdb.TransactionException, "read-only", FaultKind.READ_ONLY),
    (duckdb.TransactionException, "constraint violation", FaultKind.INTEGRITY),
    (duckdb.TransactionException, "onflict", FaultKind.CONFLICT),
    (duckdb.InvalidInputException, "attached in read-only mode", FaultKind.READ_ONLY),
    (duckdb.InvalidInputException, "Values were not provided for the following", FaultKind.SYNTAX),
    (duckdb.InvalidInputException, "Parameter argument/count mismatch", FaultKind.SYNTAX),
    (duckdb.IOException, "No files found", FaultKind.MISSING),
    (duckdb.IOException, "No such file", FaultKind.MISSING),
    (duckdb.IOException, "Permission denied", FaultKind.AUTH),
    (duckdb.Error, "xtension", FaultKind.UNSUPPORTED),
)

# The same while opening the database. Only the lock of another process goes away by itself: like a server that is full,
# the database is there but takes no connection now.
_OPENING: Sequence[tuple[type[BaseException], str, FaultKind]] = (
    (duckdb.IOException, "Could not set lock", FaultKind.BUSY),
    (duckdb.IOException, "No such file", FaultKind.MISSING),
    (duckdb.IOException, "does not exist", FaultKind.MISSING),
    (duckdb.IOException, "Permission denied", FaultKind.AUTH),
    # An option, or the value of one.
    (duckdb.ProgrammingError, "", FaultKind.UNSUPPORTED),
    (duckdb.NotSupportedError, "", FaultKind.UNSUPPORTED),
)


class Session:
    """One session of the database: the core's connection.

    Parameters
    ----------
    raw : duckdb.DuckDBPyConnection
        DuckDB's own connection; another one after each reset.
    """

    def __init__(self, raw: duckdb.DuckDBPyConnection) -> None:
        self.raw = raw
        self.cursor: DuckDBCursor | None = None


class DuckDBCursor:
    """The answer to the latest statement of a session; DuckDB computes it while it is read."""

    def __init__(self, session: Session, sql: str) -> None:
        self._session = session
        self._sql = sql
        self._columns: Sequence[tuple[str, SqlType | None]] | None = None

    @property
    def columns(self) -> Sequence[tuple[str, SqlType | None]]:
        """Name and type of each column; found out when they are asked for, which costs as much as a small statement."""
        if self._columns is None:
            raw = self._current()
            described = [(name, str(type)) for name, type, *_ in raw.description or ()]
            if described in _NO_RESULT and not _is_query(raw, self._sql):
                described = []
            self._columns = [(name, _TYPES.get(type)) for name, type in described]
        return self._columns

    def fetchmany(self, size: int) -> list[Row]:
        """Up to ``size`` further rows."""
        return self._current().fetchmany(size) if self.columns else []

    def _current(self) -> duckdb.DuckDBPyConnection:
        if self._session.cursor is not self:
            # DuckDB would hand out rows of the later statement.
            raise duckdb.InvalidInputException("this result is gone: its connection has run another statement since")
        return self._session.raw

    def close(self) -> None:
        """Nothing to do: DuckDB lets go of a result with the next statement of the session, or at its reset."""


class DuckDBDriver:
    """Sessions of one database, which this process opens once.

    Parameters
    ----------
    target : Target
        ``database`` is the path of a file; without it the database is in memory, one for each driver. ``options`` are
        settings of DuckDB, such as ``threads`` or ``memory_limit``, and ``read_only``.
    """

    errors: type[Exception] = duckdb.Error

    def __init__(self, target: Target) -> None:
        in_memory = target.database in (None, ":memory:")
        # By its name the same database in memory is found again, as a file is by its path.
        self._path = f":memory:{uuid4().hex}" if in_memory else str(target.database)
        self._config = {
            # No extension is fetched from the network, and no variable of a calling program is taken for a table.
            "autoinstall_known_extensions": "false",
            "python_enable_replacements": "false",
            **target.options,
        }
        if "read_only" in self._config:
            given = self._config.pop("read_only")
            self._config["access_mode"] = {"true": "read_only", "false": "automatic"}.get(given.lower(), given)
        self._root: duckdb.DuckDBPyConnection | None = None

    def connect(self, timeout: float) -> Session:
        """Open a session. There is nothing to wait for, so ``timeout`` has no part in it."""
        return Session(self._open().cursor())

    def _open(self) -> duckdb.DuckDBPyConnection:
        # Needs no lock: several threads that come here at once open the same database, since DuckDB keeps one instance
        # of each path, and whichever root stays keeps it open.
        root = self._root
        if root is None:
            root = duckdb.connect(self._path, config=dict(self._config))
            root.execute("SET GLOBAL TimeZone = 'UTC'")
            self._root = root
        return root

    def disconnect(self, connection: Session) -> None:
        """Close a session."""
        connection.raw.close()

    def execute(self, connection: Session, sql: str, parameters: Parameters) -> DuckDBCursor:
        """Run a statement with ``$name`` or ``?`` placeholders."""
        connection.cursor = None
        sql.encode()  # fails where it is not Unicode, of which DuckDB makes a RuntimeError
        connection.raw.execute(sql, parameters)
        connection.cursor = cursor = DuckDBCursor(connection, sql)
        return cursor

    def stream(self, connection: Session, sql: str, parameters: Parameters, batch: int) -> DuckDBCursor:
        """Run a query; DuckDB computes each result as it is read."""
        return self.execute(connection, sql, parameters)

    def load(self, connection: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
        """Append rows, a batch of them as one list for each column.

        That was as fast as writing a CSV file for DuckDB to read, and a hundred times faster than a row at a time.
        """
        lists = ", ".join(f"unnest(${position + 1})" for position in range(len(columns)))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {lists}"
        loaded = 0
        for batch in _batches(rows):
            self.execute(connection, sql, [list(values) for values in zip(*batch, strict=True)])
            loaded += len(batch)
        return loaded

    def alive(self, connection: Session, *, probe: bool) -> bool:
        """Whether the session is open; with ``probe`` whether it answers."""
        try:
            connection.raw.query_progress()
            if probe:
                self.execute(connection, "SELECT 1", None)
        except duckdb.Error:
            return False
        return True

    def reset(self, connection: Session) -> None:
        """Put a new session in the place of the old one.

        DuckDB has no ``DISCARD ALL``, and this costs less than a ``ROLLBACK``. It ends an open transaction, drops
        temporary tables, settings and variables, and lets go of a result that was not read to its end.
        """
        connection.raw.close()
        connection.cursor = None
        connection.raw = self._open().cursor()

    def cancel(self, connection: Session, timeout: float) -> None:
        """Interrupt the running statement; harmless when there is none."""
        with suppress(duckdb.ConnectionException):
            connection.raw.interrupt()

    def abort(self, connection: Session) -> None:
        """Interrupt: inside one process there is no line to cut."""
        self.cancel(connection, 0)

    def fault(self, error: BaseException, connection: Session | None) -> Fault:
        """Sort an error by its class, and by its words where a class means several things."""
        return _open_fault(error) if connection is None else _statement_fault(error)

    def close(self) -> None:
        """Let go of the database; its file is unlocked once every session is closed too."""
        root, self._root = self._root, None
        if root is not None:
            root.close()


def _is_query(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Whether a result that looks like DuckDB's row count is what a query named ``Count`` or ``Success`` answered."""
    *_, last = connection.extract_statements(sql)
    return last.expected_result_type == [duckdb.ExpectedResultType.QUERY_RESULT]


def _batches(rows: Iterable[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    batch: list[Sequence[str]] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += sum(map(len, row))
        if len(batch) >= _BATCH_ROWS or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _open_fault(error: BaseException) -> Fault:
    """Say why the database cannot be opened."""
    return _fault(error, _OPENING, {})


def _statement_fault(error: BaseException) -> Fault:
    """Say why a statement failed."""
    return _fault(error, _BY_PHRASE, _BY_CLASS)


def _fault(
    error: BaseException,
    phrases: Sequence[tuple[type[BaseException], str, FaultKind]],
    classes: Mapping[type[BaseException], FaultKind],
) -> Fault:
    message = str(error).partition("\n")[0]
    kinds = [kind for type, phrase, kind in phrases if isinstance(error, type) and phrase in message]
    kinds += [classes[base] for base in type(error).__mro__ if base in classes]
    return Fault(
        kind=kinds[0] if kinds else FaultKind.OTHER,
        code=type(error).__name__,
        # After a fatal error DuckDB refuses every further statement.
        disconnected=isinstance(error, (duckdb.ConnectionException, duckdb.FatalException)),
        message=message,
    )
