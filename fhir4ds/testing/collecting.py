"""How pytest finds the cases: for which dialects, in which tier, and which of them are known to fail."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import pytest

from fhir4ds.dialect.model import Dialect
from fhir4ds.errors import UnknownDialect
from fhir4ds.registry import registry
from fhir4ds.testing.fixtures import url_variable
from fhir4ds.testing.gaps import FILE_NAME, Gap, InvalidGaps, check_known, read_gaps
from fhir4ds.testing.report import PROPERTY, REQUIRED, Ledger

#: Where the tests of the kit are defined, whoever imports them.
_SUITE = "fhir4ds.testing.suite."


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the kit."""
    group = parser.getgroup("fhir4ds", "conformance of dialects of FHIR4DS")
    group.addoption("--dialect", action="append", metavar="NAME", help="a dialect to test; all with a database if none")
    group.addoption("--url", metavar="URL", help="its database, where objects may be made; in memory if embedded")
    group.addoption("--require", action="store_true", help="fail, instead of skipping, where there is no database")
    group.addoption("--known", type=Path, metavar="FILE", help=f"known gaps; {FILE_NAME} beside the tests if not given")
    group.addoption("--report", type=Path, metavar="FILE", help="write a report as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark of capabilities known, and begin to take notes."""
    config.addinivalue_line("markers", "requires(capability): only where the dialect claims the capability")
    if not hasattr(config, "workerinput"):  # with pytest-xdist, outcomes reach the process that began
        config.pluginmanager.register(Ledger(config.getoption("--report")), "fhir4ds-conformance")


@pytest.hookimpl(tryfirst=True)  # so that the dialect comes first in the name of a test
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of the kit once for each dialect that is tested."""
    if metafunc.function.__module__.startswith(_SUITE):
        names = _tested(metafunc)
        metafunc.parametrize("dialect", names, ids=names, indirect=True, scope="module")


def _tested(metafunc: pytest.Metafunc) -> Sequence[str]:
    """What the module says (``DIALECT = "name"``), or the command line, or each dialect that has a database."""
    of_module: str | None = getattr(metafunc.module, "DIALECT", None)
    if of_module is not None:
        return [of_module]
    asked: list[str] | None = metafunc.config.getoption("--dialect")
    if asked:
        return asked
    installed = list(registry)
    given = metafunc.config.getoption("--url") is not None
    ready = [each.name for each in installed if each.capabilities.embedded or url_variable(each.name) in os.environ]
    return ready if ready and not given else [each.name for each in installed]


@attrs.frozen
class _Case:
    """A test of the kit for one dialect."""

    item: pytest.Function
    dialect: Dialect
    name: str
    capability: str | None

    @property
    def chapter(self) -> str:
        return self.name.partition("/")[0]

    @property
    def claimed(self) -> bool:
        return self.capability is None or _claims(self.dialect, self.capability)


@pytest.hookimpl(tryfirst=True)  # before -k and -m leave any out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not claimed, and mark what is known to fail."""
    try:
        cases = [case for item in items if (case := _case(item)) is not None]
    except UnknownDialect as error:
        raise pytest.UsageError(str(error)) from error
    if not cases:
        return
    by_list: dict[tuple[Path, str], list[_Case]] = defaultdict(list)
    for case in cases:
        file = config.getoption("--known") or case.item.path.parent / FILE_NAME
        by_list[file, case.dialect.name].append(case)
    try:
        for (file, _), listed in by_list.items():
            _mark(listed, read_gaps(file), whole=not any("::" in argument for argument in config.args))
    except InvalidGaps as error:
        raise pytest.UsageError(str(error)) from error
    left_out = {id(case.item): case.item for case in cases if not case.claimed}
    items[:] = [item for item in items if id(item) not in left_out]
    config.hook.pytest_deselected(items=list(left_out.values()))


def _mark(cases: Sequence[_Case], gaps: Mapping[str, Gap], *, whole: bool) -> None:
    if whole:
        chapters = {case.chapter for case in cases}
        looked_for = [gap for gap in gaps.values() if gap.case.partition("/")[0] in chapters]
        check_known(looked_for or gaps.values(), [case.name for case in cases if case.claimed])
    for case in cases:
        gap = gaps.get(case.name)
        if gap is not None:
            case.item.add_marker(pytest.mark.xfail(reason=f"{gap.kind}: {gap.reason}", strict=True))
        note = {"dialect": case.dialect.name, "case": case.name, "tier": case.capability or REQUIRED}
        case.item.user_properties.append((PROPERTY, note))


def _case(item: pytest.Item) -> _Case | None:
    if not isinstance(item, pytest.Function) or not item.function.__module__.startswith(_SUITE):
        return None
    dialect = registry.get(str(item.callspec.params["dialect"]))
    chapter = item.function.__module__.removeprefix(_SUITE).removeprefix("test_")
    title = item.function.__name__.removeprefix("test_").replace("_", "-")
    # The name of the test ends in [dialect-the rest].
    rest = item.callspec.id.removeprefix(dialect.name).removeprefix("-")
    mark = item.get_closest_marker("requires")
    name = f"{chapter}/{title}" + (f"[{rest}]" if rest else "")
    return _Case(item, dialect, name, None if mark is None else mark.args[0])


def _claims(dialect: Dialect, capability: str) -> bool:
    """Whether a dialect claims a capability; those that the compiler must know of stand in its syntax."""
    if capability == "server":
        return not dialect.capabilities.embedded
    owner = dialect.capabilities if hasattr(dialect.capabilities, capability) else dialect.syntax
    return bool(getattr(owner, capability))
