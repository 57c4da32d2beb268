"""The second half of the contract: bindings to a database's own Python API.

A driver has no policy: no clock, no lock, no sleep, no retry, no log line. Those live once, in `fhir4ds.runtime`, for
every dialect. One driver instance belongs to one `Target`; connections are opaque to the core.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from fhir4ds.dialect.faults import Fault
from fhir4ds.dialect.types import SqlType

#: The driver's own connection object; the core only hands it around.
Connection: TypeAlias = Any

#: Values of placeholders: by name (compiled statements) or by position (a user's own SQL), or none at all.
Parameters: TypeAlias = Mapping[str, object] | Sequence[object] | None

Row: TypeAlias = tuple[Any, ...]


class Cursor(Protocol):
    """The answer to one statement."""

    @property
    def columns(self) -> Sequence[tuple[str, SqlType | None]]:
        """Name and type of each result column; empty for a statement that returns no rows.

        The type is given for JSON columns, whose values come as JSON *text*, for text and for integers; it is None for
        all others.
        """
        ...

    def fetchmany(self, size: int) -> list[Row]:
        """Up to ``size`` further rows; an empty list at the end. What `Driver.execute` answers gives fewer only there."""
        ...

    def close(self) -> None:
        """Let go of what the cursor holds; harmless when called twice."""
        ...


class Driver(Protocol):
    """What a plugin says about talking to its database."""

    #: Base class of the errors of the database API.
    errors: type[Exception]

    def connect(self, timeout: float) -> Connection:
        """Open a connection in autocommit mode, with session settings applied, within ``timeout`` seconds."""
        ...

    def disconnect(self, connection: Connection) -> None:
        """Close a connection; harmless on a dead one."""
        ...

    def execute(self, connection: Connection, sql: str, parameters: Parameters) -> Cursor:
        """Run a statement, buffering its result where the API does."""
        ...

    def stream(self, connection: Connection, sql: str, parameters: Parameters, batch: int) -> Cursor:
        """Run a query inside the open transaction, so that only about ``batch`` rows are in memory at a time."""
        ...

    def load(self, connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
        """Append rows of text to a table as fast as the database can, and return how many.

        ``table`` and ``columns`` are identifiers that are quoted already.
        """
        ...

    def alive(self, connection: Connection, *, probe: bool) -> bool:
        """Whether an idle connection can be used: free of cost, or by a round trip with ``probe=True``."""
        ...

    def reset(self, connection: Connection) -> None:
        """Bring a connection back to the state that `connect` gave it: no transaction, no session state."""
        ...

    def cancel(self, connection: Connection, timeout: float) -> None:
        """Ask the server to stop what the connection is running. Called from another thread; bounded by ``timeout``."""
        ...

    def abort(self, connection: Connection) -> None:
        """Cut the line from another thread without waiting for the server; a blocked call then fails at once."""
        ...

    def fault(self, error: BaseException, connection: Connection | None) -> Fault:
        """Say what happened. ``connection`` is None while connecting. Pure: it changes nothing."""
        ...

    def close(self) -> None:
        """Release what the instance itself holds; no connection of it is used afterwards."""
        ...
