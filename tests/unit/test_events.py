"""Events go where the host wants them, and nowhere else."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from fhir4ds import events
from fhir4ds.events import Event

DOCS = Path(__file__).parents[2] / "docs" / "events.md"


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


def run(setup: str, emit: str = "emit(Event.QUERY_RETRIED, {'delay': 1.0})") -> tuple[str, str]:
    """Emit in an interpreter of its own, as a host's configuration is global."""
    code = f"import logging, structlog\nfrom fhir4ds.events import *\n{setup}\n{emit}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout, done.stderr


def test_nothing_appears_in_an_application_that_configured_nothing() -> None:
    assert run("") == ("", "")


def test_the_standard_library_shows_warnings_at_its_default_level() -> None:
    basic = "logging.basicConfig(format='%(levelname)s %(name)s %(message)s %(delay)s')"
    assert run(basic) == ("", "WARNING fhir4ds query.retried 1.0\n")
    assert run(basic, "emit(Event.QUERY_DONE, {'delay': 1.0})") == ("", "")


def test_the_standard_library_shows_debug_where_asked() -> None:
    basic = "logging.basicConfig(level=logging.DEBUG, format='%(levelname)s %(name)s %(message)s')"
    assert run(basic, "emit(Event.QUERY_DONE, {})") == ("", "DEBUG fhir4ds query.done\n")


def test_a_host_with_structlog_gets_events_in_its_own_chain() -> None:
    setup = """
structlog.configure(processors=[
    structlog.contextvars.merge_contextvars, structlog.processors.add_log_level,
    structlog.processors.KeyValueRenderer(sort_keys=True)])
structlog.contextvars.bind_contextvars(request="r1")
"""
    assert run(setup) == ("delay=1.0 event='query.retried' level='warning' request='r1'\n", "")


def test_structlog_may_be_configured_after_the_import() -> None:
    with structlog.testing.capture_logs() as entries:
        events.emit(Event.QUERY_DONE, {"db.system.name": "duckdb", "wait": None})
    assert entries == [{"event": "query.done", "log_level": "debug", "db.system.name": "duckdb"}]


def test_whether_somebody_listens_is_known_beforehand() -> None:
    standard = logging.getLogger("fhir4ds")
    previous = standard.level
    try:
        standard.setLevel(logging.WARNING)
        assert (events.enabled(logging.DEBUG), events.enabled(logging.WARNING)) == (False, True)
        structlog.configure()
        assert events.enabled(logging.DEBUG)
    finally:
        standard.setLevel(previous)


def test_keys_are_attributes_of_the_log_record(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "fhir4ds"):
        events.emit(Event.POOL_CONNECTED, {"db.system.name": "postgresql", "duration": 0.5})
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("DEBUG", "pool.connected")
    assert {name: record.__dict__[name] for name in ("db.system.name", "duration")} == {
        "db.system.name": "postgresql",
        "duration": 0.5,
    }


def test_names_are_object_and_participle() -> None:
    for event in Event:
        assert re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)?", event.value)
        assert event.name == event.value.upper().replace(".", "_")


def test_the_documentation_lists_every_event_with_its_level() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| (debug|warning) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(event.value, logging.getLevelName(event.level).lower()) for event in Event]
