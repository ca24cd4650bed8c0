"""A hand-made SMTP server that answers as oddly as it is told."""

import asyncio
import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

GOODBYE = b"\x00close"
"""As an answer: close the connection without a word."""


@dataclass
class OddServer:
    """Answers each verb with the bytes it is told, else with 250; runs on the loop of the test.

    Attributes:
        answers: By verb (`MAIL`, `.` for the end of a letter, `` for the greeting): answers in turn, the last for good.
        pipelining: Whether it is announced.
        crumbs: Whether every byte is sent on its own.
        log: Every command line, and `.` with the letter.
        pause_s: How long it rests before it reads on in a letter.
        tls: With it, TLS from the first byte.
        in_one: Lines that arrived together, to see whether commands came pipelined.
    """

    answers: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])
    pipelining: bool = True
    crumbs: bool = False
    pause_s: float = 0.0
    tls: ssl.SSLContext | None = None
    log: list[str] = field(default_factory=list[str])
    letters: list[bytes] = field(default_factory=list[bytes])
    in_one: list[int] = field(default_factory=list[int])
    connections: int = 0

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self.first_letter = asyncio.Event()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
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
        try:
            await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await self._answer(writer, "", b"220 odd ESMTP\r\n"):
            return
        pending = b""
        while True:
            chunk = await reader.read(65536)
            if not chunk:
                return
            pending += chunk
            self.in_one.append(chunk.count(b"\r\n"))
            while b"\r\n" in pending:
                line, pending = pending.split(b"\r\n", 1)
                verb = line[:4].decode().upper()
                self.log.append(line.decode())
                ehlo = b"250-odd\r\n" + (b"250-PIPELINING\r\n" if self.pipelining else b"") + b"250 HELP\r\n"
                usual = {"EHLO": ehlo, "DATA": b"354 go\r\n", "QUIT": b"221 bye\r\n"}.get(verb, b"250 2.0.0 ok\r\n")
                given = await self._answer(writer, verb, usual)
                if given is None or verb == "QUIT":
                    return
                if verb == "DATA" and given.startswith(b"354"):
                    letter = bytearray(pending)
                    while not (letter.endswith(b"\r\n.\r\n") or bytes(letter[:4]) == b".\r\n"):
                        chunk = await reader.read(65536)
                        if not chunk:
                            return
                        letter += chunk
                        await asyncio.sleep(self.pause_s)
                    pending = bytes(letter)
                    self.letters.append(pending)
                    self.first_letter.set()
                    self.log.append(".")
                    pending = b""
                    if await self._answer(writer, ".", b"250 2.0.0 queued\r\n") is None:
                        return

    async def _answer(self, writer: asyncio.StreamWriter, verb: str, usual: bytes) -> bytes | None:
        told = self.answers.get(verb)
        answer = usual if not told else told.pop(0) if len(told) > 1 else told[0]
        if answer.endswith(GOODBYE):
            writer.write(answer.removesuffix(GOODBYE))
            return None
        if self.crumbs:
            for byte in answer:
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
        else:
            writer.write(answer)
        await writer.drain()
        return answer
