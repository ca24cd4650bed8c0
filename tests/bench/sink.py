"""A mail sink as cheap as Python can be: it answers, counts and keeps only the Message-IDs."""

import asyncio
import multiprocessing
import re
import time
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from typing import Self

_MESSAGE_ID = re.compile(rb"^Message-ID: *(\S+)", re.IGNORECASE | re.MULTILINE)
_REPLIES = {
    b"EHLO": b"250-sink\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
    b"MAIL": b"250 2.1.0 ok\r\n",
    b"RCPT": b"250 2.1.5 ok\r\n",
    b"DATA": b"354 go\r\n",
    b"QUIT": b"221 bye\r\n",
}


class _Session(asyncio.Protocol):
    def __init__(self, ids: list[bytes], times: list[float], sizes: list[int]) -> None:
        self._ids, self._times, self._sizes = ids, times, sizes
        self._buffer = bytearray()
        self._in_data = False
        self._ends = False
        self._chunk = 0
        self._replies: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._step():
            pass
        # Replies to what came together go together, as RFC 2920, section 3.2, asks of a server.
        self._transport.write(b"".join(self._replies))
        self._replies.clear()
        if self._ends:
            self._transport.close()

    def _step(self) -> bool:
        if self._chunk:
            return self._letter(self._chunk, self._chunk)
        end = self._buffer.find(b"\r\n.\r\n" if self._in_data else b"\r\n")
        if end < 0:
            return False
        if self._in_data:
            return self._letter(end, end + 5)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        verb = line[:4].upper()
        if verb == b"BDAT":
            self._chunk = int(line.split()[1])
            return True
        self._in_data = verb == b"DATA"
        self._ends |= verb == b"QUIT"
        self._replies.append(_REPLIES.get(verb, b"250 ok\r\n"))
        return True

    def _letter(self, end: int, size: int) -> bool:
        """Take a letter that ends here and takes up so many bytes, if all of it is there."""
        if len(self._buffer) < size:
            return False
        found = _MESSAGE_ID.search(self._buffer, 0, end)
        self._ids.append(found.group(1) if found else b"")
        self._times.append(time.time())
        self._sizes.append(size)
        del self._buffer[:size]
        self._in_data, self._chunk = False, 0
        self._replies.append(b"250 2.0.0 queued\r\n")
        return True


async def _serve(pipe: Pipe) -> None:
    ids: list[bytes] = []
    times: list[float] = []
    sizes: list[int] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Session(ids, times, sizes), "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    answers: dict[str, Callable[[], object]] = {
        "received": lambda: len(ids),
        "size": lambda: sum(sizes) / max(len(sizes), 1),
        "count": lambda: (len(ids), len(set(ids))),
        "arrivals": lambda: list(times),
        "letters": lambda: [(one.decode("ascii"), at) for one, at in zip(ids, times, strict=True)],
    }
    while (asked := await asyncio.to_thread(pipe.recv)) != "end":
        pipe.send(answers[asked]())
        if asked not in {"received", "size"}:
            for kept in (ids, times, sizes):
                kept.clear()
    server.close()


def _main(pipe: Pipe) -> None:
    asyncio.run(_serve(pipe))


class Sink:
    """The sink in a process of its own."""

    def __enter__(self) -> Self:
        self._pipe, theirs = multiprocessing.get_context("spawn").Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=_main, args=(theirs,), daemon=True)
        self._process.start()
        self.port: int = self._pipe.recv()
        return self

    def received(self) -> int:
        """Letters received since last asked for what there is; they stay."""
        self._pipe.send("received")
        return self._pipe.recv()

    def size(self) -> float:
        """Bytes of a letter, on average of those received; they stay."""
        self._pipe.send("size")
        return self._pipe.recv()

    def letters(self) -> list[tuple[str, float]]:
        """The Message-ID of each letter received since last asked, and when it came, seconds since the epoch."""
        self._pipe.send("letters")
        return self._pipe.recv()

    def counts(self) -> tuple[int, int]:
        """Letters received since last asked, and distinct Message-IDs among them."""
        self._pipe.send("count")
        return self._pipe.recv()

    def arrivals(self) -> list[float]:
        """When each letter received since last asked came, seconds since the epoch."""
        self._pipe.send("arrivals")
        return self._pipe.recv()

    def __exit__(self, *_: object) -> None:
        self._pipe.send("end")
        self._process.join(5)
