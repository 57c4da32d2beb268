"""From what a driver reports to the exception that a user sees: what happened, where, and what to try."""

from __future__ import annotations

import json
import re

import attrs

from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.statement import RAISE_MARKER
from fhir4ds.errors import (
    Conflict,
    ConnectFailed,
    EvaluationError,
    FHIRPathExecutionError,
    OutcomeUnknown,
    PoolTimeout,
    QueryCancelled,
    QueryFailed,
    QueryTimeout,
)
from fhir4ds.runtime.call import Call, Failure
from fhir4ds.runtime.lease import NoConnection
from fhir4ds.runtime.retry import Phase, Verdict, judge
from fhir4ds.target import Target

# A quoted part of a database's message is a value unless a word before it says that it is a name.
_QUOTED = re.compile(
    r"""(?P<name>\b(?:constraint|relation|column|table|type|function|operator|schema|index|sequence)\ )?
        (?P<quoted>"(?:[^"]|"")*"|'(?:[^']|'')*')""",
    re.VERBOSE | re.IGNORECASE,
)

_CONNECT_HINTS = {
    FaultKind.AUTH: "check user name and password, and that the server lets this user in",
    FaultKind.MISSING: "check the name of the database, or create it",
    FaultKind.BUSY: "let go of other connections, lower pool_size, or raise the limit of the server",
    FaultKind.RESOURCE: "the server is out of a resource that a connection needs; look at its log",
    FaultKind.UNSUPPORTED: "check the options after the ? of the URL, and that the server supports what they ask for",
}

_QUERY_HINTS = {
    FaultKind.AUTH: "grant the user the right to read what the statement reads",
    FaultKind.MISSING: "check that the table exists where the connection looks for it, and load resources first",
    FaultKind.SYNTAX: "the database does not understand or allow the statement",
    FaultKind.DATA: "a value does not fit its type; the cause has the database's own words",
    FaultKind.INTEGRITY: "a constraint of the table forbids the write; the cause has the database's own words",
    FaultKind.READ_ONLY: "queries run in read-only transactions; write with execute_query or load",
    FaultKind.RESOURCE: "the database ran out of disk, memory or another limit; select less, or raise the limit",
    FaultKind.UNSUPPORTED: "this version of the database lacks the feature",
}

#: Hints for single SQLSTATEs that say more than their kind.
_CODE_HINTS = {
    "25001": "the statement cannot run inside a transaction; run it on a connection of its own, from connection()",
}

_EMBEDDED_BUSY_HINT = "another process has the database open; close it there, or open it read-only in both"
_REACH_HINT = "check that the server is running and reachable at this host and port"


@attrs.frozen
class Explainer:
    """Makes exceptions for one target.

    Parameters
    ----------
    dialect : Dialect
        The product.
    target : Target
        Where it is.
    """

    dialect: Dialect
    target: Target

    def error(self, failure: Failure, call: Call) -> FHIRPathExecutionError:
        """Explain what ended an attempt.

        Parameters
        ----------
        failure : Failure
            The fault, and when it came.
        call : Call
            The call that met it.

        Returns
        -------
        FHIRPathExecutionError
            To be raised from the driver's own error.
        """
        fault, phase = failure.fault, failure.phase
        if judge(fault, phase) is Verdict.UNKNOWN:
            return OutcomeUnknown(
                f"the connection to {self.target} was lost while {call.summary} was being committed:"
                " whether it was is not known",
                hint="look at the data before trying again; the call was not repeated",
                code=fault.code,
                expression=call.expression,
            )
        if fault.kind is FaultKind.INTERRUPTED or call.aborted or call.cancelled:
            return self._interrupted(fault, call)
        if phase is Phase.CONNECT:
            return self._connect_error(fault, call)
        if fault.disconnected or fault.kind is FaultKind.DISCONNECT:
            return ConnectFailed(
                f"the connection to {self.target} was lost during {call.summary}{_attempts(call)}: {fault.message}",
                hint="nothing was committed; " + _REACH_HINT,
                code=fault.code,
                expression=call.expression,
            )
        if fault.kind is FaultKind.CONFLICT:
            return Conflict(
                f"{call.summary} collided with another transaction{_attempts(call)}: {fault.message}",
                hint="try again when the other writers are done",
                code=fault.code,
                expression=call.expression,
            )
        return self._refused(fault, call)

    def no_connection(self, refusal: NoConnection, call: Call, waited: float) -> FHIRPathExecutionError:
        """Explain why the pool gave no connection in time.

        Parameters
        ----------
        refusal : NoConnection
            What the pool said.
        call : Call
            The call that waited.
        waited : float
            For how long, in seconds.
        """
        stats = refusal.stats
        if stats.connecting:
            return ConnectFailed(
                f"{self.target} did not answer within {waited:.1f} s",
                hint=_REACH_HINT,
                expression=call.expression,
            )
        return PoolTimeout(
            f"no connection became free within {waited:.1f} s: {stats.used} of {stats.max} in use,"
            f" {stats.pending} waiting",
            hint="raise pool_size or pool_timeout, or find what keeps connections for so long",
            expression=call.expression,
        )

    def timeout(self, call: Call, code: str | None = None) -> QueryTimeout:
        """Say that the budget of a call is used up, and by what."""
        deadline = call.deadline
        return QueryTimeout(
            f"{call.summary} did not end within its {deadline.budget:g} s: {deadline.account()}",
            hint="raise the timeout of the call or query_timeout, or select less",
            code=code,
            expression=call.expression,
        )

    def _interrupted(self, fault: Fault, call: Call) -> FHIRPathExecutionError:
        if call.cancelled:
            return call.cancellation()
        if call.aborted or call.deadline.passed:
            return self.timeout(call, fault.code)
        return QueryCancelled(
            f"the database cancelled {call.summary}: {fault.message}",
            hint="somebody stopped it on the server, or a limit of the server did",
            code=fault.code,
            expression=call.expression,
        )

    def _connect_error(self, fault: Fault, call: Call) -> ConnectFailed:
        hint = _CONNECT_HINTS.get(fault.kind, _REACH_HINT)
        if self.dialect.capabilities.embedded:
            hint = _EMBEDDED_BUSY_HINT if fault.kind is FaultKind.BUSY else "check the path and its permissions"
        return ConnectFailed(
            f"cannot connect to {self.target}{_attempts(call)}: {fault.message}",
            hint=hint,
            code=fault.code,
            expression=call.expression,
        )

    def _refused(self, fault: Fault, call: Call) -> QueryFailed:
        raised = _raised(fault, call)
        if raised is not None:
            return raised
        message = fault.message
        if fault.kind in (FaultKind.DATA, FaultKind.INTEGRITY, FaultKind.OTHER):
            message = _QUOTED.sub(lambda match: match[0] if match["name"] else "'...'", message)
        where = f"{call.summary} failed" if call.expression is None else f"'{_short(call.expression)}' failed"
        return QueryFailed(
            f"{where} on {self.dialect.name}: {message}",
            hint=_CODE_HINTS.get(fault.code or "") or _QUERY_HINTS.get(fault.kind),
            code=fault.code,
            expression=call.expression,
            of_value=fault.kind is FaultKind.DATA,
        )


def _raised(fault: Fault, call: Call) -> EvaluationError | None:
    """The error that a compiled statement raised by itself; None where the database raised it."""
    _, marker, rest = fault.message.partition(RAISE_MARKER)
    if not marker:
        return None
    try:
        # What follows the object are the database's words around ours, such as a closing quote.
        content, _ = json.JSONDecoder().raw_decode(rest)
        return EvaluationError(
            content["message"],
            code=fault.code,
            expression=call.expression,
            position=content.get("position"),
            key=content.get("key"),
        )
    except (ValueError, LookupError, TypeError):
        return None  # a value that happens to contain the marker


def _attempts(call: Call) -> str:
    return f" after {call.attempt} attempts" if call.attempt > 1 else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:77] + "..."
