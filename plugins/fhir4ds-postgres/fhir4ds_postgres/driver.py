"""The binding to PostgreSQL through psycopg2."""

from __future__ import annotations

import ctypes
import io
import math
import os
import re
import select
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import count
from typing import Any

import psycopg2
from psycopg2 import _psycopg, extensions

from fhir4ds.plugin import Fault, FaultKind, Parameters, Row, SqlType, Target, fault_kind

#: Type numbers of json and jsonb, and of arrays of them (catalog ``pg_type``; they never change).
_JSON, _JSON_ARRAYS = (114, 3802), (199, 3807)

#: The types that the core tells apart, by type number: JSON, texts and integers.
_TYPES = {
    **dict.fromkeys(_JSON, SqlType.JSON),
    **dict.fromkeys((25, 1042, 1043), SqlType.TEXT),
    **dict.fromkeys((20, 21, 23), SqlType.INTEGER),
}

_JSON_TEXT = extensions.new_type(_JSON, "JSON_TEXT", lambda value, _: value)
_JSON_TEXT_ARRAY = extensions.new_array_type(_JSON_ARRAYS, "JSON_TEXT[]", _JSON_TEXT)

# Values that the server starts a session with are those to which DISCARD ALL returns.
_SESSION = {
    "jit": "off",  # made the queries of FHIRPath 1.4 times slower
    "cursor_tuple_fraction": "1",  # a stream is read to its end, so plan for all of it
    "TimeZone": "UTC",
    "DateStyle": "ISO",  # psycopg2 would otherwise ask for it in a round trip of its own
}

# What the URL may override. Each of the three limits catches a way of falling silent that the others do not: no answer
# to what was sent (tcp_user_timeout), nothing to send (keepalives), and no answer to a connection attempt.
_DEFAULTS: Mapping[str, object] = {
    "fallback_application_name": "fhir4ds",
    "client_encoding": "UTF8",
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

#: The first of libpq's ``PGVerbosity``: severity, primary text and position of an error, without DETAIL and CONTEXT.
_TERSE = 0

#: Rows to load go to the server in pieces of about this many bytes.
_COPY_PIECE = 1 << 16

# While connecting psycopg2 has no SQLSTATE, only the words of libpq and the server (src/backend/libpq/auth.c,
# postmaster.c, src/interfaces/libpq/fe-connect.c). Unknown words, as of a server that speaks another language, mean
# that no connection was made. The first match decides.
_CONNECT_PHRASES = (
    (r"too many|connection slots|the database system is", FaultKind.BUSY),
    (r"authentication|password|pg_hba\.conf|role|permission|certificate|channel binding", FaultKind.AUTH),
    (r"database .*does not exist", FaultKind.MISSING),
    (
        r"SSL was required|invalid|unrecognized|unsupported|requires a|connection option|definition of service",
        FaultKind.UNSUPPORTED,
    ),
)


class PostgresCursor:
    """The answer to one statement, or to the first part of a stream."""

    def __init__(self, cursor: extensions.cursor) -> None:
        self._cursor = cursor

    @property
    def columns(self) -> Sequence[tuple[str, SqlType | None]]:
        """Name and type of each column."""
        described = self._cursor.description or ()
        return [(column.name, _TYPES.get(column.type_code)) for column in described]

    def fetchmany(self, size: int) -> list[Row]:
        """Up to ``size`` further rows."""
        return self._cursor.fetchmany(size) if self._cursor.description is not None else []

    def close(self) -> None:
        """Let go of the rows."""
        self._cursor.close()


class PostgresStream(PostgresCursor):
    """A cursor of the server, of whose rows one batch at a time is here."""

    def __init__(self, cursor: extensions.cursor, name: str, batch: int) -> None:
        super().__init__(cursor)
        self._name = name
        self._batch = batch

    def fetchmany(self, size: int) -> list[Row]:
        """Up to ``size`` further rows."""
        rows = super().fetchmany(size)
        if not rows and self._cursor.rowcount == self._batch:
            self._cursor.execute(f"FETCH FORWARD {self._batch} FROM {self._name}")
            rows = super().fetchmany(size)
        return rows

    def close(self) -> None:
        """Close the server's cursor; where its transaction failed or ended it is closed already."""
        connection = self._cursor.connection
        if not self._cursor.closed and connection.get_transaction_status() == extensions.TRANSACTION_STATUS_INTRANS:
            self._cursor.execute(f"CLOSE {self._name}")
        super().close()


class PostgresDriver:
    """Connections to one PostgreSQL database.

    Parameters
    ----------
    target : Target
        Where it is; ``options`` are connection parameters of libpq, such as ``sslmode``. What the target leaves out,
        libpq takes from its environment variables, password file or service file.
    """

    errors: type[Exception] = psycopg2.Error

    def __init__(self, target: Target) -> None:
        given = {
            "host": target.host,
            "port": target.port,
            "user": target.user,
            "password": target.password,
            "dbname": target.database,
        }
        self._parameters = {**_DEFAULTS, **target.options}
        self._parameters.update((name, value) for name, value in given.items() if value is not None)
        settings = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
        self._parameters["options"] = f"{settings} {target.options.get('options', '')}"
        self._hosts = 1 + str(self._parameters.get("host", "")).count(",")
        self._names = count(1)

    def connect(self, timeout: float) -> extensions.connection:
        """Open a connection in autocommit mode."""
        # libpq counts whole seconds, for each address anew: of several hosts one that is silent must not take them all.
        seconds = max(1, math.ceil(timeout / self._hosts))
        parameters: dict[str, Any] = {**self._parameters, "connect_timeout": seconds}
        # Through a string, as psycopg2 has arguments of its own, which a URL must not reach.
        connection = psycopg2.connect(extensions.make_dsn(**parameters))
        connection.autocommit = True
        extensions.register_type(_JSON_TEXT, connection)
        extensions.register_type(_JSON_TEXT_ARRAY, connection)
        return connection

    def disconnect(self, connection: extensions.connection) -> None:
        """Close a connection."""
        connection.close()

    def execute(self, connection: extensions.connection, sql: str, parameters: Parameters) -> PostgresCursor:
        """Run a statement with ``%(name)s`` or ``%s`` placeholders; without values a ``%`` is only a ``%``."""
        cursor = connection.cursor()
        cursor.execute(sql, parameters or None)
        return PostgresCursor(cursor)

    def stream(self, connection: extensions.connection, sql: str, parameters: Parameters, batch: int) -> PostgresStream:
        """Run a query through a cursor of the server; its first batch comes in the same round trip.

        psycopg2's own named cursors refuse to work in autocommit mode, where transactions are the core's statements.
        """
        name = f"fhir4ds_{next(self._names)}"
        cursor = connection.cursor()
        declared = f"DECLARE {name} NO SCROLL CURSOR FOR {sql}\n; FETCH FORWARD {batch} FROM {name}"
        cursor.execute(declared, parameters or None)
        return PostgresStream(cursor, name, batch)

    def load(
        self, connection: extensions.connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
    ) -> int:
        """Append rows by COPY. JSON has no control characters, so with these as quote and delimiter it stays as is."""
        source = _CopySource(rows)
        copy = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')"
        with connection.cursor() as cursor, _terse(connection):
            try:
                cursor.copy_expert(copy, source)
            except psycopg2.Error:
                if source.error is not None:
                    raise source.error from None
                raise
            return cursor.rowcount

    def alive(self, connection: extensions.connection, *, probe: bool) -> bool:
        """Whether nothing can be read: an idle server says nothing but farewell. With ``probe`` whether it answers."""
        try:
            if connection.closed or _readable(connection.fileno()):
                return False
            if probe:
                self.execute(connection, "SELECT 1", None).close()
        except psycopg2.Error:
            return False
        return True

    def reset(self, connection: extensions.connection) -> None:
        """Roll back, and discard all state.

        Always, at the cost of a round trip: no look at a statement can tell that it leaves nothing behind, since even a
        SELECT may call ``set_config`` or ``pg_advisory_lock``.
        """
        if connection.get_transaction_status() != extensions.TRANSACTION_STATUS_IDLE:
            self.execute(connection, "ROLLBACK", None).close()
        self.execute(connection, "DISCARD ALL", None).close()

    def cancel(self, connection: extensions.connection, timeout: float) -> None:
        """Cancel through a second connection.

        psycopg2's ``connection.cancel()`` waits for the server without limit, and stops every thread of Python while
        it does.
        """
        with closing(self.connect(timeout)) as second:
            self.execute(second, f"SELECT pg_cancel_backend({connection.info.backend_pid})", None).close()

    def abort(self, connection: extensions.connection) -> None:
        """Shut the socket down, for which the server is not needed."""
        with suppress(psycopg2.InterfaceError, OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def fault(self, error: BaseException, connection: extensions.connection | None) -> Fault:
        """Sort an error by SQLSTATE; where psycopg2 has none, by phase and by whether the connection is closed."""
        return _connect_fault(error) if connection is None else _statement_fault(error, connection)

    def close(self) -> None:
        """Nothing to release: connections are all there is."""


class _CopySource(io.RawIOBase):
    """What COPY reads: rows as CSV, encoded a piece at a time."""

    def __init__(self, rows: Iterable[Sequence[str]]) -> None:
        self._pieces = _pieces(rows)
        self.error: BaseException | None = None

    def read(self, size: int = -1, /) -> bytes:
        try:
            return next(self._pieces, b"")
        except BaseException as error:  # noqa: BLE001 - re-raised by `load`
            # psycopg2 would raise an error of its own, and send this one's words to the server and its log.
            self.error = error
            raise ValueError("the source of rows failed") from None


def _pieces(rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    piece = bytearray()
    for row in rows:
        quoted = "\x01\x02\x01".join(value.replace("\x01", "\x01\x01") for value in row)
        piece += f"\x01{quoted}\x01\n".encode()
        if len(piece) >= _COPY_PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def _verbosity_setter() -> Callable[[int | None, int], int] | None:
    """Find ``PQsetErrorVerbosity`` in the libpq that psycopg2 itself has loaded; None where it is hidden (Windows)."""
    try:
        # The GIL is kept, as the function only stores a number.
        setter = ctypes.PyDLL(_psycopg.__file__).PQsetErrorVerbosity
    except (OSError, AttributeError):
        return None
    setter.argtypes, setter.restype = (ctypes.c_void_p, ctypes.c_int), ctypes.c_int
    return setter


_set_verbosity = _verbosity_setter()


@contextmanager
def _terse(connection: extensions.connection) -> Iterator[None]:
    """Keep rows out of the texts of errors.

    A COPY that the server ends has two errors: the server's own, whose CONTEXT is a row, and the lost connection. While
    psycopg2 2.9 raises the second, it prints the first to standard error (``pq_raise`` in ``psycopg/pqpath.c``).
    """
    if _set_verbosity is None:
        yield
        return
    before = _set_verbosity(connection.pgconn_ptr, _TERSE)
    try:
        yield
    finally:
        _set_verbosity(connection.pgconn_ptr, before)


def _readable(descriptor: int) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    # Unlike select, poll has no limit at descriptor 1024, which a busy service passes.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _connect_fault(error: BaseException) -> Fault:
    """Say why there is no connection."""
    # One line for each address that was tried.
    lines = str(error).splitlines() or [""]
    for pattern, kind in _CONNECT_PHRASES:
        for line in lines:
            # Names, which are in quotes, could hold any of the words.
            if re.search(pattern, re.sub(r'"[^"]*"', "", line)):
                return Fault(kind=kind, message=line)
    return Fault(kind=FaultKind.CONNECT, message=lines[0])


def _statement_fault(error: BaseException, connection: extensions.connection) -> Fault:
    """Say why a statement failed."""
    code = error.pgcode if isinstance(error, psycopg2.Error) else None
    closed = connection.closed != 0
    if code is not None:
        kind = fault_kind(code)
    elif closed:
        # A terminated backend, a stopped server and a cut line all look like this.
        kind = FaultKind.DISCONNECT
    else:
        # Refused by psycopg2 itself, such as an empty statement or a value of a type that it does not know.
        kind = FaultKind.SYNTAX if isinstance(error, psycopg2.ProgrammingError) else FaultKind.OTHER
    message = str(error).partition("\n")[0]
    return Fault(kind=kind, code=code, disconnected=closed or kind is FaultKind.DISCONNECT, message=message)
