"""The canonical line of each call, at its end, and one for each retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fhir4ds import events
from fhir4ds.errors import FHIRPathExecutionError, QueryCancelled
from fhir4ds.events import Event
from fhir4ds.runtime.call import Call
from fhir4ds.runtime.engine import Engine


@contextmanager
def reported(engine: Engine, call: Call) -> Iterator[None]:
    """Log how a call ended, whatever the number of its attempts: one line for done, failed or cancelled."""
    try:
        yield
    except GeneratorExit:  # a stream that was closed early has done what was wanted
        _report(engine, call, Event.QUERY_DONE, {})
        raise
    except (QueryCancelled, KeyboardInterrupt) as error:
        _report(engine, call, Event.QUERY_CANCELLED, {"error.type": type(error).__name__})
        raise
    except BaseException as error:
        _report(engine, call, Event.QUERY_FAILED, _failure(call, error))
        raise
    _report(engine, call, Event.QUERY_DONE, {})


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
