"""What DuckDB's errors mean: by their class, and by their words where a class means several things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from fhir4ds.plugin import Fault, FaultKind

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


def open_fault(error: BaseException) -> Fault:
    """Say why the database cannot be opened."""
    return _fault(error, _OPENING, {})


def statement_fault(error: BaseException) -> Fault:
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
