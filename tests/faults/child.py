"""Tries one fault in a process of its own: ``python -m tests.faults.child NAME [PORT OF THE SERVER]``."""

from __future__ import annotations

import sys

from tests.faults.observing import as_json, observe_here
from tests.faults.scene import Address
from tests.faults.table import FAULTS


def main() -> None:
    """Try it, and say what was seen on standard output."""
    name, *port = sys.argv[1:]
    print(as_json(observe_here(FAULTS[name], Address(int(port[0])) if port else None)), flush=True)


if __name__ == "__main__":
    main()
