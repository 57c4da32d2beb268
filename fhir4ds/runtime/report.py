"""The canonical line of each call, at its end, and one for each retry."""

from __future__ import annotations

from types import TracebackType

import attrs

from fhir4ds import events
from fhir4ds.errors import FHIRPathExecutionError, QueryCancelled
from fhir4ds.events import Event
from fhir4ds.runtime.call import Call
from fhir4ds.runtime.engine import Engine


@attrs.frozen(eq=False)
class UnderWay:
    """A ``with`` block in which a call is where `Dispatcher.cancel` finds it, and at whose end one line says how it ended.

    Parameters
    ----------
    engine : Engine
        Where.
    call : Call
        What is under way; how many attempts it takes does not matter.
    """

    engine: Engine
    call: Call

    def __enter__(self) -> None:
        self.engine.calls.add(self.call)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.engine.calls.discard(self.call)
        match error:
            case None | GeneratorExit():  # a stream that was closed early has done what was wanted
                _report(self.engine, self.call, Event.QUERY_DONE, {})
            case QueryCancelled() | KeyboardInterrupt():
                _report(self.engine, self.call, Event.QUERY_CANCELLED, {"error.type": type(error).__name__})
            case _:
                _report(self.engine, self.call, Event.QUERY_FAILED, _failure(self.call, error))


def report_retry(engine: Engine, call: Call, error: Exception, pause: float) -> None:
    """Log that a call will be tried again after a pause."""
    keys = {"attempt": call.attempt, "attempts": engine.settings.attempts, "delay": round(pause, 3)}
    events.emit(
        Event.QUERY_RETRIED,
        {**engine.names, "db.query.summary": call.summary, **keys, **_failure(call, error)},
    )


def _report(engine: Engine, call: Call, event: Event, keys: dict[str, object]) -> None:
    if not events.enabled(event.level):
        return
    text = call.text if engine.settings.log_statements and events.verbose() else None
    events.emit(
        event,
        {
            **engine.names,
            "db.query.summary": call.summary,
            "db.query.text": text,
            "db.response.returned_rows": call.rows,
            "duration": call.elapsed,
            "wait": call.waited,
            "attempts": call.attempt,
            **keys,
        },
    )


def _failure(call: Call, error: BaseException) -> dict[str, object]:
    return {
        "error.type": type(error).__name__,
        "db.response.status_code": error.code if isinstance(error, FHIRPathExecutionError) else None,
        "fault": None if call.failure is None else call.failure.fault.kind.value,
    }
