"""Who else waits for signals while a test runs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def handlers(*numbers: int) -> Iterator[None]:
    """Give some signals a handler of Python's that does nothing, and no other signal but Ctrl-C.

    The limit for the time of a test is such a signal, and does without its handler meanwhile.
    """
    others = [number for number in signal.Signals if callable(signal.getsignal(number)) and number != signal.SIGINT]
    before = {number: signal.getsignal(number) for number in {*others, *numbers}}
    try:
        for other in others:
            signal.signal(other, signal.SIG_DFL)
        for number in numbers:
            signal.signal(number, lambda number, frame: None)
        yield
    finally:
        for changed, handler in before.items():
            signal.signal(changed, handler)
