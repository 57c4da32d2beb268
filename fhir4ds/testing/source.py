"""What stands in the modules of a plugin, without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def imported(text: str) -> Iterator[str]:
    r"""The modules that a module imports, anywhere in it.

    Examples
    --------
    >>> list(imported("import os.path, re\ndef f():\n    from time import sleep"))
    ['os.path', 're', 'time']
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            yield node.module


def code(text: str) -> list[str]:
    r"""The lines of a module that are code: no blank ones, no docstrings, no comments.

    Examples
    --------
    >>> code("'What it is.'\n\nx = 1  # why\n# more\n")
    ['x = 1  ']
    """
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            documented |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return [
        line.partition("# ")[0]
        for number, line in enumerate(text.splitlines(), start=1)
        if number not in documented and line.strip() and not line.strip().startswith("#")
    ]
