"""Mail transactions over a connection that is open, encrypted and logged in already (RFC 5321, pipelined: RFC 2920).

aiosmtplib takes four round trips and some 190 µs of CPU for a letter. Here the envelope and DATA go out together
where the server announces PIPELINING, and with the end of the letter before where there is one: a round trip or two,
one by one otherwise. aiosmtplib opens the connection, then hands the transport over to this protocol.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from dispatch.channels.envelope import Envelope
from dispatch.channels.faults import FAILURE, NOT_SMTP, SERVICE_CLOSING, letter_fault, sender_fault, shown
from dispatch.channels.limit_words import limit_class
from dispatch.errors import ConnectionDownError, HeldUpError, MessageError, PermanentError
from dispatch.transcript import Transcript

RECEIVE_BYTES = 4096
MAX_REPLY = 64 * 1024
"""A server that says more than this at once is none."""
FINAL_PATIENCE = 4
"""The answer to the final dot may take this many times longer (RFC 5321, section 4.5.3.2.6, asks for patience):
who hangs up too soon sends the letter again, and the recipient gets it twice."""
DONE, START_INPUT = range(200, 300), 354
NO_SMTPUTF8 = "no_smtputf8"
_CODE = re.compile(rb"[2-5]\d\d$")
_BARE_ENDS = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply; the lines of a long one are joined by a space."""

    code: int
    text: str


Ahead = Callable[[], Envelope | None]
"""Names the letter that goes next over a connection, if it is known; asked when the one before it leaves."""


def nothing_ahead() -> Envelope | None:
    """There is none."""
    return None


class Pipeline(asyncio.BufferedProtocol):
    """Sends letters one after the other; after any `ConnectionDownError` or a cancel it is of no more use.

    Args:
        pipelining: Whether the server announced PIPELINING.
        smtputf8: Whether the server announced SMTPUTF8.
        timeout_s: For each answer; the one to the final dot may take `FINAL_PATIENCE` times as long.
        may_send: Asked when the server is ready for a letter's text, for it may have let us wait.
    """

    def __init__(
        self, *, pipelining: bool, smtputf8: bool, timeout_s: float, may_send: Callable[[], bool] = lambda: True
    ) -> None:
        self._pipelining = pipelining
        self._may_send = may_send
        self._smtputf8 = smtputf8
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        # A view: the TLS of asyncio fills a buffer slice by slice, and a slice of a bytearray is a copy.
        self._space = memoryview(bytearray(RECEIVE_BYTES))
        self._received = b""
        self._lines: list[str] = []
        self._replies: list[Reply] = []
        self._expected = 0
        self._wanted = 0
        self._waiter: asyncio.Future[list[Reply]] | None = None
        self._deadline = 0.0
        self._patience_s = timeout_s
        self._unsent = 0
        self._watchdog: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._in_doubt = False
        self._open_transaction = False
        self._begun: Envelope | None = None
        self._begun_after_refusal = False
        self._refused_begun: ConnectionDownError | None = None
        # What was said of the letter in hand, raw: it costs two appends a letter, and becomes words where it failed.
        self._asked: list[bytes] = []
        self._heard: list[bytes] = []
        self._letter_size: int | None = None

    @property
    def usable(self) -> bool:
        """Whether the connection stands."""
        return self._transport is not None and not self._transport.is_closing()

    def told_of(self, envelope: Envelope) -> bool:
        """Whether the server has closed the connection with a word about a letter that was begun: `send` raises it."""
        return self._begun is envelope and self._refused_begun is not None

    def take_over(self, transport: asyncio.Transport) -> None:
        """Become the protocol of an open connection."""
        self._transport = transport
        transport.set_protocol(self)

    async def send(self, envelope: Envelope, ahead: Ahead = nothing_ahead) -> Reply:
        """Send a letter; gives the server's last answer.

        With its end the next one's transaction begins, where the server announced PIPELINING and `ahead` names it. The
        next call is to be for that one: any other finds the connection lost.

        Raises:
            TransientError: The server refused it for now. The connection is in step.
            PermanentError: The server refused it for good. The connection is in step.
            ConnectionDownError: The connection is lost; `in_doubt` when the letter may have been accepted.
            HeldUpError: It may not leave. The connection is of no more use.
        """
        self._in_doubt = False
        if self._begun is not envelope:
            self._asked, self._heard, self._letter_size = [], [], None
        *answers, go = await (self._go_on() if self._begun is envelope else self._transact(self._opening(envelope)))
        refused = next((answer for answer in answers if answer.code >= FAILURE), None)
        if refused is not None:
            if go.code == START_INPUT:
                # Pipelined, the server may ask for the letter all the same: it gets an empty one (RFC 2920, 3.1).
                self._letter_size = 0
                await self._ask(b".\r\n", 1)
            raise _fault(refused, is_sender=refused is answers[0])
        if go.code >= FAILURE:
            raise _fault(go, is_sender=not answers)
        if go.code != START_INPUT or any(answer.code not in DONE for answer in answers):
            raise _out_of_step(next((answer for answer in answers if answer.code not in DONE), go))
        if not self._may_send():
            raise HeldUpError
        self._in_doubt, self._letter_size = True, len(envelope.content)
        next_one = self._begin(ahead() if self._pipelining else None)
        data = _data(envelope) + b"".join(next_one)
        (answer,) = await self._ask(data, 1, self._timeout_s * FINAL_PATIENCE, more=len(next_one))
        if answer.code >= FAILURE:
            # Postfix holds on to the transaction when a policy or a milter has refused the letter, against the RFC.
            self._begun_after_refusal = True
            raise letter_fault(answer.code, answer.text)
        if answer.code not in DONE:
            raise _out_of_step(answer, in_doubt=True)
        self._open_transaction = self._begun is not None
        return answer

    def tell(self, transcript: Transcript) -> None:
        """Tell what was said of the last letter, each answer beneath what it answers, however they were sent."""
        answers = _answers(b"".join(self._heard))
        for command in self._asked:
            transcript.client(command)
            transcript.server(next(answers, b""))
        if self._letter_size is not None:
            transcript.letter(self._letter_size)
        for answer in islice(answers, 1 if self._begun else None):  # the others are the next one's
            transcript.server(answer)

    async def probe(self, sender: str, recipient: str = "") -> None:
        """Ask whether the server takes letters from an address, and for a recipient; raises like `send`."""
        self._asked, self._heard = [], []
        for place, answer in enumerate(await self._transact(self._addressed(sender, recipient))):
            if answer.code >= FAILURE:
                raise _fault(answer, is_sender=not place)
            if answer.code not in DONE:
                raise _out_of_step(answer)

    async def quit(self) -> None:
        """Say QUIT, wait for the answer, and close."""
        try:
            if self.usable and self._begun is None:
                await self._ask(b"QUIT\r\n", 1)
        except ConnectionDownError:
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Close at once: after a cancel or a fault the replies no longer match the commands."""
        self._let_go()
        if self._transport is not None:
            self._transport.abort()

    def _addressed(self, sender: str, recipient: str) -> list[bytes]:
        """MAIL, and RCPT where there is a recipient; with SMTPUTF8 (RFC 6531) where an address needs it."""
        plain = sender.isascii() and recipient.isascii()
        if not plain and not self._smtputf8:
            # With such a sender no letter can go this way; with such a recipient, this one.
            kind = PermanentError if sender.isascii() else ConnectionDownError
            raise kind("the server does not take addresses beyond ASCII (no SMTPUTF8)", error_class=NO_SMTPUTF8)
        commands = [b"MAIL FROM:<" + sender.encode() + (b">\r\n" if plain else b"> SMTPUTF8\r\n")]
        return [*commands, b"RCPT TO:<" + recipient.encode() + b">\r\n"] if recipient else commands

    def _opening(self, envelope: Envelope) -> list[bytes]:
        """The commands before a letter's text."""
        return [*self._addressed(envelope.sender, envelope.recipient), b"DATA\r\n"]

    def _begin(self, envelope: Envelope | None) -> list[bytes]:
        """What begins the next letter's transaction; it may follow a final dot at once (RFC 2920, section 3.1)."""
        self._begun, self._begun_after_refusal = None, False
        if envelope is None:
            return []
        try:
            commands = self._opening(envelope)
        except (PermanentError, ConnectionDownError):
            return []  # it is told when it is sent
        self._begun = envelope
        return commands

    async def _go_on(self) -> list[Reply]:
        """The replies to what was sent with the end of the letter before."""
        envelope, self._begun = self._begun, None
        assert envelope is not None  # noqa: S101 - that is why this one was called
        self._asked, self._letter_size = self._opening(envelope), None
        said = "".join(f"{one.code} {one.text}\r\n" for one in self._replies)
        self._heard = [said.encode("utf-8", "replace"), self._received]
        replies = await self._await(len(self._asked), self._timeout_s)
        if self._begun_after_refusal and replies[0].code >= FAILURE:
            # The letter before was refused, and still stands in the way: nothing may be added to its transaction.
            self.abort()
            raise ConnectionDownError("the server holds on to the letter before", error_class="lost")
        return replies

    async def _transact(self, commands: list[bytes]) -> list[Reply]:
        """Begin a transaction; the replies to all commands, or to those up to the first refused one, which is last."""
        if self._begun is not None:
            # A transaction stands open for another recipient, who would get this letter too.
            self.abort()
            raise ConnectionDownError("another letter was begun", error_class="lost")
        reset = [b"RSET\r\n"] if self._open_transaction else []
        self._open_transaction = True
        if self._pipelining:
            self._asked += reset + commands
            return (await self._ask(b"".join(reset + commands), len(reset) + len(commands)))[len(reset) :]
        for command in reset:
            self._asked.append(command)
            await self._ask(command, 1)
        replies: list[Reply] = []
        for command in commands:
            self._asked.append(command)
            replies += await self._ask(command, 1)
            if replies[-1].code >= FAILURE:
                break
        return replies

    async def _ask(self, data: bytes, count: int, timeout_s: float | None = None, *, more: int = 0) -> list[Reply]:
        """Send and wait for so many replies; for the `more` that come then, one waits later."""
        if not self.usable or self._transport is None:
            raise ConnectionDownError("the server closed the connection", error_class="lost")
        self._expected = count + more
        self._transport.write(data)
        self._unsent = self._transport.get_write_buffer_size()
        return await self._await(count, timeout_s or self._timeout_s)

    async def _await(self, count: int, patience_s: float) -> list[Reply]:
        """Wait for so many replies."""
        if not self.usable:
            raise self._refused_begun or ConnectionDownError("the server closed the connection", error_class="lost")
        self._waiter, self._wanted = self._loop.create_future(), count
        self._patience_s = patience_s
        self._deadline = self._loop.time() + patience_s
        if self._watchdog is None:
            self._watchdog = self._loop.call_at(self._deadline, self._watch)
        self._hand_out()
        return await self._waiter

    def _hand_out(self) -> None:
        """Give who waits the replies, once they are there."""
        if self._wanted and len(self._replies) >= self._wanted:
            replies, self._replies = self._replies[: self._wanted], self._replies[self._wanted :]
            self._wanted = 0
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(replies)

    def _watch(self) -> None:
        """One timer a connection, not one a reply. A letter that is still leaving is not given up."""
        self._watchdog = None
        if self._waiter is None or self._waiter.done() or self._transport is None:
            return
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._deadline = self._loop.time() + self._patience_s
        self._unsent = unsent
        if self._loop.time() >= self._deadline:
            self._fail("the server did not answer in time", "timeout")
        else:
            self._watchdog = self._loop.call_at(self._deadline, self._watch)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop puts what arrives."""
        del sizehint
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        """Something arrived."""
        heard = bytes(self._space[:nbytes])
        self._heard.append(heard)
        *lines, self._received = (self._received + heard).split(b"\n")
        for line in lines:
            if not self._line(line):
                return
        if len(self._received) + sum(map(len, self._lines)) > MAX_REPLY:
            self._fail("the server's answer is too long", NOT_SMTP)

    def _line(self, line: bytes) -> bool:
        """Take a line of a reply; gives whether the connection goes on."""
        read = _read(line)
        if read is None:
            self._fail(f"the server does not speak SMTP: {shown(line.decode('utf-8', 'replace'))}", NOT_SMTP)
            return False
        reply, ends = read
        if not ends or self._lines:
            self._lines.append(reply.text)
            if not ends:
                return True
            reply = Reply(reply.code, " ".join(self._lines))
            self._lines.clear()
        if reply.code == SERVICE_CLOSING or not self._expected:
            # Said on its way out, or without being asked: whatever follows would belong to another command.
            error_class = limit_class(reply.code, reply.text) or "throttled"
            self._fail(shown(f"{reply.code} {reply.text}"), error_class, reply.code)
            return False
        self._replies.append(reply)
        self._expected -= 1
        self._hand_out()
        return True

    def eof_received(self) -> None:
        """The server says no more; the transport closes."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._fail(f"the connection was lost{f': {exc}' if exc else ''}", "lost")
        self._transport = None

    def _fail(self, answer: str, error_class: str, code: int | None = None) -> None:
        # A refusal by 421 is an answer: the letter was not accepted.
        in_doubt = self._in_doubt and code != SERVICE_CLOSING
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(
                ConnectionDownError(shown(answer), code=code, error_class=error_class, in_doubt=in_doubt)
            )
        elif self._begun is not None and code is not None:
            self._refused_begun = ConnectionDownError(shown(answer), code=code, error_class=error_class)
        self.abort()

    def _let_go(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None


@lru_cache(maxsize=64)
def _read(line: bytes) -> tuple[Reply, bool] | None:
    """A line of a reply, and whether it is its last; `None` where it is none. Most are said again and again."""
    line = line.rstrip(b"\r")
    if not _CODE.match(line[:3]) or line[3:4] not in {b"", b" ", b"-"}:
        return None
    return Reply(int(line[:3]), line[4:].decode("utf-8", "replace")), line[3:4] != b"-"


def _answers(heard: bytes) -> Iterator[bytes]:
    """What was heard, answer by answer; the last one may be cut short."""
    *lines, rest = heard.split(b"\n")
    begun = 0
    for place, line in enumerate(lines, 1):
        if line[3:4] != b"-":
            yield b"".join(one + b"\n" for one in lines[begun:place])
            begun = place
    if rest or begun < len(lines):
        yield b"".join(one + b"\n" for one in lines[begun:]) + rest


def _fault(refused: Reply, *, is_sender: bool) -> MessageError | ConnectionDownError:
    return (sender_fault if is_sender else letter_fault)(refused.code, refused.text)


def _out_of_step(answer: Reply, *, in_doubt: bool = False) -> ConnectionDownError:
    """An answer that belongs to no command of ours, or to another one."""
    text = f"the server's answer was not expected here: {answer.code} {answer.text}"
    return ConnectionDownError(shown(text), code=answer.code, error_class=NOT_SMTP, in_doubt=in_doubt)


def _data(envelope: Envelope) -> bytes:
    """A letter as DATA wants it: CRLF line ends, leading dots doubled, the final dot (RFC 5321, section 4.5.2)."""
    content = envelope.content
    if envelope.stuffed:
        return content + b".\r\n"
    ends = content.count(b"\r\n")
    if content.count(b"\n") != ends or content.count(b"\r") != ends:
        content = _BARE_ENDS.sub(b"\r\n", content)
    if b"\r\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    if content.startswith(b"."):
        content = b"." + content
    return content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")
