"""The keys of events are those of the documentation, all of them and no others."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import ConnectFailed, FHIRPathExecutionError, PoolTimeout, QueryCancelled, QueryFailed
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target

from .fakes import LOST, REFUSED, FakeClock, FakeCursor, FakeDriver, fake_dialect

DOCS = Path(__file__).parents[3] / "docs" / "events.md"


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def documented() -> dict[str, set[str]]:
    """Keys of each event, with the names of groups replaced by what is in them."""
    text = DOCS.read_text(encoding="utf-8")
    cells = re.findall(r"^\| (\*?`?[a-z_.]+`?\*?) \| (.*) \|$", text, re.MULTILINE)
    groups = {name: set(re.findall(r"`([^`]+)`", keys)) for name, keys in cells if name.startswith("*")}
    groups["*call*"] |= groups["*database*"]
    events = {}
    for name, rest in cells:
        if rest.startswith(("debug |", "warning |")):
            keys = re.sub(r"\([^)]*\)", "", rest.split(" | ")[-1])
            events[name.strip("`")] = set(re.findall(r"`([^`]+)`", keys)).union(
                *(members for group, members in groups.items() if group in keys)
            )
    return events


def provoke() -> list[dict[str, object]]:
    """Let a dispatcher report everything that it can."""
    driver, clock = FakeDriver(), FakeClock()
    target = Target.parse("fake://ada@db.example:5432/clinic")
    settings = Settings(pool_size=1, pool_timeout=1.0, max_lifetime=50.0, log_statements=True)
    dispatcher = Dispatcher(fake_dialect(driver), target, settings, clock=clock)
    statement = Statement(sql="SELECT", summary="fhirpath Patient.id")
    driver.answer(
        "SELECT",
        Fault(kind=FaultKind.DISCONNECT, code="57P01", disconnected=True, message="gone"),
        FakeCursor([("value", None)], [(1,)]),
        Fault(kind=FaultKind.DATA, code="22P02", message="no"),
        LOST,
    )
    with capture_logs() as entries:
        dispatcher.query(statement)
        with pytest.raises(QueryFailed):
            list(dispatcher.stream(statement, batch_size=1))
        with pytest.raises(ConnectFailed):
            dispatcher.run(lambda session: session.execute("SELECT"))
        with dispatcher.connection(), pytest.raises(PoolTimeout):
            dispatcher.query(statement)
        clock.now += 60.0
        driver.connecting = [REFUSED]
        clock.at(0.5, dispatcher.cancel)
        with pytest.raises(QueryCancelled):
            dispatcher.query(statement)
        dispatcher.close()
        with pytest.raises(FHIRPathExecutionError):
            dispatcher.query(statement)
    return [dict(entry) for entry in entries]


def test_the_keys_are_those_of_the_documentation() -> None:
    seen: dict[str, set[str]] = defaultdict(set)
    for entry in provoke():
        seen[str(entry["event"])] |= set(entry) - {"event", "log_level"}
    expected = {name: keys for name, keys in documented().items() if name.startswith(("pool.", "query."))}
    expected["query.cancelled"].remove("db.response.returned_rows")  # only a stream has any by then
    assert seen == expected
