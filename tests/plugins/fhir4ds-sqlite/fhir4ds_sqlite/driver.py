"""The binding to SQLite through pysqlite3, the module of the standard library with an SQLite of its own."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import ROUND_HALF_UP, Decimal
from json import dumps, loads
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pysqlite3 as sqlite3

from fhir4ds.plugin import Fault, FaultKind, Parameters, SqlType, Target

# What SQLite has no function for; all are NULL where an argument is. Its documentation asks for REGEXP to be given so.
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "REGEXP_LIKE": lambda text, pattern: re.search(pattern, text, re.DOTALL) is not None,
    "REGEXP_REPLACE": lambda text, pattern, new, _="g": re.sub(pattern, new, text, flags=re.DOTALL),
    "REGEXP_GROUP": lambda text, pattern, n: (found := re.search(pattern, text, re.DOTALL)) and (found[n] or None),
    "STRING_TO_ARRAY": lambda text, separator: dumps(text.split(separator) if separator else [*text]),
    "SPLIT_PART": lambda text, separator, n: dict(enumerate(text.split(separator), start=1)).get(n, ""),
    "CONVERT_TO": lambda text, encoding: text.encode(encoding),
    "CONVERT_FROM": lambda data, encoding: data.decode(encoding),
    "ENCODE": lambda data, form: data.hex() if form == "hex" else base64.b64encode(data).decode(),
    "DECODE": lambda text, form: bytes.fromhex(text) if form == "hex" else base64.b64decode(text),
    "SLICE": lambda array, first, last: dumps(loads(array)[first - 1 : last]),
    "CONCAT_ARRAYS": lambda one, other: other if one == "[]" else one if other == "[]" else f"{one[:-1]},{other[1:]}",
    "WITHOUT_NULLS": lambda array: dumps([i for i in loads(array) if i is not None]) if "null" in array else array,
    # Binary fractions have 15 digits; what is computed with them is rounded to the 12 that decimals have.
    "FIX": lambda number: round(number, 12) if isinstance(number, float) else number,
    # What real functions give is the same everywhere in its first 13 digits.
    "REAL": lambda name, digits, *numbers: round(float(f"{getattr(math, name)(*numbers):.12e}"), digits),
    "ROUND": lambda n, digits: float(Decimal(repr(n)).quantize(Decimal(10) ** -min(digits, 12), ROUND_HALF_UP)),
    "DECIMAL_TEXT": lambda number: re.sub(r"\.?0*$", "", f"{Decimal(repr(number)):.12f}"),
}

# The phrases of SQLite's messages that tell what happened; the first kind with one that occurs decides.
_PHRASES = {
    FaultKind.INTERRUPTED: "interrupted",
    FaultKind.DISCONNECT: "closed database",
    FaultKind.CONFLICT: "is locked",
    FaultKind.INTEGRITY: "constraint failed",
    FaultKind.READ_ONLY: "readonly",
    FaultKind.RESOURCE: "disk is full|disk I/O|out of memory|too big|too large",
    FaultKind.MISSING: "unable to open|no such",
    FaultKind.DATA: "user-defined function|malformed JSON|overflow",
    FaultKind.SYNTAX: "syntax error|incomplete input|unrecognized token|binding",
}


class SQLiteCursor(sqlite3.Cursor):
    """The answer to one statement; SQLite finds its rows while they are read, and does not tell their types."""

    @property
    def columns(self) -> Sequence[tuple[str, SqlType | None]]:
        """Name of each column."""
        return [(name, None) for name, *_ in self.description or ()]


class Session:
    """A connection, and what the statement that it runs has raised itself."""

    raw: sqlite3.Connection
    raised: str | None = None

    def fail(self, message: str) -> None:
        """Raise an error for a statement, whose words SQLite would not pass on."""
        self.raised = message
        raise ValueError


class SQLiteDriver:
    """Connections to a file, or to a database in memory that belongs to this driver; options are those of its URI."""

    errors: type[Exception] = sqlite3.Error

    def __init__(self, target: Target) -> None:
        in_memory = target.database in (None, ":memory:")
        name, options = (f"/{uuid4().hex}", {"vfs": "memdb"}) if in_memory else (str(target.database), target.options)
        self._uri = f"file:{quote(name)}?{urlencode(options)}"
        self._root: Session | None = None

    def connect(self, timeout: float) -> Session:
        """Open a connection; ``timeout`` is also how long it waits for the locks of others."""
        self._root = self._root or self._open(Session(), timeout)  # keeps a database in memory
        return self._open(Session(), timeout)

    def _open(self, session: Session, timeout: float) -> Session:
        session.raw = raw = sqlite3.connect(self._uri, timeout, 0, None, check_same_thread=False, uri=True)
        raw.execute("SELECT COUNT(*) FROM sqlite_master")  # the file is opened with the first statement only
        for name, function in _FUNCTIONS.items():
            raw.create_function(name, -1, lambda *v, of=function: None if None in v else of(*v), deterministic=True)
        raw.create_function("FAIL", 1, session.fail)  # not deterministic, so that it is evaluated only when reached
        raw.create_function("SESSION", 0, lambda: f"{id(session):x}")
        return session

    def disconnect(self, connection: Session) -> None:
        """Close a connection."""
        connection.raw.close()

    def execute(self, connection: Session, sql: str, parameters: Parameters, batch: int = 0) -> SQLiteCursor:
        """Run a statement with ``:name`` or ``?`` placeholders, of which none takes a Decimal."""
        connection.raised = None
        if isinstance(parameters, Mapping):
            parameters = {name: float(v) if isinstance(v, Decimal) else v for name, v in parameters.items()}
        return connection.raw.cursor(SQLiteCursor).execute(sql, parameters or ())

    stream = execute  # rows are found when they are read

    def load(self, connection: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
        """Append rows."""
        into = f"{table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        return max(connection.raw.executemany(f"INSERT INTO {into}", rows).rowcount, 0)

    def alive(self, connection: Session, *, probe: bool) -> bool:
        """Whether the connection is open."""
        with suppress(sqlite3.Error):
            return bool(connection.raw.execute("SELECT 1" if probe else ""))
        return False

    def reset(self, connection: Session) -> None:
        """Put a new connection in the place of the old one, which ends all that was open or temporary."""
        connection.raw.close()
        self._open(connection, 5.0)

    def cancel(self, connection: Session, timeout: float = 0) -> None:
        """Interrupt what is running; harmless when there is nothing."""
        with suppress(sqlite3.ProgrammingError):
            connection.raw.interrupt()

    abort = cancel  # inside one process there is no line to cut

    def fault(self, error: BaseException, connection: Session | None) -> Fault:
        """Sort an error by the words of SQLite."""
        message = str(error).partition("\n")[0]
        kind = next((kind for kind, phrases in _PHRASES.items() if re.search(phrases, message)), FaultKind.OTHER)
        kind = FaultKind.BUSY if kind is FaultKind.CONFLICT and connection is None else kind
        message = getattr(connection, "raised", None) or message
        code = getattr(error, "sqlite_errorname", type(error).__name__)  # the binding's own have no code
        return Fault(kind=kind, code=code, disconnected=kind is FaultKind.DISCONNECT, message=message)

    def close(self) -> None:
        """Let go of the database."""
        if self._root is not None:
            self._root.raw.close()
