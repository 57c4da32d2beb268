"""A proxy before a PostgreSQL server that makes the network misbehave.

It runs an event loop on a thread of its own, listens on 127.0.0.1, and is told by its `Weather` what to do with what
passes. It reads the client's side of the protocol (PostgreSQL documentation, 55.7) only as far as it needs to find COMMIT.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar, final

import attrs

T = TypeVar("T")

HOST = "127.0.0.1"

#: A simple query message whose whole text is COMMIT.
_COMMIT = b"Q" + struct.pack("!i", 4 + len(b"COMMIT\0")) + b"COMMIT\0"

#: Requests before the startup message, after which the client asks anew: SSLRequest and GSSENCRequest.
_REQUESTS = (80877103, 80877104)

_PIECE = 1 << 16


class Commit(enum.Enum):
    """What happens to a COMMIT."""

    PASSES = "passes"
    REPLY_CUT = "delivered, and the line is cut instead of the answer"
    REPLY_HELD = "delivered, and the answer never comes"
    LOST = "not delivered, and the line is cut"


@attrs.frozen(kw_only=True)
class Weather:
    """What the network does.

    Parameters
    ----------
    delay : float
        Seconds that each piece takes, each way.
    silent : bool
        Whether everything is taken and nothing passed on, while the connections stay open.
    cut_after : int, optional
        Bytes of the server's that a line passes on before it is cut.
    reset : bool
        Whether a cut line is reset (RST) instead of closed (FIN).
    commit : Commit
        What happens to a COMMIT.
    """

    delay: float = 0.0
    silent: bool = False
    cut_after: int | None = None
    reset: bool = False
    commit: Commit = Commit.PASSES


CALM = Weather()


class Messages:
    """Cuts the client's bytes into the messages of the protocol."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take some bytes, and yield the messages that are complete."""
        self._buffer += data
        while (size := self._size()) is not None and len(self._buffer) >= size:
            message = bytes(self._buffer[:size])
            del self._buffer[:size]
            if not self._started:
                self._started = struct.unpack("!i", message[4:8])[0] not in _REQUESTS
            yield message

    def _size(self) -> int | None:
        """Length of the message at the start, where so much of it is there already."""
        start = 1 if self._started else 0  # only messages before the session has begun have no type byte
        if len(self._buffer) < start + 4:
            return None
        (length,) = struct.unpack_from("!i", self._buffer, start)
        return start + int(length)


@final
class _Line:
    """One connection through the proxy."""

    def __init__(self, proxy: FaultProxy, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._messages = Messages()
        self._passed = 0
        self._weather = proxy.weather
        self._committing = False
        self.lossy = False

    async def carry(self, client: asyncio.StreamReader, server: asyncio.StreamReader) -> None:
        """Pass on what comes, until either side ends or the line is cut."""
        pumps = [asyncio.ensure_future(self._outward(client)), asyncio.ensure_future(self._homeward(server))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.cut(reset=False)

    def cut(self, *, reset: bool) -> None:
        """End the line now, on both sides."""
        for writer in (self._client, self._server):
            if reset and not writer.transport.is_closing():
                # No lingering: the kernel sends RST.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _outward(self, client: asyncio.StreamReader) -> None:
        while data := await client.read(_PIECE):
            for message in self._messages.feed(data):
                weather = await self._pass_time()
                if message == _COMMIT and weather.commit is not Commit.PASSES:
                    self._committing = True
                    self._proxy.commits += 1
                    if weather.commit is Commit.LOST:
                        return
                if self.lossy:
                    continue
                self._server.write(message)
                await self._server.drain()

    async def _homeward(self, server: asyncio.StreamReader) -> None:
        while data := await server.read(_PIECE):
            weather = await self._pass_time()
            if self._committing and weather.commit is Commit.REPLY_CUT:
                return
            if self.lossy or (self._committing and weather.commit is Commit.REPLY_HELD):
                self.lossy = True
                continue
            if weather.cut_after is not None and self._passed + len(data) > weather.cut_after:
                self._client.write(data[: weather.cut_after - self._passed])
                await self._client.drain()
                self.cut(reset=weather.reset)
                return
            self._passed += len(data)
            self._client.write(data)
            await self._client.drain()

    async def _pass_time(self) -> Weather:
        weather = self._proxy.weather
        if weather is not self._weather:
            self._weather, self._passed = weather, 0
        if weather.silent:
            self.lossy = True
        if weather.delay:
            await asyncio.sleep(weather.delay)
        return weather


@final
class FaultProxy:
    """A proxy on a port of its own.

    Parameters
    ----------
    upstream : int
        Port of the server on 127.0.0.1.

    Examples
    --------
    ::

        with FaultProxy(server.port) as proxy, proxy.in_weather(Weather(delay=0.1)):
            psycopg2.connect(host=HOST, port=proxy.port)
    """

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._lines: dict[_Line, asyncio.Task[None]] = {}
        self._clients: set[asyncio.StreamWriter] = set()
        self._listener: asyncio.AbstractServer | None = None
        self.weather = CALM
        #: COMMITs that met other weather than calm.
        self.commits = 0
        self.port = 0
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self.listen()

    @property
    def lines(self) -> int:
        """Connections that are open now."""
        return len(self._lines)

    def listen(self) -> None:
        """Take connections, after `refuse` on the same port again."""
        self._do(self._listen())

    def refuse(self) -> None:
        """Take no further connections; those that there are stay."""
        self._do(self._refuse())

    def cut(self, *, reset: bool = False) -> None:
        """Cut every line now."""
        self._do(self._cut(lambda _: True, reset=reset))

    def forget(self) -> None:
        """Pass on nothing more on the lines that are open now, and leave them open."""
        for line in list(self._lines):
            line.lossy = True

    @contextmanager
    def in_weather(self, weather: Weather) -> Iterator[None]:
        """Some weather for a while; lines that have lost something are cut when it is over."""
        self.weather = weather
        try:
            yield
        finally:
            self.clear()

    def clear(self) -> None:
        """End the weather, and cut the lines that have lost something."""
        self.weather = CALM
        self._do(self._cut(lambda line: line.lossy, reset=False))

    def close(self) -> None:
        """Cut every line, stop listening and end the thread; once."""
        if self._loop.is_closed():
            return
        self.refuse()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10.0)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._accepted, HOST, self.port)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._listener is not None:
            # A connection that was just accepted has its transport two turns of the loop later, and needs its listener
            # until then.
            for listening in self._listener.sockets:
                self._loop.remove_reader(listening.fileno())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self._listener.close()
            self._listener = None

    def _accepted(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._clients.add(client)
        self._loop.create_task(self._accept(reader, client))

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        server: asyncio.StreamWriter | None = None
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                server_reader, server = await asyncio.open_connection(HOST, self._upstream)
                await self._carry(_Line(self, client, server), reader, server_reader)
        finally:
            self._clients.discard(client)
            client.transport.abort()
            if server is not None:
                server.transport.abort()

    async def _carry(self, line: _Line, client: asyncio.StreamReader, server: asyncio.StreamReader) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lines[line] = task
        try:
            await line.carry(client, server)
        finally:
            del self._lines[line]

    async def _end(self) -> None:
        """Cut lines and those that are being made, and wait until their sockets are closed."""
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for client in self._clients:  # whose task was ended before it began
            client.transport.abort()
        await asyncio.sleep(0)  # an aborted transport closes its socket in the next turn of the loop

    async def _cut(self, which: Callable[[_Line], bool], *, reset: bool) -> None:
        # Chosen on the loop, where no line can end between the choice and the cut.
        chosen = {line: task for line, task in self._lines.items() if which(line)}
        for line, task in chosen.items():
            line.cut(reset=reset)
            task.cancel()
        await asyncio.gather(*chosen.values(), return_exceptions=True)
