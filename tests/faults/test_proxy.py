"""The proxy does to the network what its weather says, and nothing else."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tests.faults.proxy import HOST, Commit, FaultProxy, Messages, Weather

_STARTUP = struct.pack("!ii", 8, 196608)
_COMMIT = b"Q" + struct.pack("!i", 11) + b"COMMIT\0"


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says what it hears; its port."""
    listener = socket.create_server((HOST, 0))

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(1 << 16):
                connection.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.fixture
def proxy(echo: int) -> Iterator[FaultProxy]:
    with FaultProxy(echo) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    """A client that has begun a session."""
    with closing(socket.create_connection((HOST, proxy.port), timeout=5.0)) as client:
        client.sendall(_STARTUP)
        assert client.recv(100) == _STARTUP
        yield client


def _query(text: bytes) -> bytes:
    return b"Q" + struct.pack("!i", 5 + len(text)) + text + b"\0"


def test_calm_weather_passes_everything_on(client: socket.socket, proxy: FaultProxy) -> None:
    client.sendall(_COMMIT)
    assert client.recv(100) == _COMMIT
    assert (proxy.lines, proxy.commits) == (1, 0)


def test_messages_are_cut_out_of_any_pieces() -> None:
    request = struct.pack("!ii", 8, 80877103)
    stream = request + _STARTUP + _COMMIT + _query(b"SELECT 1")
    for size in (1, 3, 7, len(stream)):
        messages = Messages()
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        found = [message for piece in pieces for message in messages.feed(piece)]
        assert found == [request, _STARTUP, _COMMIT, _query(b"SELECT 1")]


def test_slow_weather_takes_its_time_each_way(client: socket.socket, proxy: FaultProxy) -> None:
    with proxy.in_weather(Weather(delay=0.05)):
        started = time.monotonic()
        client.sendall(_COMMIT)
        assert client.recv(100) == _COMMIT
        assert time.monotonic() - started >= 0.1


def test_silent_weather_takes_everything_and_says_nothing(client: socket.socket, proxy: FaultProxy) -> None:
    client.settimeout(0.1)
    with proxy.in_weather(Weather(silent=True)):
        client.sendall(_COMMIT)
        with pytest.raises(TimeoutError):
            client.recv(100)
        assert proxy.lines == 1
    client.settimeout(5.0)
    assert client.recv(100) == b"", "a line that has lost something must not go on"


def test_forgotten_lines_are_silent_and_new_ones_are_not(client: socket.socket, proxy: FaultProxy) -> None:
    proxy.forget()
    client.settimeout(0.1)
    client.sendall(_COMMIT)
    with pytest.raises(TimeoutError):
        client.recv(100)
    with closing(socket.create_connection((HOST, proxy.port), timeout=5.0)) as other:
        other.sendall(_STARTUP)
        assert other.recv(100) == _STARTUP


@pytest.mark.parametrize("reset", [False, True])
def test_an_answer_is_cut_after_so_many_bytes(client: socket.socket, proxy: FaultProxy, reset: bool) -> None:
    message = _query(b"x" * 100)
    with proxy.in_weather(Weather(cut_after=150, reset=reset)):
        client.sendall(message * 2)
        received = b""
        with suppress(ConnectionResetError):
            while data := client.recv(1000):
                received += data
        # What was sent just before a reset may be lost with it.
        assert received == (message * 2)[:150] or (reset and len(received) < 150)


def test_lines_are_cut_on_request(client: socket.socket, proxy: FaultProxy) -> None:
    proxy.cut()
    assert client.recv(100) == b""
    with closing(socket.create_connection((HOST, proxy.port), timeout=5.0)) as other:
        other.sendall(_STARTUP)
        assert other.recv(100) == _STARTUP
        proxy.cut(reset=True)
        with pytest.raises(ConnectionResetError):
            other.recv(100)
    assert proxy.lines == 0


def test_nobody_listens_for_a_while(client: socket.socket, proxy: FaultProxy) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, proxy.port), timeout=5.0)
    client.sendall(_COMMIT)
    assert client.recv(100) == _COMMIT, "lines that there are stay"
    proxy.listen()
    socket.create_connection((HOST, proxy.port), timeout=5.0).close()


@pytest.mark.parametrize("fate", [Commit.REPLY_CUT, Commit.LOST])
def test_a_commit_is_cut(proxy: FaultProxy, client: socket.socket, fate: Commit) -> None:
    with proxy.in_weather(Weather(commit=fate)):
        client.sendall(_query(b"SELECT 'COMMIT'"))
        assert client.recv(100) == _query(b"SELECT 'COMMIT'"), "only a COMMIT is one"
        client.sendall(_COMMIT)
        assert client.recv(100) == b""
    assert proxy.commits == 1


def test_the_answer_to_a_commit_is_held(proxy: FaultProxy, client: socket.socket) -> None:
    client.settimeout(0.1)
    with proxy.in_weather(Weather(commit=Commit.REPLY_HELD)):
        client.sendall(_COMMIT)
        with pytest.raises(TimeoutError):
            client.recv(100)
        assert proxy.lines == 1


def test_nothing_is_left_of_a_closed_proxy(echo: int) -> None:
    with FaultProxy(echo) as proxy, closing(socket.create_connection((HOST, proxy.port), timeout=5.0)) as client:
        client.sendall(_STARTUP)
        assert client.recv(100) == _STARTUP
        proxy.close()
        with suppress(ConnectionResetError):
            assert client.recv(100) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, proxy.port), timeout=5.0)
    assert "fault-proxy" not in [thread.name for thread in threading.enumerate()]
