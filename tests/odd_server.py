"""A hand-made SMTP server that answers as oddly as it is told."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

GOODBYE = b"\x00close"
"""As an answer, or at its end: close the connection without a further word."""
TAKEN = b"\x00taken"
"""As the answer to a letter: it is accepted, and the connection is closed without saying so."""
SLOWLY = b"\x00slowly"
"""As the beginning of an answer: a byte at a time, with a rest after each."""
REST_S = 0.02
HANG = b"\x00hang"
"""At the end of an answer: nothing more is said over this connection, and it stays open."""
SILENCE = b""
"""As an answer: none."""


@dataclass
class OddServer:
    """Answers each verb with the bytes it is told, else with 250; runs on the loop of the test.

    Attributes:
        answers: By verb (`MAIL`; `.` for the end of a letter, `letter` for its beginning, `` for the greeting):
            answers in turn, the last for good.
        pipelining: Whether it is announced.
        crumbs: Whether every byte is sent on its own.
        log: Every command line, and `.` with the letter.
        pause_s: How long it rests before it reads on in a letter.
        tls: With it, TLS from the first byte.
        in_one: Lines that arrived together, to see whether commands came pipelined.
        starttls: With it, STARTTLS is announced.
        hides_starttls: It is not announced all the same, as when somebody in between strips it.
        offers: More that is announced.
        letters_a_connection: After so many a connection is told 421, and closed.
        judge: Answers the end of a letter, unless told `.`.
        accepted: Letters it took.
        forgets: What comes with the end of a letter is lost, against RFC 2920.
        chunking: Whether it is announced; `BDAT` is answered as the end of a letter is, unless told `BDAT`.
        obeys_refused: The text of a letter without recipients is taken for commands, against RFC 3030.
        delivered: What it took by BDAT, with the recipients it has kept.
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
    starttls: ssl.SSLContext | None = None
    hides_starttls: bool = False
    offers: tuple[bytes, ...] = ()
    letters_a_connection: int | None = None
    judge: Callable[[bytes], bytes] | None = None
    accepted: list[bytes] = field(default_factory=list[bytes])
    forgets: bool = False
    chunking: bool = False
    obeys_refused: bool = False
    delivered: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list[tuple[tuple[str, ...], bytes]])

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
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
        for writer in self._writers:
            # With TLS a farewell would be waited for, longer than the loop of the test lives.
            writer.transport.abort()
        await asyncio.sleep(0)

    def recover(self) -> None:
        """From now on, answer as a good server does."""
        self.answers.clear()
        self.crumbs, self.hides_starttls = False, False
        self.letters_a_connection = self.judge = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        self._writers.append(writer)
        try:
            await _Talk(self, reader, writer).run()
        except (OSError, asyncio.CancelledError):
            pass  # the client does not like what it hears, or the test has ended
        finally:
            writer.close()

    def told(self, verb: str, usual: bytes) -> bytes:
        """What is to be answered now."""
        told = self.answers.get(verb)
        return usual if not told else told.pop(0) if len(told) > 1 else told[0]


_VERBS = {"EHLO", "MAIL", "RCPT", "RSET", "DATA", "BDAT", "NOOP", "QUIT"}


def _end_of(letter: bytearray, new: int) -> int:
    """Where a letter ends, with its final dot, of which the last `new` bytes have just come; 0 while it goes on."""
    if letter.startswith(b".\r\n"):
        return 3
    place = letter.find(b"\r\n.\r\n", max(0, len(letter) - new - 4))
    return place + 5 if place >= 0 else 0


class _Talk:
    """One connection."""

    def __init__(self, server: OddServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._letters = 0
        self._recipients: list[str] = []
        self._secure = server.tls is not None

    async def run(self) -> None:
        if await self._answer("", b"220 odd ESMTP\r\n") is None:
            return
        pending: bytes | None = b""
        while pending is not None and (chunk := await self._reader.read(65536)):
            pending += chunk
            self._server.in_one.append(chunk.count(b"\r\n"))
            while pending is not None and b"\r\n" in pending:
                pending = await self._obey(pending)

    async def _obey(self, pending: bytes) -> bytes | None:
        """Do what the first line asks for; gives what is left, `None` when the connection ends."""
        line, rest = pending.split(b"\r\n", 1)
        command = line.decode("utf-8", "replace")
        self._server.log.append(command)
        verb = command.split(" ")[0].upper()
        if verb == "BDAT" and self._server.chunking:
            return await self._chunk(int(command.split(" ")[1]), rest)
        given = await self._answer(verb, self._usual(verb))
        if given is None or verb == "QUIT":
            return None
        if verb == "STARTTLS" and given.startswith(b"220") and self._server.starttls is not None:
            await self._writer.start_tls(self._server.starttls)
            self._secure = True
            return b""
        if verb == "DATA" and given.startswith(b"354"):
            return await self._letter(rest)
        if verb == "RCPT" and given.startswith(b"2"):
            self._recipients.append(command.partition("<")[2].rstrip(">"))
        elif verb == "RSET":
            self._recipients.clear()
        return rest

    async def _chunk(self, size: int, rest: bytes) -> bytes | None:
        """Take a letter of one chunk and answer; gives what came after it, `None` when the connection ends."""
        server = self._server
        if not self._recipients and server.obeys_refused:
            return rest if await self._say(b"503 5.5.1 no recipients\r\n") else None
        while len(rest) < size:
            if not (more := await self._reader.read(65536)):
                return None
            rest += more
        content, rest = rest[:size], rest[size:]
        server.log.append(".")
        if not self._recipients:
            return rest if await self._answer("BDAT", b"503 5.5.1 no recipients\r\n") else None
        usual = server.judge(content) if server.judge else b"250 2.0.0 queued\r\n"
        told = server.told("BDAT" if "BDAT" in server.answers else ".", usual)
        if told == TAKEN or told.startswith(b"2"):
            server.accepted.append(content)
            server.delivered.append((tuple(self._recipients), content))
            self._recipients.clear()
            self._letters += 1
        return None if await self._say(GOODBYE if told == TAKEN else told) is None else rest

    def _usual(self, verb: str) -> bytes:
        most = self._server.letters_a_connection
        if verb == "MAIL" and most is not None and self._letters >= most:
            return b"421 4.3.2 that is enough\r\n" + GOODBYE
        if self._server.obeys_refused and verb not in _VERBS:
            return b"500 5.5.2 what\r\n"
        usual = {"EHLO": self._extensions(), "DATA": b"354 go\r\n", "QUIT": b"221 bye\r\n", "AUTH": b"235 2.7.0 in\r\n"}
        return usual.get(verb, b"220 go\r\n" if verb == "STARTTLS" else b"250 2.0.0 ok\r\n")

    def _extensions(self) -> bytes:
        server = self._server
        starttls = server.starttls is not None and not self._secure and not server.hides_starttls
        known = [b"PIPELINING"] * server.pipelining + [b"CHUNKING"] * server.chunking
        offers = [*server.offers, *known, *([b"STARTTLS"] * starttls)]
        return b"".join(b"250-" + one + b"\r\n" for one in (b"odd", *offers)) + b"250 HELP\r\n"

    async def _letter(self, begun: bytes) -> bytes | None:
        """Read a letter and answer; gives what came after it, `None` when the connection ends."""
        if await self._answer("letter", b"") is None:
            return None
        letter, chunk = bytearray(begun), begun
        while not (end := _end_of(letter, len(chunk))):
            chunk = await self._reader.read(65536)
            if not chunk:
                return None
            letter += chunk
            await asyncio.sleep(self._server.pause_s)
        server, content, rest = self._server, bytes(letter[:end]), bytes(letter[end:])
        if rest:
            server.in_one.append(rest.count(b"\r\n") + 1)
        if server.forgets:
            rest = b""
        server.letters.append(content)
        server.first_letter.set()
        server.log.append(".")
        self._letters += 1
        usual = server.judge(content) if server.judge else b"250 2.0.0 queued\r\n"
        told = server.told(".", usual)
        if told == TAKEN or told.removeprefix(SLOWLY).startswith(b"2"):
            server.accepted.append(content)
            self._recipients.clear()
        return None if await self._say(GOODBYE if told == TAKEN else told) is None else rest

    async def _answer(self, verb: str, usual: bytes) -> bytes | None:
        return await self._say(self._server.told(verb, usual))

    async def _say(self, answer: bytes) -> bytes | None:
        """Give an answer; `None` when it was the last one."""
        words = answer.removesuffix(GOODBYE).removesuffix(HANG)
        slowly = words.startswith(SLOWLY)
        if self._server.crumbs or slowly:
            for byte in words.removeprefix(SLOWLY):
                self._writer.write(bytes([byte]))
                await asyncio.sleep(REST_S if slowly else 0)
        else:
            self._writer.write(words)
        await self._writer.drain()
        if answer.endswith(HANG):
            await asyncio.Event().wait()
        return None if words != answer else answer
