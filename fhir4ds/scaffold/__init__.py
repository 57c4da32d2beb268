"""The skeleton of a dialect plugin: a distribution that installs, is discovered, and fails only where it says TODO.

The files below ``skeleton`` are the distribution; the words ``NAME`` and ``CLASS`` in them and in their paths stand for the
dialect.
"""

from __future__ import annotations

import re
from pathlib import Path

from fhir4ds.errors import DestinationError

_SKELETON = Path(__file__).parent / "skeleton"
_NAME = re.compile(r"[a-z][a-z0-9]*")


def write_skeleton(name: str, directory: Path) -> list[Path]:
    """Write the skeleton of a dialect plugin.

    Parameters
    ----------
    name : str
        Of the dialect: small letters and digits, which a module, an entry point and a URL scheme can all be called.
    directory : Path
        Where the folder ``fhir4ds-NAME`` is made.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    DestinationError
        If the name does not do, or the folder is there already; nothing is written then.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     written = write_skeleton("acme", Path(folder))
    >>> [file.name for file in written if file.suffix == ".py"]
    ['__init__.py', 'driver.py', 'syntax.py', 'test_conformance.py']
    """
    if _NAME.fullmatch(name) is None:
        raise DestinationError(
            f"a dialect cannot be called {name!r}", hint="small letters and digits, a letter first, such as acmedb"
        )
    target = directory / f"fhir4ds-{name}"
    if target.exists():
        raise DestinationError(f"{target} is there already", hint="move it away, or choose another name or --directory")
    return sorted(_copy(_SKELETON, target, name))


def _copy(source: Path, target: Path, name: str) -> list[Path]:
    if source.is_dir():
        target.mkdir(parents=True)
        inside = (_copy(entry, target / _filled(entry.name, name), name) for entry in source.iterdir())
        return [path for paths in inside for path in paths]
    # The suffix keeps the file from being taken for one of ours.
    written = target.with_suffix("") if target.suffix == ".txt" else target
    written.write_text(_filled(source.read_text("utf-8"), name), "utf-8")
    return [written]


def _filled(text: str, name: str) -> str:
    return text.replace("CLASS", name.capitalize()).replace("NAME", name)
