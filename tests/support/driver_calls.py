"""Short ways to call a driver as the runtime does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from time import monotonic, sleep

import pytest

from fhir4ds.plugin import Driver, Fault


def connect_fault(driver: Driver, timeout: float = 5.0) -> Fault:
    """What the driver says about a connection that must fail."""
    with pytest.raises(driver.errors) as caught:
        driver.connect(timeout)
    return driver.fault(caught.value, None)


def eventually(condition: Callable[[], bool], timeout: float = 5.0) -> bool:
    """Whether a condition comes true in time."""
    end = monotonic() + timeout
    while not condition():
        if monotonic() > end:
            return False
        sleep(0.005)
    return True


@contextmanager
def in_background(function: Callable[[], object]) -> Iterator[None]:
    """Run a function in another thread; what it raises is raised at the end of the block."""
    raised: list[BaseException] = []

    def target() -> None:
        try:
            function()
        except BaseException as error:
            raised.append(error)

    thread = Thread(target=target)
    thread.start()
    try:
        yield
    finally:
        thread.join(timeout=30)
        assert not thread.is_alive(), "the background thread hangs"
    if raised:
        raise raised[0]
