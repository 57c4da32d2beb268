"""Which dialects there are: discovery of plugins, and look-ups by name and by URL.

Plugins are found through entry points in the group ``fhir4ds`` when a dialect is first asked for, never at import. One
broken plugin does not hide the others: its failure is raised only to those who ask for its dialect.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from types import MappingProxyType

import attrs
import pluggy

from fhir4ds import events
from fhir4ds.dialect.model import Capabilities, Dialect
from fhir4ds.errors import (
    BrokenPlugin,
    DuplicateDialect,
    IncompatibleDialect,
    InvalidTarget,
    RegistryError,
    UnknownDialect,
)
from fhir4ds.plugin import ENTRY_POINT_GROUP, SUPPORTED_API, Hooks
from fhir4ds.suggestion import did_you_mean

#: Environment variable that names dialects to leave out, separated by commas.
DISABLE_VARIABLE = "FHIR4DS_DISABLE"

#: The dialects that we publish ourselves, and the URL schemes and names that mean them.
_OFFICIAL = {"duckdb": ("duckdb",), "postgres": ("postgres", "postgresql")}


@attrs.frozen
class Origin:
    """The distribution that provides a dialect."""

    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


@attrs.frozen(kw_only=True)
class DialectStatus:
    """What `Registry.describe` says of one plugin.

    Parameters
    ----------
    name : str
        Name of the dialect, or of the entry point where it failed to load.
    status : str
        ``"ok"``, ``"off"`` or ``"broken"``.
    reason : str, optional
        Why it is off or broken.
    origin : Origin
        Where it comes from.
    aliases, schemes : tuple of str
        What else it answers to.
    api : int, optional
        The plugin API that it speaks.
    capabilities : Capabilities, optional
        What it claims.
    driver : bool, optional
        Whether its database driver is installed.
    """

    name: str
    status: str
    origin: Origin
    reason: str | None = None
    aliases: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    api: int | None = None
    capabilities: Capabilities | None = None
    driver: bool | None = None


@attrs.frozen
class _Plugin:
    """One entry point and what became of it."""

    name: str
    origin: Origin
    dialects: tuple[Dialect, ...] = ()
    failure: RegistryError | None = None


class Registry:
    """Dialects by name.

    Parameters
    ----------
    group : str, optional
        Entry-point group to discover plugins in; None makes an empty registry, for tests.

    Examples
    --------
    >>> "duckdb" in registry, registry.get("postgresql").name
    (True, 'postgres')
    >>> Registry(group=None).get("duckdb")
    Traceback (most recent call last):
    ...
    fhir4ds.errors.UnknownDialect: no dialect named 'duckdb'
    hint: pip install fhir4ds-duckdb
    """

    def __init__(self, group: str | None = ENTRY_POINT_GROUP) -> None:
        self._group = group
        self._lock = threading.RLock()
        self._plugins: tuple[_Plugin, ...] | None = None
        self._registered: dict[str, tuple[Dialect, Origin]] = {}

    # --- look-ups -----------------------------------------------------------------------------------------------------

    def get(self, name: str) -> Dialect:
        """The dialect of a name or alias.

        Raises
        ------
        UnknownDialect, DuplicateDialect, IncompatibleDialect, BrokenPlugin
            If there is none to be had; the message says what to do.
        """
        found = [(dialect, origin) for dialect, origin in self._all() if name in (dialect.name, *dialect.aliases)]
        if not found:
            self._raise_failure_of(name)
            raise UnknownDialect(f"no dialect named {name!r}", hint=self._advice(name))
        return self._only(found)

    def for_url(self, url: str) -> Dialect:
        """The dialect that serves a URL, or a database file by the ending of its name.

        Raises
        ------
        InvalidTarget
            If it is neither.
        UnknownDialect, DuplicateDialect, IncompatibleDialect, BrokenPlugin
            As in `get`. The URL itself is never repeated: it may hold a password.
        """
        scheme, separator, _ = url.partition("://")
        if not separator:
            named = [(dialect, origin) for dialect, origin in self._all() if url.endswith(dialect.suffixes or ("\0",))]
            if named:
                return self._only(named)
            raise InvalidTarget(
                "a database is named by a URL, such as duckdb:///clinic.duckdb or postgresql://user@host/database",
                hint="a database file is duckdb:///path/to/file",
            )
        scheme = scheme.lower()
        found = [(dialect, origin) for dialect, origin in self._all() if scheme in dialect.schemes]
        if not found:
            self._raise_failure_of(scheme)
            raise UnknownDialect(f"no dialect serves {scheme}://...", hint=self._advice(scheme))
        return self._only(found)

    def names(self) -> tuple[str, ...]:
        """The names of the dialects that can be had, in alphabetical order."""
        return tuple(sorted({dialect.name for dialect, _ in self._all()}))

    def origin(self, name: str) -> str:
        """Distribution and version that provide a dialect, such as ``"fhir4ds-postgres 1.0"``."""
        wanted = self.get(name)
        return str(next(origin for dialect, origin in self._all() if dialect is wanted))

    @property
    def failures(self) -> Mapping[str, RegistryError]:
        """The plugins that failed to load, by the name of their entry point."""
        return MappingProxyType(
            {plugin.name: plugin.failure for plugin in self._discovered() if plugin.failure is not None}
        )

    def describe(self) -> list[DialectStatus]:
        """Everything that is known about every plugin, also of those that are off or broken."""
        described = [
            DialectStatus(name=plugin.name, status="broken", reason=plugin.failure.message, origin=plugin.origin)
            for plugin in self._discovered()
            if plugin.failure is not None
        ]
        off = _disabled()
        for dialect, origin in self._everything():
            disabled = bool(off & {dialect.name, *dialect.aliases})
            described.append(
                DialectStatus(
                    name=dialect.name,
                    status="off" if disabled else "ok",
                    reason=f"switched off by {DISABLE_VARIABLE}" if disabled else None,
                    origin=origin,
                    aliases=dialect.aliases,
                    schemes=dialect.schemes,
                    api=dialect.api,
                    capabilities=dialect.capabilities,
                    driver=importlib.util.find_spec(dialect.driver_module) is not None,
                )
            )
        return sorted(described, key=lambda status: status.name)

    def __contains__(self, name: object) -> bool:
        return any(name in (dialect.name, *dialect.aliases) for dialect, _ in self._all())

    def __iter__(self) -> Iterator[Dialect]:
        return iter([dialect for dialect, _ in self._all()])

    # --- registration from code ---------------------------------------------------------------------------------------

    def register(self, dialect: Dialect, *, replace: bool = False) -> None:
        """Add a dialect from code.

        Parameters
        ----------
        dialect : Dialect
            The record.
        replace : bool
            Whether it may take the place of one of the same name.

        Raises
        ------
        DuplicateDialect
            If there is one of that name and ``replace`` is not set.
        IncompatibleDialect
            If it speaks another plugin API.
        """
        origin = Origin("this program", "")
        _check_api(dialect, origin)
        with self._lock:
            if not replace and dialect.name in self:
                raise DuplicateDialect(
                    f"dialect {dialect.name!r} is provided by {self.origin(dialect.name)} already",
                    hint="register(dialect, replace=True) takes its place",
                )
            self._registered[dialect.name] = (dialect, origin)

    @contextmanager
    def override(self, dialect: Dialect) -> Iterator[Dialect]:
        """Put a dialect in place of the one of its name for the time of a ``with`` block."""
        with self._lock:
            before = self._registered.get(dialect.name)
            self.register(dialect, replace=True)
        try:
            yield dialect
        finally:
            with self._lock:
                del self._registered[dialect.name]
                if before is not None:
                    self._registered[dialect.name] = before

    # --- discovery ----------------------------------------------------------------------------------------------------

    def _all(self) -> list[tuple[Dialect, Origin]]:
        off = _disabled()
        return [
            (dialect, origin) for dialect, origin in self._everything() if not off & {dialect.name, *dialect.aliases}
        ]

    def _everything(self) -> list[tuple[Dialect, Origin]]:
        with self._lock:
            registered = list(self._registered.values())
            replaced = set(self._registered)
            found = [
                (dialect, plugin.origin)
                for plugin in self._discovered()
                for dialect in plugin.dialects
                if dialect.name not in replaced
            ]
        return registered + found

    def _discovered(self) -> tuple[_Plugin, ...]:
        with self._lock:
            if self._plugins is None:
                group = self._group
                points = () if group is None else metadata.entry_points(group=group)
                self._plugins = tuple(_load(point) for point in points)
            return self._plugins

    def _only(self, found: list[tuple[Dialect, Origin]]) -> Dialect:
        if len(found) > 1:
            providers = " and ".join(str(origin) for _, origin in found)
            raise DuplicateDialect(f"dialect {found[0][0].name!r} is provided by {providers}", hint="uninstall one")
        return found[0][0]

    def _raise_failure_of(self, name: str) -> None:
        """Raise why the plugin of that name, or of a dialect that goes by it, could not be loaded."""
        meant = next((official for official, names in _OFFICIAL.items() if name in names), name)
        failure = self.failures.get(meant)
        if failure is not None:
            raise failure

    def _advice(self, name: str) -> str | None:
        official = next((known for known, names in _OFFICIAL.items() if name in names), None)
        for dialect, _ in self._everything():
            if name in (dialect.name, *dialect.aliases, *dialect.schemes):
                return f"{dialect.name!r} is switched off by {DISABLE_VARIABLE}"
        if official is not None:
            return f"pip install fhir4ds-{official}"
        installed = self.names()
        close = did_you_mean(name, installed)
        if close is not None:
            return close
        if not installed:
            return "pip install fhir4ds-duckdb or fhir4ds-postgres"
        return f"installed dialects: {', '.join(installed)}"


def _load(point: metadata.EntryPoint) -> _Plugin:
    """Load one plugin; whatever it raises is kept as its failure."""
    origin = Origin(point.dist.name, point.dist.version) if point.dist is not None else Origin("unknown", "")
    try:
        hooks = pluggy.PluginManager(ENTRY_POINT_GROUP)
        hooks.add_hookspecs(Hooks)
        hooks.register(point.load(), name=point.name)
        # A misspelt hook would otherwise be a plugin that silently provides nothing.
        hooks.check_pending()
        dialects = tuple(dialect for provided in hooks.hook.fhir4ds_dialects() for dialect in provided)
        for dialect in dialects:
            _check_api(dialect, origin)
    except IncompatibleDialect as error:
        return _failed(point, origin, error)
    except Exception as error:  # noqa: BLE001 - catching whatever a plugin raised is what isolation means
        failure = BrokenPlugin(f"plugin {point.name!r} ({origin}) failed to load: {type(error).__name__}: {error}")
        failure.__cause__ = error
        return _failed(point, origin, failure)
    events.emit(events.Event.PLUGIN_LOADED, {"plugin": point.name, "distribution": str(origin)})
    return _Plugin(point.name, origin, dialects)


def _failed(point: metadata.EntryPoint, origin: Origin, failure: RegistryError) -> _Plugin:
    keys = {
        "plugin": point.name,
        "distribution": str(origin),
        "error.type": type(failure.__cause__ or failure).__name__,
    }
    events.emit(events.Event.PLUGIN_FAILED, keys)
    return _Plugin(point.name, origin, failure=failure)


def _check_api(dialect: Dialect, origin: Origin) -> None:
    if dialect.api in SUPPORTED_API:
        return
    newer = dialect.api >= SUPPORTED_API.stop
    raise IncompatibleDialect(
        f"dialect {dialect.name!r} ({origin}) speaks plugin API {dialect.api}; "
        f"this fhir4ds speaks {SUPPORTED_API.start}..{SUPPORTED_API.stop - 1}",
        hint="upgrade fhir4ds" if newer else f"upgrade {origin.distribution}",
    )


def _disabled() -> set[str]:
    return {name.strip() for name in os.environ.get(DISABLE_VARIABLE, "").split(",") if name.strip()}


#: The registry that everything uses unless it is given another one.
registry = Registry()
