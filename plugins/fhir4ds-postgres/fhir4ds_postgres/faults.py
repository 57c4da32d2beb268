"""What psycopg2's errors mean: by SQLSTATE, and by words where it has none."""

from __future__ import annotations

import re

import psycopg2
from psycopg2 import extensions

from fhir4ds.plugin import Fault, FaultKind, fault_kind

# While connecting psycopg2 has no SQLSTATE, only the words of libpq and the server (src/backend/libpq/auth.c,
# postmaster.c, src/interfaces/libpq/fe-connect.c). Unknown words, as of a server that speaks another language, mean
# that no connection was made. The first match decides.
_CONNECT_PHRASES = (
    (r"too many|connection slots|the database system is", FaultKind.BUSY),
    (r"authentication|password|pg_hba\.conf|role|permission|certificate|channel binding", FaultKind.AUTH),
    (r"database .*does not exist", FaultKind.MISSING),
    (r"SSL was required|invalid|unrecognized|requires a|connection option", FaultKind.UNSUPPORTED),
)


def connect_fault(error: BaseException) -> Fault:
    """Say why there is no connection."""
    # One line for each address that was tried.
    lines = str(error).splitlines() or [""]
    for pattern, kind in _CONNECT_PHRASES:
        for line in lines:
            # Names, which are in quotes, could hold any of the words.
            if re.search(pattern, re.sub(r'"[^"]*"', "", line)):
                return Fault(kind=kind, message=line)
    return Fault(kind=FaultKind.CONNECT, message=lines[0])


def statement_fault(error: BaseException, connection: extensions.connection) -> Fault:
    """Say why a statement failed."""
    code, primary = None, None
    if isinstance(error, psycopg2.Error):
        code, primary = error.pgcode, error.diag.message_primary
    closed = connection.closed != 0
    if code is not None:
        kind = fault_kind(code)
    elif closed:
        # A terminated backend, a stopped server and a cut line all look like this.
        kind = FaultKind.DISCONNECT
    else:
        # Refused by psycopg2 itself, such as an empty statement or a value of a type that it does not know.
        kind = FaultKind.SYNTAX if isinstance(error, psycopg2.ProgrammingError) else FaultKind.OTHER
    message = (primary or str(error)).partition("\n")[0]
    return Fault(kind=kind, code=code, disconnected=closed or kind is FaultKind.DISCONNECT, message=message)
