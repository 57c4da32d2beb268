"""The binding to SQLite through the standard library."""

from __future__ import annotations

import base64
import math
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from json import dumps, loads
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from fhir4ds.plugin import Fault, FaultKind, Parameters, Row, SqlType, Target


def _of_no_null(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: None if None in values else function(*values)


def _utc(text: str) -> datetime:
    seconds, fraction, zone = re.fullmatch(r"(.{19})(?:\.(\d+))?(.*)", text).groups("")  # type: ignore[union-attr]
    # A leap second is the moment after second 59.
    moment = datetime.fromisoformat(seconds.replace(":60", ":59") + (zone or "Z").replace("Z", "+00:00"))
    return (
        moment.astimezone(timezone.utc) + timedelta(seconds=":60" in seconds, microseconds=int(f"{fraction:0<6}"[:6]))
    ).replace(tzinfo=None)


# What SQLite has no function for, as one of Python's; its documentation asks for REGEXP to be given so.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "REGEXP_LIKE": lambda text, pattern: re.search(pattern, text, re.DOTALL) is not None,
    "REGEXP_REPLACE": lambda text, pattern, new: re.sub(pattern, new, text, flags=re.DOTALL),
    "REGEXP_GROUP": lambda text, pattern, n: (found := re.search(pattern, text, re.DOTALL)) and (found[n] or None),
    "SPLIT": lambda text, separator: dumps(text.split(separator)),
    "SLICE": lambda array, first, last: dumps(loads(array)[first - 1 : last]),
    "CONCAT_ARRAYS": lambda one, other: other if one == "[]" else one if other == "[]" else f"{one[:-1]},{other[1:]}",
    "WITHOUT_NULLS": lambda array: (
        dumps([item for item in loads(array) if item is not None]) if "null" in array else array
    ),
    "UNHEX_TEXT": lambda text: bytes.fromhex(text).decode(),
    "TO_BASE64": lambda text: base64.b64encode(text.encode()).decode(),
    "FROM_BASE64": base64.b64decode,
    "TO_UTC": lambda text: _utc(text).isoformat(timespec="microseconds"),
    # Binary fractions have 15 digits; what is computed with them is rounded to the 12 that decimals have.
    "FIX": lambda number: round(number, 12) if isinstance(number, float) else number,
    # What real functions give is the same everywhere in its first 13 digits, of which 8 are behind the point.
    "DIGITS": lambda number: round(float(f"{number:.12e}"), 8),
    "ROUND_HALF_UP": lambda number, digits: float(
        Decimal(repr(number)).quantize(Decimal(1).scaleb(-min(digits, 12)), ROUND_HALF_UP)
    ),
    "DECIMAL_TEXT": lambda number: re.sub(r"\.?0*$", "", f"{Decimal(repr(number)):.12f}"),
    "EXP": math.exp,
    "LN": math.log,
    "SQRT": math.sqrt,
    "POWER": math.pow,
}

# The phrases of SQLite's messages that tell what happened; the first that occurs decides.
_BY_PHRASE = (
    ("interrupted", FaultKind.INTERRUPTED),
    ("closed database", FaultKind.DISCONNECT),
    ("is locked", FaultKind.CONFLICT),
    ("constraint failed", FaultKind.INTEGRITY),
    ("readonly", FaultKind.READ_ONLY),
    ("disk is full", FaultKind.RESOURCE),
    ("disk I/O", FaultKind.RESOURCE),
    ("out of memory", FaultKind.RESOURCE),
    ("too big", FaultKind.RESOURCE),
    ("unable to open", FaultKind.MISSING),
    ("no such", FaultKind.MISSING),
    ("user-defined function", FaultKind.DATA),
    ("malformed JSON", FaultKind.DATA),
    ("overflow", FaultKind.DATA),
    ("syntax error", FaultKind.SYNTAX),
    ("incomplete input", FaultKind.SYNTAX),
    ("unrecognized token", FaultKind.SYNTAX),
    ("binding", FaultKind.SYNTAX),
)


class Session:
    """A connection, and what the statement that it runs has raised itself."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw
        self.raised: str | None = None


class SQLiteCursor:
    """The answer to one statement; SQLite finds its rows while they are read, and does not tell their types."""

    def __init__(self, raw: sqlite3.Cursor) -> None:
        self._raw = raw
        self.columns: Sequence[tuple[str, SqlType | None]] = [(name, None) for name, *_ in raw.description or ()]

    def fetchmany(self, size: int) -> list[Row]:
        """Up to ``size`` further rows."""
        return self._raw.fetchmany(size) if self.columns else []

    def close(self) -> None:
        """Let go of the rows that are left."""
        self._raw.close()


class SQLiteDriver:
    """Connections to a file, or to a database in memory that belongs to this driver."""

    errors: type[Exception] = sqlite3.Error

    def __init__(self, target: Target) -> None:
        self._uri = f"file:/{uuid4().hex}?vfs=memdb"
        if target.database not in (None, ":memory:"):
            self._uri = f"file:{quote(str(target.database))}?mode={target.options.get('mode', 'rwc')}"
        self._root: sqlite3.Connection | None = None

    def connect(self, timeout: float) -> Session:
        """Open a connection; ``timeout`` is also how long it waits for the locks of others."""
        session = Session(self._open(timeout))
        self._root = self._root or self._open(timeout)  # keeps a database in memory while no session is open
        return self._bind(session)

    def _open(self, timeout: float) -> sqlite3.Connection:
        raw = sqlite3.connect(self._uri, timeout, isolation_level=None, check_same_thread=False, uri=True)
        raw.execute("SELECT COUNT(*) FROM sqlite_master")  # SQLite opens the file with the first statement only
        return raw

    def _bind(self, session: Session) -> Session:
        for name, function in _FUNCTIONS.items():
            session.raw.create_function(name, -1, _of_no_null(function), deterministic=True)

        def fail(message: str) -> None:
            session.raised = message
            raise ValueError

        # Not deterministic, or SQLite would evaluate it before it is reached.
        session.raw.create_function("FAIL", 1, fail)
        session.raw.create_function("SESSION", 0, lambda: f"{id(session):x}")
        return session

    def disconnect(self, connection: Session) -> None:
        """Close a connection."""
        connection.raw.close()

    def execute(self, connection: Session, sql: str, parameters: Parameters) -> SQLiteCursor:
        """Run a statement with ``:name`` or ``?`` placeholders."""
        connection.raised = None
        return SQLiteCursor(connection.raw.execute(sql, parameters or ()))

    def stream(self, connection: Session, sql: str, parameters: Parameters, batch: int) -> SQLiteCursor:
        """Run a query; SQLite finds each row when it is read."""
        return self.execute(connection, sql, parameters)

    def load(self, connection: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
        """Append rows."""
        places = ", ".join("?" * len(columns))
        cursor = connection.raw.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)
        return max(cursor.rowcount, 0)

    def alive(self, connection: Session, *, probe: bool) -> bool:
        """Whether the connection is open."""
        with suppress(sqlite3.Error):
            connection.raw.execute("SELECT 1" if probe else "")
            return True
        return False

    def reset(self, connection: Session) -> None:
        """Put a new connection in the place of the old one, which ends all that was open or temporary."""
        connection.raw.close()
        connection.raw = self._open(5.0)
        self._bind(connection)

    def cancel(self, connection: Session, timeout: float) -> None:
        """Interrupt what is running; harmless when there is nothing."""
        with suppress(sqlite3.ProgrammingError):
            connection.raw.interrupt()

    def abort(self, connection: Session) -> None:
        """Interrupt: inside one process there is no line to cut."""
        self.cancel(connection, 0)

    def fault(self, error: BaseException, connection: Session | None) -> Fault:
        """Sort an error by the words of SQLite."""
        message = str(error).partition("\n")[0]
        kind = next((kind for phrase, kind in _BY_PHRASE if phrase in message), FaultKind.OTHER)
        if kind is FaultKind.DATA and connection is not None and connection.raised is not None:
            message = connection.raised
        if kind is FaultKind.CONFLICT and connection is None:
            kind = FaultKind.BUSY
        code = getattr(error, "sqlite_errorname", type(error).__name__)
        return Fault(kind=kind, code=code, disconnected=kind is FaultKind.DISCONNECT, message=message)

    def close(self) -> None:
        """Let go of the database."""
        root, self._root = self._root, None
        if root is not None:
            root.close()
