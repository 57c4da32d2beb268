"""Which dialects there are: discovery of plugins, and look-ups by name and by URL.

Plugins are found through entry points in the group ``fhir4ds`` when a dialect is first asked for, never at import. One
broken plugin does not hide the others: its failure is raised only to those who ask for its dialect.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
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
from fhir4ds.target import Target

#: Environment variable that names dialects to leave out, separated by commas.
DISABLE_VARIABLE = "FHIR4DS_DISABLE"

_OFF = f"switched off by {DISABLE_VARIABLE}"


@attrs.frozen
class _Official:
    """What is known of a dialect that we publish ourselves, so that it can be recommended where it is not installed."""

    name: str
    words: frozenset[str]
    suffixes: tuple[str, ...] = ()


_OFFICIAL = (
    _Official("duckdb", frozenset({"duckdb"}), (".duckdb", ".ddb")),
    _Official("postgres", frozenset({"postgres", "postgresql"})),
)


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
        Name of the dialect, or of the entry point where it was not loaded.
    status : str
        ``"ok"``, ``"off"`` or ``"broken"``.
    reason : str, optional
        Why it is off or broken.
    origin : Origin
        Where it comes from.
    aliases, schemes : tuple of str
        What else it answers to. These and all that follows are unknown for a plugin that was not loaded.
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
    """One entry point and what became of it: its dialects, its failure, or neither, where it is switched off."""

    name: str
    origin: Origin
    dialects: tuple[Dialect, ...] = ()
    failure: RegistryError | None = None

    @property
    def off(self) -> bool:
        return not self.dialects and self.failure is None


_Found = Sequence[tuple[Dialect, Origin]]


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
        self._points: tuple[metadata.EntryPoint, ...] | None = None
        self._loaded: dict[int, _Plugin] = {}
        self._registered: dict[str, tuple[Dialect, Origin]] = {}

    # --- look-ups -----------------------------------------------------------------------------------------------------

    def get(self, name: str) -> Dialect:
        """The dialect of a name or alias.

        Raises
        ------
        UnknownDialect, DuplicateDialect, IncompatibleDialect, BrokenPlugin
            If there is none to be had; the message says what to do. A URL is never repeated: it may hold a password.
        """
        if "://" in name:
            raise UnknownDialect(
                "a URL is no name of a dialect", hint="registry.for_url(url) finds the dialect of a URL"
            )
        found = [entry for entry in self._active() if name in (entry[0].name, *entry[0].aliases)]
        if found:
            return _only(repr(name), found)
        self._raise_failure_of(name)
        raise UnknownDialect(f"no dialect named {name!r}", hint=self._advice(name))

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
            return self._for_file(url)
        scheme = scheme.lower()
        found = [entry for entry in self._active() if scheme in entry[0].schemes]
        if found:
            return _only(f"{scheme}://", found)
        # Refuses what is no URL, so that what is shown below is a scheme and no part of a secret.
        scheme = Target.parse(url).scheme
        self._raise_failure_of(scheme)
        raise UnknownDialect(f"no dialect serves {scheme}://...", hint=self._advice(scheme))

    def names(self) -> tuple[str, ...]:
        """The names of the dialects that are installed and loaded, in alphabetical order."""
        return tuple(sorted({dialect.name for dialect, _ in self._active()}))

    def origin(self, name: str) -> str:
        """Distribution and version that provide a dialect, such as ``"fhir4ds-postgres 1.0"``."""
        wanted = self.get(name)
        return str(next(origin for dialect, origin in self._active() if dialect is wanted))

    @property
    def failures(self) -> Mapping[str, RegistryError]:
        """The plugins that failed to load, by the name of their entry point."""
        return MappingProxyType(
            {plugin.name: plugin.failure for plugin in self._plugins() if plugin.failure is not None}
        )

    def describe(self) -> list[DialectStatus]:
        """Everything that is known about every plugin, also of those that are off or broken."""
        everything = self._everything()
        described = [_not_loaded(plugin) for plugin in self._plugins() if not plugin.dialects]
        described += [_loaded(dialect, origin, everything) for dialect, origin in everything]
        return sorted(described, key=lambda status: (status.name, str(status.origin)))

    def __contains__(self, name: object) -> bool:
        return any(name in _names(dialect) for dialect, _ in self._active())

    def __iter__(self) -> Iterator[Dialect]:
        return iter([dialect for dialect, _ in self._active()])

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
            If its name or an alias is taken and ``replace`` is not set.
        IncompatibleDialect
            If it speaks another plugin API.
        """
        origin = Origin("this program", "")
        _check_api(dialect, origin)
        with self._lock:
            taken = next((name for name in (dialect.name, *dialect.aliases) if name in self), None)
            if taken is not None and not replace:
                raise DuplicateDialect(
                    f"dialect {taken!r} is provided by {self.origin(taken)} already",
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

    def _active(self) -> _Found:
        disabled = _disabled()
        return [entry for entry in self._everything() if not _names(entry[0]) & disabled]

    def _everything(self) -> _Found:
        """All dialects that are loaded; one from code stands in place of an installed one of its name."""
        with self._lock:
            installed = [
                (dialect, plugin.origin)
                for plugin in self._plugins()
                for dialect in plugin.dialects
                if dialect.name not in self._registered
            ]
            return [*self._registered.values(), *installed]

    def _plugins(self) -> list[_Plugin]:
        """Every plugin, each loaded at its first use; one that is switched off by name is not even imported."""
        with self._lock:
            if self._points is None:
                self._points = () if self._group is None else tuple(metadata.entry_points(group=self._group))
            disabled = _disabled()
            plugins = []
            for index, point in enumerate(self._points):
                if point.name in disabled:
                    plugins.append(_Plugin(point.name, _origin(point)))
                    continue
                if index not in self._loaded:
                    self._loaded[index] = _load(point)
                plugins.append(self._loaded[index])
            return plugins

    def _for_file(self, path: str) -> Dialect:
        found = [entry for entry in self._active() if any(path.endswith(suffix) for suffix in entry[0].suffixes)]
        if found:
            return _only("the ending of this file name", found)
        for official in _OFFICIAL:
            for suffix in official.suffixes:
                if path.endswith(suffix):
                    self._raise_failure_of(official.name)
                    raise UnknownDialect(f"no dialect opens *{suffix} files", hint=self._advice(official.name))
        raise InvalidTarget(
            "a database is named by a URL, such as duckdb:///clinic.duckdb or postgresql://user@host/database",
            hint="a database file is duckdb:///path/to/file",
        )

    def _raise_failure_of(self, name: str) -> None:
        """Raise why the plugin of that name, or of a dialect that goes by it, could not be loaded."""
        failures = self.failures
        failure = failures.get(name) or failures.get(_official_name(name) or name)
        if failure is not None:
            # One exception is raised to many callers, and would gather the traceback of each.
            raise failure.with_traceback(None)

    def _advice(self, name: str) -> str:
        official = _official_name(name)
        plugins = self._plugins()
        off = [plugin.name for plugin in plugins if plugin.off and plugin.name in {name, official}]
        off += [dialect.name for dialect, _ in self._everything() if name in _names(dialect) | set(dialect.schemes)]
        if off:
            return f"{off[0]!r} is {_OFF}"
        if official is not None:
            return f"pip install fhir4ds-{official}"
        installed = self.names()
        if not installed:
            return "pip install fhir4ds-duckdb or fhir4ds-postgres"
        return did_you_mean(name, installed) or f"installed dialects: {', '.join(installed)}"


def _load(point: metadata.EntryPoint) -> _Plugin:
    """Load one plugin; whatever it raises is kept as its failure."""
    origin = _origin(point)
    try:
        dialects = _provided(point, origin)
    except (BrokenPlugin, IncompatibleDialect) as error:
        return _failed(point, origin, error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - catching whatever a plugin raised is what isolation means
        failure = BrokenPlugin(f"plugin {point.name!r} ({origin}) failed to load: {type(error).__name__}: {error}")
        failure.__cause__ = error
        return _failed(point, origin, failure)
    events.emit(events.Event.PLUGIN_LOADED, {"plugin": point.name, "distribution": str(origin)})
    return _Plugin(point.name, origin, dialects)


def _provided(point: metadata.EntryPoint, origin: Origin) -> tuple[Dialect, ...]:
    """Import a plugin and take its dialects, if it says all that it must."""
    hooks = pluggy.PluginManager(ENTRY_POINT_GROUP)
    hooks.add_hookspecs(Hooks)
    hooks.register(point.load(), name=point.name)
    # A misspelt hook would otherwise be a plugin that silently provides nothing.
    hooks.check_pending()
    dialects = tuple(dialect for provided in hooks.hook.fhir4ds_dialects() for dialect in provided)
    if not dialects:
        raise BrokenPlugin(
            f"plugin {point.name!r} ({origin}) provides no dialect",
            hint="its module needs a function fhir4ds_dialects, marked with hookimpl, that yields a Dialect",
        )
    for dialect in dialects:
        if not isinstance(dialect, Dialect):
            raise TypeError(f"fhir4ds_dialects yields Dialect records, not {type(dialect).__name__}")
        _check_api(dialect, origin)
    return dialects


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


def _only(asked: str, found: _Found) -> Dialect:
    if len(found) > 1:
        raise _clash(asked, found)
    return found[0][0]


def _clash(asked: str, found: _Found) -> DuplicateDialect:
    """The error of two plugins that claim the same: in the order of their names, so that it always reads alike."""
    claims = sorted((dialect.name, str(origin)) for dialect, origin in found)
    if len({name for name, _ in claims}) == 1:
        providers = " and ".join(origin for _, origin in claims)
        return DuplicateDialect(f"dialect {claims[0][0]!r} is provided by {providers}", hint="uninstall one")
    meanings = " and ".join(f"{name!r} ({origin})" for name, origin in claims)
    return DuplicateDialect(
        f"{asked} is claimed by the dialects {meanings}", hint=f"uninstall one, or name it in {DISABLE_VARIABLE}"
    )


def _not_loaded(plugin: _Plugin) -> DialectStatus:
    if plugin.failure is None:
        return DialectStatus(name=plugin.name, status="off", reason=_OFF, origin=plugin.origin)
    return DialectStatus(name=plugin.name, status="broken", reason=plugin.failure.message, origin=plugin.origin)


def _loaded(dialect: Dialect, origin: Origin, everything: _Found) -> DialectStatus:
    namesakes = [entry for entry in everything if entry[0].name == dialect.name]
    status = "ok"
    reason: str | None = None
    if _names(dialect) & _disabled():
        status, reason = "off", _OFF
    elif len(namesakes) > 1:
        status, reason = "broken", _clash(dialect.name, namesakes).message
    return DialectStatus(
        name=dialect.name,
        status=status,
        reason=reason,
        origin=origin,
        aliases=dialect.aliases,
        schemes=dialect.schemes,
        api=dialect.api,
        capabilities=dialect.capabilities,
        driver=importlib.util.find_spec(dialect.driver_module) is not None,
    )


def _origin(point: metadata.EntryPoint) -> Origin:
    return Origin(point.dist.name, point.dist.version) if point.dist is not None else Origin("unknown", "")


def _names(dialect: Dialect) -> set[str]:
    return {dialect.name, *dialect.aliases}


def _official_name(word: str) -> str | None:
    return next((official.name for official in _OFFICIAL if word in official.words), None)


def _disabled() -> set[str]:
    return {name.strip() for name in os.environ.get(DISABLE_VARIABLE, "").split(",") if name.strip()}


#: The registry that everything uses unless it is given another one.
registry = Registry()
