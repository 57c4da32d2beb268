"""Ctrl-C while the main thread itself is in a call of the database's API.

The call holds the main thread, where Python's own handler could run only after it. But the interpreter writes a byte to
a socket at the very moment of the signal (``signal.set_wakeup_fd``), and a thread that reads it cancels the call. The
handler is put off meanwhile, so that `KeyboardInterrupt` comes when the call has ended, and nowhere inside it.

This costs some microseconds, a tenth of what it takes to wake a worker thread and to be woken by it, and most queries
are short. It can serve only where nobody else is to be called in time: not where other signals have handlers, nor where
code of the caller's runs inside. There the `fhir4ds.runtime.worker` is in place.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # of CPython and PyPy alike
import contextlib
import os
import queue
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

import attrs

from fhir4ds.errors import ConnectFailed
from fhir4ds.runtime.clock import started

T = TypeVar("T")

#: The functions inside those of `signal`, which make enums of all that is given and returned, for five times the time.
_handler_of, _set_handler = _signal.getsignal, _signal.signal

_CTRL_C = int(signal.SIGINT)

#: What else is sent to a process to end or to hurry it; Windows has fewer.
_OTHERS = tuple(
    int(getattr(signal, name))
    for name in ("SIGTERM", "SIGALRM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGBREAK")
    if hasattr(signal, name)
)

#: Asks the thread whether it has done with all that came before.
_MARK = b"\0"

#: Seconds that it may take to say so.
_PATIENCE = 5.0


class Interrupts:
    """Cancels what the main thread is doing when Ctrl-C is pressed; its thread starts at the first call."""

    def __init__(self) -> None:
        #: Whether a call is under way.
        self.busy = False
        self._lock = threading.Lock()
        self._ear: _Ear | None = None
        self._closed = False
        self._pressed = False
        self._pid = os.getpid()

    def suffice(self) -> bool:
        """Whether nobody but the caller waits for a signal. Called on the main thread."""
        return (
            not self._closed
            and _handler_of(_CTRL_C) is signal.default_int_handler
            and not any(callable(_handler_of(number)) for number in _OTHERS)
        )

    def run(self, function: Callable[[], T], interrupt: Callable[[], None]) -> T:
        """Call a function, and raise `KeyboardInterrupt` after it where Ctrl-C was pressed meanwhile.

        Parameters
        ----------
        function : callable
            What may block. It runs no code of the caller's, who would wait in vain for Ctrl-C there.
        interrupt : callable
            Makes it end soon. Called from another thread.

        Returns
        -------
        object
            What the function returned.
        """
        self._pressed = False
        try:
            _set_handler(_CTRL_C, self._put_off)
        except ValueError:  # the main thread of an interpreter within another one, to which signals do not come
            return function()
        try:
            self._begin(interrupt)
            if self._pressed:  # before anybody listened
                raise KeyboardInterrupt
            return function()
        finally:
            self._end()

    def close(self) -> None:
        """Let the thread end when no call is under way; what comes later is asked of the worker."""
        with self._lock:
            self._closed = True
            if not self.busy:
                self._let_go()

    def _begin(self, interrupt: Callable[[], None]) -> None:
        with self._lock:
            self.busy = True
            if self._ear is None and not self._closed:
                # Without: better a late Ctrl-C than no answer.
                with contextlib.suppress(ConnectFailed, OSError):
                    self._ear = _Ear.open()
        if self._ear is not None:
            self._ear.listen(interrupt)

    def _end(self) -> None:
        if self._ear is not None:
            self._ear.rest(pressed=self._pressed)
        with self._lock:
            self.busy = False
            if self._closed:
                self._let_go()
        _set_handler(_CTRL_C, signal.default_int_handler)
        if self._pressed:
            raise KeyboardInterrupt from None

    def _let_go(self) -> None:
        ear, self._ear = self._ear, None
        if ear is not None:
            ear.close()

    def _put_off(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # another thread has forked meanwhile
            signal.default_int_handler(number, frame)
        self._pressed = True


@attrs.define(eq=False)
class _Ear:
    """The thread that hears signals, and its socket."""

    _near: socket.socket
    _far: socket.socket
    #: Cancels the call that is under way.
    _interrupt: Callable[[], None] | None = None
    #: What else is told of signals, an event loop for one; -1 for nothing.
    _previous: int = -1
    _flushed: queue.SimpleQueue[None] = attrs.field(factory=queue.SimpleQueue)

    @classmethod
    def open(cls) -> _Ear:
        near, far = socket.socketpair()
        near.setblocking(False)
        ear = cls(near, far)
        try:
            started(threading.Thread(target=ear._hear, name="fhir4ds-interrupts", daemon=True))
        except ConnectFailed:
            near.close()
            far.close()
            raise
        return ear

    def listen(self, interrupt: Callable[[], None]) -> None:
        """Begin to be told of signals. Called on the main thread."""
        self._interrupt = interrupt
        self._previous = signal.set_wakeup_fd(self._near.fileno(), warn_on_full_buffer=False)

    def rest(self, *, pressed: bool) -> None:
        """Tell whoever was told of signals before; where one came, it will not be taken for one of the next call's."""
        signal.set_wakeup_fd(self._previous, warn_on_full_buffer=False)
        if pressed:
            with contextlib.suppress(OSError, queue.Empty):
                self._near.send(_MARK)
                self._flushed.get(timeout=_PATIENCE)
        self._interrupt = None

    def close(self) -> None:
        """End the thread."""
        self._near.close()

    def _hear(self) -> None:
        while heard := self._far.recv(1):
            if heard == _MARK:
                self._flushed.put(None)
                continue
            interrupt, previous = self._interrupt, self._previous
            if heard[0] == _CTRL_C and interrupt is not None:
                interrupt()
            if previous >= 0:
                with contextlib.suppress(OSError):
                    os.write(previous, heard)
        self._far.close()
