"""An SMTP server with limits: letters over one connection, connections at once, letters a minute."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

MINUTE = timedelta(minutes=1)


class _Goodbye(Exception):  # noqa: N818 - no error: the server ends a session
    """The server closes the connection."""


@dataclass
class LimitedServer:
    """Runs on the loop of the test; keeps the letters it takes.

    Attributes:
        per_connection: Letters over one connection; the next MAIL is refused with `enough` and the connection closed.
        at_once: Connections at once; the next one is greeted with `crowded` and closed.
        per_minute: Letters a minute by the `clock`; the next MAIL gets `too_fast`, and the connection stays.
        chunking: Whether it announces CHUNKING, and knows BDAT.
        restful: Seconds before a greeting, so that sessions overlap.
        thinking: Seconds before a letter is accepted.
        refusals: Every limit that was run into, in words.
        most: The most connections that were open at once.
        chunks: Letters that came by BDAT.
        quits: Connections that ended by QUIT.
    """

    clock: Callable[[], datetime]
    per_connection: int | None = None
    at_once: int | None = None
    per_minute: int | None = None
    enough: bytes = b"421 too many messages in this connection"
    crowded: bytes = b"421 4.7.0 localhost Error: too many connections from 127.0.0.1"
    too_fast: bytes = b"450 4.7.1 Error: too much mail from 127.0.0.1"
    thinking: float = 0.0
    chunking: bool = False
    letters: list[bytes] = field(default_factory=list[bytes])
    refusals: list[str] = field(default_factory=list[str])
    connections: int = 0
    chunks: int = 0
    quits: int = 0
    most: int = 0

    async def __aenter__(self) -> Self:
        self._open = 0
        self._window: datetime | None = None
        self._in_window = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        self._open += 1
        try:
            if self.at_once is not None and self._open > self.at_once:
                self.refusals.append("connections")
                writer.write(self.crowded + b"\r\n")
                return
            self.most = max(self.most, self._open)
            writer.write(b"220 localhost ESMTP\r\n")
            await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, _Goodbye):
            pass
        finally:
            self._open -= 1
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken, begun = 0, False
        while line := await reader.readline():
            verb = line[:4].upper().strip()
            answer = b"250 2.0.0 ok"
            if verb == b"EHLO":
                answer = b"250-localhost\r\n250-PIPELINING\r\n" + b"250-CHUNKING\r\n" * self.chunking + b"250 HELP"
            elif verb == b"MAIL":
                answer = self._mail(taken)
                begun = answer.startswith(b"250")
            elif verb == b"BDAT" and self.chunking:
                letter = await reader.readexactly(int(line.split()[1]))
                if begun:
                    self.letters.append(letter)
                    self.chunks += 1
                    await asyncio.sleep(self.thinking)
                    taken, begun = taken + 1, False
                else:
                    answer = b"503 5.5.1 no MAIL"
            elif verb in {b"RCPT", b"DATA"} and not begun:
                answer = b"503 5.5.1 no MAIL"
            elif verb == b"DATA":
                writer.write(b"354 go\r\n")
                self.letters.append(await reader.readuntil(b"\r\n.\r\n"))
                await asyncio.sleep(self.thinking)
                taken, begun = taken + 1, False
            elif verb == b"QUIT":
                self.quits += 1
                writer.write(b"221 bye\r\n")
                return
            writer.write(answer + b"\r\n")
            if answer.startswith(b"421"):
                raise _Goodbye

    def _mail(self, taken: int) -> bytes:
        if self.per_connection is not None and taken >= self.per_connection:
            self.refusals.append("letters")
            return self.enough
        if self.per_minute is not None and not self._within_rate(self.per_minute):
            self.refusals.append("rate")
            return self.too_fast
        return b"250 2.1.0 ok"

    def _within_rate(self, per_minute: int) -> bool:
        now = self.clock()
        if self._window is None or now - self._window >= MINUTE:
            self._window, self._in_window = now, 0
        self._in_window += 1
        return self._in_window <= per_minute
