"""A line to a server that can be cut, for tests of what the runtime makes of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType


class Line:
    """A proxy on a port of its own, which knows nothing of what it passes on.

    Parameters
    ----------
    host : str
        Where the server is.
    port : int
        Where it listens.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._passing: list[threading.Thread] = []
        self._cutting = False
        self._accepting = _started(self._accept)

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        port: int = self._listener.getsockname()[1]
        return port

    def cut(self) -> None:
        """End every connection now."""
        _end(*self._open)

    def cut_next_answer(self) -> None:
        """Deliver what the client says, and end the connection in the place of the server's answer; once."""
        self._cutting = True

    def close(self) -> None:
        """End every connection, and take no more."""
        _end(self._listener)
        self._accepting.join()
        self.cut()
        for thread in self._passing:
            thread.join()
        for end in (self._listener, *self._open):
            end.close()

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._upstream)
                except OSError:
                    client.close()
                    continue
                self._open += [client, server]
                self._passing += [_started(self._pass_on, client, server), _started(self._pass_back, server, client)]

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                server.sendall(data)
        _end(client, server)

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if self._cutting:
                    self._cutting = False
                    break
                client.sendall(data)
        _end(client, server)


def _started(work: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
