"""Plugins that are written and installed for a test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from fhir4ds.registry import Registry

Install: TypeAlias = Callable[..., Registry]

#: Source of a plugin with one dialect.
PLUGIN = """
from fhir4ds.plugin import Dialect, hookimpl
from fhir4ds_postgres.syntax import PostgresSyntax

@hookimpl
def {hook}():
    yield Dialect(
        name={name!r}, api={api}, schemes={schemes!r}, system={name!r}, syntax=PostgresSyntax(), load_driver=lambda: None,
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
        schemes: tuple[str, ...] = (),
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
        record = PLUGIN.format(
            hook=hook, name=name, api=api, aliases=aliases, schemes=(name, *schemes), suffixes=suffixes
        )
        (place / f"{module}.py").write_text(source if source is not None else record)
        monkeypatch.syspath_prepend(str(place))
        return Registry(group)

    yield add
    for module in modules:
        sys.modules.pop(module, None)
