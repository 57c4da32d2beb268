"""The registry: discovery from real distributions, isolation, and each message word for word."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from fhir4ds.errors import (
    BrokenPlugin,
    DuplicateDialect,
    Fhir4dsError,
    IncompatibleDialect,
    InvalidTarget,
    UnknownDialect,
)
from fhir4ds.registry import Registry, registry

Install = Callable[..., Registry]

_RECORD = """
from fhir4ds.plugin import Dialect, hookimpl
from fhir4ds_postgres.syntax import PostgresSyntax

@hookimpl
def {hook}():
    yield Dialect(
        name={name!r}, api={api}, schemes=({name!r},), system={name!r}, syntax=PostgresSyntax(), load_driver=lambda: None,
        requires="nothing", driver_module="nothing", aliases={aliases!r}, suffixes={suffixes!r},
    )
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put distributions with entry points on the path, and give a registry that sees only them."""
    group = "fhir4ds_test_group"
    modules: list[str] = []

    def add(
        name: str,
        *,
        distribution: str | None = None,
        version: str = "1.0",
        api: int = 1,
        hook: str = "fhir4ds_dialects",
        source: str | None = None,
        aliases: tuple[str, ...] = (),
        suffixes: tuple[str, ...] = (),
    ) -> Registry:
        distribution = distribution or f"fhir4ds-{name}"
        place = tmp_path / distribution
        module = f"plugin_{distribution.replace('-', '_')}"
        modules.append(module)
        info = place / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
        record = _RECORD.format(hook=hook, name=name, api=api, aliases=aliases, suffixes=suffixes)
        (place / f"{module}.py").write_text(source if source is not None else record)
        monkeypatch.syspath_prepend(str(place))
        return Registry(group)

    yield add
    for module in modules:
        sys.modules.pop(module, None)


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
    assert empty.names() == ()


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


def test_plain_path_is_no_guess() -> None:
    assert _message(lambda: registry.for_url("/data/clinic.db"), InvalidTarget) == (
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


def test_misspelt_hook_is_a_broken_plugin(install: Install) -> None:
    found = install("acme", hook="fhir4ds_dialect")
    assert "unknown hook 'fhir4ds_dialect'" in _message(lambda: found.get("acme"), BrokenPlugin)


def test_two_distributions_of_one_name(install: Install) -> None:
    install("sqlite", distribution="other-sqlite", version="0.3")
    found = install("sqlite", distribution="acme-sqlite")
    message = _message(lambda: found.get("sqlite"), DuplicateDialect)
    providers = ["acme-sqlite 1.0", "other-sqlite 0.3"]
    assert message in {
        f"dialect 'sqlite' is provided by {a} and {b}\nhint: uninstall one" for a, b in (providers, providers[::-1])
    }


def test_another_plugin_api(install: Install) -> None:
    found = install("future", distribution="future", version="9", api=2)
    assert _message(lambda: found.get("future"), IncompatibleDialect) == (
        "dialect 'future' (future 9) speaks plugin API 2; this fhir4ds speaks 1..1\nhint: upgrade fhir4ds"
    )


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR4DS_DISABLE", "duckdb, postgresql")
    assert registry.names() == ()
    assert _message(lambda: registry.get("postgres"), UnknownDialect) == (
        "no dialect named 'postgres'\nhint: 'postgres' is switched off by FHIR4DS_DISABLE"
    )
    assert [(status.name, status.status) for status in registry.describe()] == [("duckdb", "off"), ("postgres", "off")]


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
