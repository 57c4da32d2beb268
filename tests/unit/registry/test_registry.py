"""The registry: discovery from real distributions, isolation, and each message word for word."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest
import structlog
from structlog.testing import capture_logs

from fhir4ds.errors import (
    BrokenPlugin,
    DuplicateDialect,
    Fhir4dsError,
    IncompatibleDialect,
    InvalidTarget,
    UnknownDialect,
)
from fhir4ds.registry import Registry, registry
from tests.unit.conftest import PLUGIN, Install


def _message(call: Callable[[], object], kind: type[Fhir4dsError]) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def test_finds_what_is_installed() -> None:
    assert registry.names() == ("duckdb", "postgres")
    assert [dialect.name for dialect in registry] == ["duckdb", "postgres"]
    assert "duckdb" in registry
    assert "postgresql" in registry
    assert "oracle" not in registry
    assert registry.get("postgresql") is registry.get("postgres")
    assert registry.origin("postgres").startswith("fhir4ds-postgres 1.0")
    assert dict(registry.failures) == {}


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("duckdb://", "duckdb"),
        ("duckdb:///clinic.duckdb", "duckdb"),
        ("clinic.duckdb", "duckdb"),
        ("postgresql://u@h/d", "postgres"),
        ("POSTGRES://u@h/d", "postgres"),
    ],
)
def test_finds_by_url(url: str, name: str) -> None:
    assert registry.for_url(url).name == name


def test_official_but_not_installed() -> None:
    empty = Registry(group=None)
    assert _message(lambda: empty.get("duckdb"), UnknownDialect) == (
        "no dialect named 'duckdb'\nhint: pip install fhir4ds-duckdb"
    )
    assert _message(lambda: empty.get("postgresql"), UnknownDialect) == (
        "no dialect named 'postgresql'\nhint: pip install fhir4ds-postgres"
    )
    assert _message(lambda: empty.for_url("clinic.duckdb"), UnknownDialect) == (
        "no dialect opens *.duckdb files\nhint: pip install fhir4ds-duckdb"
    )
    assert _message(lambda: empty.get("oracle"), UnknownDialect) == (
        "no dialect named 'oracle'\nhint: pip install fhir4ds-duckdb or fhir4ds-postgres"
    )
    assert empty.names() == ()
    assert empty.describe() == []


def test_a_url_in_place_of_a_name_is_not_repeated() -> None:
    assert _message(lambda: registry.get("postgresql://ada:s3cret@host/clinic"), UnknownDialect) == (
        "a URL is no name of a dialect\nhint: registry.for_url(url) finds the dialect of a URL"
    )


def test_typo() -> None:
    assert _message(lambda: registry.get("postgers"), UnknownDialect) == (
        "no dialect named 'postgers'\nhint: did you mean 'postgres'?"
    )


def test_other_product_names_the_scheme_and_never_the_url(install: Install) -> None:
    install("postgres")
    installed = install("sqlite")
    assert _message(lambda: installed.for_url("mysql://root:s3cret@host/db"), UnknownDialect) == (
        "no dialect serves mysql://...\nhint: installed dialects: postgres, sqlite"
    )


@pytest.mark.parametrize("text", ["/data/clinic.db", "", "ada:s3cret@host/db", "ada:s3cret@host/db?next=http://x"])
def test_what_is_no_url_is_no_guess_and_is_not_repeated(text: str) -> None:
    assert _message(lambda: registry.for_url(text), InvalidTarget) == (
        "a database is named by a URL, such as duckdb:///clinic.duckdb or postgresql://user@host/database\n"
        "hint: a database file is duckdb:///path/to/file"
    )


def test_broken_plugin_is_raised_only_to_those_who_ask_for_it(install: Install) -> None:
    install("spark", source="import a_driver_that_is_not_there")
    found = install("sqlite")
    assert found.names() == ("sqlite",)
    with pytest.raises(BrokenPlugin) as caught:
        found.get("spark")
    assert str(caught.value) == (
        "plugin 'spark' (fhir4ds-spark 1.0) failed to load: "
        "ModuleNotFoundError: No module named 'a_driver_that_is_not_there'"
    )
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    assert _message(lambda: found.for_url("spark://host"), BrokenPlugin) == str(caught.value)
    assert list(found.failures) == ["spark"]


def test_broken_plugin_says_the_same_to_everyone(install: Install) -> None:
    """The one exception is raised many times, and does not gather the tracebacks of all who asked."""
    found = install("spark", source="raise ValueError('no good')")
    depths = []
    for _ in range(3):
        with pytest.raises(BrokenPlugin) as caught:
            found.get("spark")
        depths.append(len(caught.traceback))
    assert depths[0] == depths[1] == depths[2]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise SystemExit(3)", "plugin 'acme' (fhir4ds-acme 1.0) failed to load: SystemExit: 3"),
        (
            "def fhir4ds_dialects(): return []",
            "plugin 'acme' (fhir4ds-acme 1.0) provides no dialect\n"
            "hint: its module needs a function fhir4ds_dialects, marked with hookimpl, that yields a Dialect",
        ),
        (
            "from fhir4ds.plugin import hookimpl\n@hookimpl\ndef fhir4ds_dialects(): return ['acme']",
            "plugin 'acme' (fhir4ds-acme 1.0) failed to load: "
            "TypeError: fhir4ds_dialects yields Dialect records, not str",
        ),
        (
            "from fhir4ds.plugin import hookimpl\n@hookimpl\ndef fhir4ds_dialect(): return []",
            "plugin 'acme' (fhir4ds-acme 1.0) failed to load: PluginValidationError: "
            "unknown hook 'fhir4ds_dialect' in plugin <module 'plugin_fhir4ds_acme' from '{file}'>",
        ),
    ],
    ids=["exits", "no-mark", "no-record", "misspelt-hook"],
)
def test_plugins_that_do_not_say_what_they_must(install: Install, tmp_path: Path, source: str, message: str) -> None:
    found = install("acme", source=source)
    file = tmp_path / "fhir4ds-acme" / "plugin_fhir4ds_acme.py"
    assert _message(lambda: found.get("acme"), BrokenPlugin) == message.format(file=file)
    assert found.names() == ()


def test_two_distributions_of_one_name(install: Install) -> None:
    install("sqlite", distribution="other-sqlite", version="0.3")
    found = install("sqlite", distribution="acme-sqlite")
    message = "dialect 'sqlite' is provided by acme-sqlite 1.0 and other-sqlite 0.3"
    assert _message(lambda: found.get("sqlite"), DuplicateDialect) == f"{message}\nhint: uninstall one"
    assert _message(lambda: found.for_url("sqlite://"), DuplicateDialect) == f"{message}\nhint: uninstall one"
    assert [(str(status.origin), status.status, status.reason) for status in found.describe()] == [
        ("acme-sqlite 1.0", "broken", message),
        ("other-sqlite 0.3", "broken", message),
    ]


def test_two_dialects_of_one_scheme_alias_or_suffix(install: Install) -> None:
    """Each has its own name and stays in reach by it; what both claim is refused, not guessed."""
    install("red", schemes=("acme",), aliases=("acme",), suffixes=(".acme",))
    found = install("blue", schemes=("acme",), aliases=("acme",), suffixes=(".acme",))
    assert [found.get("red").name, found.for_url("blue://").name] == ["red", "blue"]
    both = (
        "is claimed by the dialects 'blue' (fhir4ds-blue 1.0) and 'red' (fhir4ds-red 1.0)\n"
        "hint: uninstall one, or name it in FHIR4DS_DISABLE"
    )
    assert _message(lambda: found.get("acme"), DuplicateDialect) == f"'acme' {both}"
    assert _message(lambda: found.for_url("acme://"), DuplicateDialect) == f"acme:// {both}"
    assert _message(lambda: found.for_url("x.acme"), DuplicateDialect) == f"the ending of this file name {both}"


def test_one_of_two_that_clash_can_be_switched_off(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("red", aliases=("acme",))
    found = install("blue", aliases=("acme",))
    monkeypatch.setenv("FHIR4DS_DISABLE", "red")
    assert found.get("acme").name == "blue"


def test_another_plugin_api(install: Install) -> None:
    found = install("future", distribution="future", version="9", api=2)
    assert _message(lambda: found.get("future"), IncompatibleDialect) == (
        "dialect 'future' (future 9) speaks plugin API 2; this fhir4ds speaks 1..1\nhint: upgrade fhir4ds"
    )


def test_an_older_plugin_api(install: Install) -> None:
    found = install("past", api=0)
    assert _message(lambda: found.get("past"), IncompatibleDialect) == (
        "dialect 'past' (fhir4ds-past 1.0) speaks plugin API 0; this fhir4ds speaks 1..1\nhint: upgrade fhir4ds-past"
    )


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR4DS_DISABLE", "duckdb, postgresql")
    assert registry.names() == ()
    off = "hint: 'postgres' is switched off by FHIR4DS_DISABLE"
    assert _message(lambda: registry.get("postgres"), UnknownDialect) == f"no dialect named 'postgres'\n{off}"
    assert _message(lambda: registry.for_url("postgresql://u:s3cret@h/d"), UnknownDialect) == (
        f"no dialect serves postgresql://...\n{off}"
    )
    assert _message(lambda: registry.for_url("clinic.duckdb"), UnknownDialect) == (
        "no dialect opens *.duckdb files\nhint: 'duckdb' is switched off by FHIR4DS_DISABLE"
    )
    assert [(status.name, status.status, status.reason) for status in registry.describe()] == [
        ("duckdb", "off", "switched off by FHIR4DS_DISABLE"),
        ("postgres", "off", "switched off by FHIR4DS_DISABLE"),
    ]
    monkeypatch.setenv("FHIR4DS_DISABLE", "")
    assert registry.names() == ("duckdb", "postgres")


def test_switched_off_by_an_alias_of_its_own(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    found = install("acme", aliases=("ac",))
    monkeypatch.setenv("FHIR4DS_DISABLE", "ac")
    assert _message(lambda: found.get("ac"), UnknownDialect) == (
        "no dialect named 'ac'\nhint: 'acme' is switched off by FHIR4DS_DISABLE"
    )


def test_plugin_that_is_switched_off_by_name_is_not_imported(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    found = install("spark", source="raise ValueError('no good')")
    monkeypatch.setenv("FHIR4DS_DISABLE", "spark")
    assert _message(lambda: found.get("spark"), UnknownDialect) == (
        "no dialect named 'spark'\nhint: 'spark' is switched off by FHIR4DS_DISABLE"
    )
    assert dict(found.failures) == {}
    assert "plugin_fhir4ds_spark" not in sys.modules
    monkeypatch.delenv("FHIR4DS_DISABLE")
    assert list(found.failures) == ["spark"]


def test_importing_fhir4ds_discovers_nothing() -> None:
    code = "import sys, fhir4ds.database; sys.exit(any(name.startswith('fhir4ds_') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_discovery_happens_once_for_many_threads(install: Install) -> None:
    source = PLUGIN.format(hook="fhir4ds_dialects", name="acme", api=1, aliases=(), schemes=("acme",), suffixes=())
    # Threads that do not wait for the first would look at a half-filled registry.
    found = install("acme", source=f"import time\ntime.sleep(0.1)\n{source}")
    start = threading.Barrier(8)

    def ask() -> object:
        start.wait()
        return found.get("acme")

    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(ask) for _ in range(8)]
    assert len({id(answer.result()) for answer in answers}) == 1


def test_discovery_tells_the_log(install: Install) -> None:
    install("spark", source="import a_driver_that_is_not_there")
    found = install("sqlite")
    with capture_logs() as entries:
        found.names()
        found.names()
    structlog.reset_defaults()
    assert sorted(entries, key=lambda entry: entry["event"]) == [
        {
            "event": "plugin.failed",
            "log_level": "warning",
            "plugin": "spark",
            "distribution": "fhir4ds-spark 1.0",
            "error.type": "ModuleNotFoundError",
        },
        {"event": "plugin.loaded", "log_level": "debug", "plugin": "sqlite", "distribution": "fhir4ds-sqlite 1.0"},
    ]


def test_suffixes_of_database_files(install: Install) -> None:
    found = install("acme", suffixes=(".acme",))
    assert found.for_url("clinic.acme").name == "acme"


def test_register_and_override() -> None:
    own = Registry(group=None)
    fake = attrs.evolve(registry.get("duckdb"), name="fake", schemes=("fake",), aliases=("phony",))
    own.register(fake)
    assert own.get("phony") is fake
    assert own.origin("fake") == "this program"
    assert _message(lambda: own.register(fake), DuplicateDialect) == (
        "dialect 'fake' is provided by this program already\nhint: register(dialect, replace=True) takes its place"
    )
    assert _message(lambda: own.register(attrs.evolve(fake, name="new")), DuplicateDialect) == (
        "dialect 'phony' is provided by this program already\nhint: register(dialect, replace=True) takes its place"
    )
    other = attrs.evolve(fake, system="other")
    with own.override(other) as current:
        assert own.get("fake") is current is other
    assert own.get("fake") is fake
    own.register(other, replace=True)
    assert own.get("fake") is other
    with pytest.raises(IncompatibleDialect):
        own.register(attrs.evolve(fake, name="old", api=0))


def test_override_of_a_discovered_dialect_is_undone() -> None:
    real = registry.get("duckdb")
    with registry.override(attrs.evolve(real, system="fake")):
        assert registry.get("duckdb").system == "fake"
        assert registry.names() == ("duckdb", "postgres")
    assert registry.get("duckdb") is real


def test_describe_tells_everything() -> None:
    status = {status.name: status for status in registry.describe()}["postgres"]
    assert (status.status, status.reason, status.aliases, status.schemes, status.api, status.driver) == (
        "ok",
        None,
        ("postgresql",),
        ("postgresql", "postgres"),
        1,
        True,
    )
    assert status.capabilities == registry.get("postgres").capabilities
