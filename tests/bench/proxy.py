"""A TCP proxy in a process of its own that lets every byte wait: a server as far away as one says.

Each direction waits half the round trip, and as much as there is may be on the way: latency without a bound on
bandwidth. It waits by `select`, which knows microseconds where `epoll` knows milliseconds.
"""

import asyncio
import multiprocessing
import selectors
import socket
import statistics
import time
from collections import deque
from multiprocessing.connection import Connection as Pipe
from typing import Self

PINGS = 20


class _End(asyncio.Protocol):
    """One end of a connection; what comes in at it goes out at the other, later."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._on_the_way = deque[bytes | None]()
        self._transport: asyncio.Transport | None = None
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._later(data)

    def eof_received(self) -> bool:
        self._later(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._later(None)

    def _later(self, data: bytes | None) -> None:
        # Timers of one moment may come in any order: each takes what is first.
        self._on_the_way.append(data)
        asyncio.get_running_loop().call_later(self._delay_s, self._arrive)

    def _arrive(self) -> None:
        data = self._on_the_way.popleft()
        there = self.other._transport if self.other is not None else None
        if there is None or there.is_closing():
            return
        if data is None:
            there.close()
        else:
            there.write(data)


class _Near(_End):
    """The sender's end."""

    def __init__(self, delay_s: float, port: int) -> None:
        super().__init__(delay_s)
        self._port = port
        self._dialling: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._dialling = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        far = _End(self._delay_s)
        far.other, self.other = self, far
        await asyncio.get_running_loop().create_connection(lambda: far, "127.0.0.1", self._port)


async def _serve(pipe: Pipe, port: int, delay_s: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Near(delay_s, port), "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    await asyncio.to_thread(pipe.recv)
    server.close()


def _main(pipe: Pipe, port: int, delay_s: float) -> None:
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    loop.run_until_complete(_serve(pipe, port, delay_s))


class Proxy:
    """A proxy in front of a port of this machine, `round_trip_s` away; `port` is its own. A context manager."""

    def __init__(self, port: int, round_trip_s: float) -> None:
        self._to, self._delay_s = port, round_trip_s / 2

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_main, args=(theirs, self._to, self._delay_s), daemon=True)
        self._process.start()
        self.port: int = self._pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send("end")
        self._process.join(5)

    def round_trip_s(self) -> float:
        """The round trip as it is, with what the machine adds: the median of some SMTP commands that do nothing."""
        took: list[float] = []
        with socket.create_connection(("127.0.0.1", self.port)) as talk:
            talk.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk.recv(1000)
            for _ in range(PINGS):
                begun = time.perf_counter()
                talk.sendall(b"NOOP\r\n")
                talk.recv(1000)
                took.append(time.perf_counter() - begun)
        return statistics.median(took)
