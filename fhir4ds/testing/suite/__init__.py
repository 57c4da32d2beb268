"""The cases, a module for each chapter of the contract."""

from __future__ import annotations

from importlib import import_module

from fhir4ds.testing.chapters import CHAPTERS
from fhir4ds.testing.fixtures import url

#: What ``pytest.fixture`` makes of a function.
_Fixture = type(url)

__all__: list[str] = []

for _chapter in CHAPTERS:
    # Whoever imports the tests imports the fixtures of the chapters with them.
    _names = {
        name: value
        for name, value in vars(import_module(f"fhir4ds.testing.suite.test_{_chapter}")).items()
        if name.startswith("test_") or isinstance(value, _Fixture)
    }
    if clashing := set(_names) & set(globals()):
        raise ImportError(f"two chapters have {', '.join(sorted(clashing))}")
    globals().update(_names)
    __all__ += list(_names)
