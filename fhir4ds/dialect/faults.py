"""What can go wrong in a database, in words that every product shares.

A driver says *what happened* (`Fault`); what to do about it is the runtime's business. SQLSTATE is a standard
(ISO/IEC 9075, and PostgreSQL documentation, appendix A), so its table lives here and not in a plugin.
"""

from __future__ import annotations

import enum

import attrs


class FaultKind(enum.Enum):
    """The kinds of failure that the runtime tells apart."""

    CONNECT = "connect"  # no connection could be made
    BUSY = "busy"  # the server is there but takes no connection now
    DISCONNECT = "disconnect"  # an open connection was lost
    CONFLICT = "conflict"  # concurrent transactions collided; the whole unit may be tried again
    INTERRUPTED = "interrupted"  # a timeout of the server's or a cancel request stopped the statement
    OUTCOME = "outcome"  # the server says that it does not know whether the transaction was committed
    AUTH = "auth"  # wrong password, role or right to connect
    MISSING = "missing"  # no such database, table, column or function
    SYNTAX = "syntax"  # a statement that the database does not understand or allow
    DATA = "data"  # a value that does not fit its type; also errors raised by the statement itself
    INTEGRITY = "integrity"  # a constraint was violated
    READ_ONLY = "read_only"  # a write in a read-only transaction or database
    RESOURCE = "resource"  # out of disk, memory or another limit
    UNSUPPORTED = "unsupported"  # the database does not have the feature
    OTHER = "other"


@attrs.frozen(kw_only=True)
class Fault:
    """What happened, as far as the driver can tell.

    Parameters
    ----------
    kind : FaultKind
        Sort of failure.
    code : str, optional
        SQLSTATE, or the product's own code or class name.
    disconnected : bool
        Whether the connection is of no further use.
    message : str
        The first line of the database's own words; never the detail lines, which may hold values.
    """

    kind: FaultKind
    code: str | None = None
    disconnected: bool = False
    message: str = ""


_BY_CODE = {
    "08001": FaultKind.CONNECT,
    "08004": FaultKind.CONNECT,
    "08007": FaultKind.OUTCOME,
    "40003": FaultKind.OUTCOME,
    "53300": FaultKind.BUSY,
    "57P03": FaultKind.BUSY,
    "57P01": FaultKind.DISCONNECT,
    "57P02": FaultKind.DISCONNECT,
    "57P05": FaultKind.DISCONNECT,
    "40001": FaultKind.CONFLICT,
    "40P01": FaultKind.CONFLICT,
    "55P03": FaultKind.CONFLICT,
    "57014": FaultKind.INTERRUPTED,
    "25006": FaultKind.READ_ONLY,
    "3D000": FaultKind.MISSING,
    "3F000": FaultKind.MISSING,
    "42P01": FaultKind.MISSING,
    "42703": FaultKind.MISSING,
    "42883": FaultKind.MISSING,
    "42501": FaultKind.AUTH,
    "58030": FaultKind.RESOURCE,
}

_BY_CLASS = {
    "08": FaultKind.DISCONNECT,
    "0A": FaultKind.UNSUPPORTED,
    "22": FaultKind.DATA,
    "23": FaultKind.INTEGRITY,
    "28": FaultKind.AUTH,
    "40": FaultKind.CONFLICT,
    "42": FaultKind.SYNTAX,
    "53": FaultKind.RESOURCE,
    "54": FaultKind.RESOURCE,
}


def fault_kind(sqlstate: str) -> FaultKind:
    """Sort an SQLSTATE.

    Parameters
    ----------
    sqlstate : str
        Five characters.

    Returns
    -------
    FaultKind
        By the code, else by its class (the first two characters), else ``OTHER``.

    Examples
    --------
    >>> fault_kind("40P01").name, fault_kind("22P02").name, fault_kind("XX000").name
    ('CONFLICT', 'DATA', 'OTHER')
    """
    return _BY_CODE.get(sqlstate) or _BY_CLASS.get(sqlstate[:2], FaultKind.OTHER)
