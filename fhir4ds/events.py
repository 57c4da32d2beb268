"""What FHIR4DS tells the log, and the one place that speaks to a logging library.

A library must not decide where a log goes, and must not print by itself. So events go to the host's structlog where it
has configured structlog, else to the standard logger ``fhir4ds``, which stays silent until the host configures logging.
Keys are those of OpenTelemetry's semantic conventions for databases. Parameters, rows and resources are never among
them: they are patient data. ``docs/events.md`` lists every event; a test keeps both equal.

Examples
--------
>>> from structlog.testing import capture_logs
>>> with capture_logs() as entries:
...     emit(Event.POOL_CLOSED, {"db.client.connection.pool.name": "clinic"})
>>> entries
[{'db.client.connection.pool.name': 'clinic', 'event': 'pool.closed', 'log_level': 'debug'}]
>>> structlog.reset_defaults()  # capture_logs leaves structlog configured
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Mapping
from typing import Any, TextIO

import structlog


class Event(enum.Enum):
    """Every event there is: a constant name, object and then past participle. What varies is in the keys."""

    PLUGIN_LOADED = "plugin.loaded"
    PLUGIN_FAILED = "plugin.failed"
    COMPILE_DONE = "compile.done"
    POOL_OPENED = "pool.opened"
    POOL_CONNECTED = "pool.connected"
    POOL_RETIRED = "pool.retired"
    POOL_DISCARDED = "pool.discarded"
    POOL_TIMED_OUT = "pool.timed_out"
    POOL_CLOSED = "pool.closed"
    QUERY_DONE = "query.done"
    QUERY_RETRIED = "query.retried"
    QUERY_FAILED = "query.failed"
    QUERY_CANCELLED = "query.cancelled"
    LOAD_DONE = "load.done"

    @property
    def level(self) -> int:
        """Level at which it is logged: warning for what an operator wants to see, debug for the rest.

        Nothing is logged as an error: the exception is the report.
        """
        return logging.WARNING if self in _WARNINGS else logging.DEBUG


_WARNINGS = frozenset(
    {
        Event.PLUGIN_FAILED,
        Event.POOL_DISCARDED,
        Event.POOL_TIMED_OUT,
        Event.QUERY_RETRIED,
        Event.QUERY_FAILED,
        Event.QUERY_CANCELLED,
    }
)

_standard = logging.getLogger("fhir4ds")
# Without a handler, Python prints warnings to stderr by itself ("handler of last resort").
_standard.addHandler(logging.NullHandler())

_bridge = structlog.wrap_logger(
    _standard,
    processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
    wrapper_class=structlog.stdlib.BoundLogger,
)


def logger() -> Any:
    """The logger to use now: structlog's where the host has configured it, else the standard library's.

    Returns
    -------
    structlog bound logger
        Asked for at each event, as a host may configure structlog after FHIR4DS was imported.
    """
    # An unconfigured structlog would print every event, debug included, to stdout.
    return structlog.get_logger("fhir4ds") if structlog.is_configured() else _bridge


def enabled(level: int) -> bool:
    """Whether somebody may be listening at a level; lets a caller save the work of building keys."""
    return structlog.is_configured() or _standard.isEnabledFor(level)


def verbose() -> bool:
    """Whether somebody may be listening to debug messages."""
    return enabled(logging.DEBUG)


def show(stream: TextIO) -> None:
    """Write every event to a stream, a line each: for a program of our own, which has no logging to fit into.

    Parameters
    ----------
    stream : text stream
        Where to, such as ``sys.stderr``.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def emit(event: Event, keys: Mapping[str, object]) -> None:
    """Log an event at its level.

    Parameters
    ----------
    event : Event
        What happened.
    keys : Mapping of str to object
        The circumstances. Keys whose value is None are left out.
    """
    if not enabled(event.level):
        return
    present = {name: value for name, value in keys.items() if value is not None}
    if event.level == logging.WARNING:
        logger().warning(event.value, **present)
    else:
        logger().debug(event.value, **present)
