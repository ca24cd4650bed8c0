"""Mail transactions over a connection that is open, encrypted and logged in already (RFC 5321, pipelined: RFC 2920).

aiosmtplib takes four round trips and some 190 µs of CPU for a letter. Here the envelope and DATA go out together
where the server announces PIPELINING, and with the end of the letter before where there is one: a round trip or two,
one by one otherwise. Where it announces CHUNKING too, several letters may go in one piece (RFC 3030): whoever has
many gets them through in one round trip, at the price that a loss of the connection puts all of them in doubt.
aiosmtplib opens the connection, then hands the transport over to this protocol.
"""

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from dispatch.channels.dialogue import Dialogue, End, Reply, answers_in
from dispatch.channels.envelope import Envelope
from dispatch.channels.faults import FAILURE, NOT_SMTP, SERVICE_CLOSING, letter_fault, sender_fault, shown
from dispatch.errors import ConnectionDownError, DispatchError, HeldUpError, MessageError, PermanentError
from dispatch.transcript import Transcript

TOGETHER = 8
"""Letters in one piece. More save little (measured), and each is one more in doubt where the connection is lost."""
FINAL_PATIENCE = 4
"""The answer to the final dot may take this many times longer (RFC 5321, section 4.5.3.2.6, asks for patience):
who hangs up too soon sends the letter again, and the recipient gets it twice."""
DONE, START_INPUT = range(200, 300), 354
UNKNOWN_COMMAND = range(500, 505)
NO_SMTPUTF8, NO_CHUNKING = "no_smtputf8", "no_chunking"
_BARE_ENDS = re.compile(rb"\r\n|\r|\n")


Ahead = Callable[[], Envelope | None]
"""Names the letter that goes next over a connection, if it is known; asked when the one before it leaves."""


def nothing_ahead() -> Envelope | None:
    """There is none."""
    return None


@dataclass(frozen=True, slots=True)
class _Aboard:
    """A letter that has left with others: what was asked for it, and how many replies come before its own."""

    asked: list[bytes]
    size: int
    before: int


class Pipeline(Dialogue):
    """Sends letters one after the other, or some together where the server takes that.

    Args:
        pipelining: Whether the server announced PIPELINING.
        smtputf8: Whether the server announced SMTPUTF8.
        chunking: Whether the server announced CHUNKING.
        timeout_s: For each answer; the one to the end of a letter may take `FINAL_PATIENCE` times as long.
        may_send: Asked when the server is ready for a letter's text, for it may have let us wait.
    """

    def __init__(
        self,
        *,
        pipelining: bool,
        smtputf8: bool,
        chunking: bool,
        timeout_s: float,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(timeout_s)
        self._pipelining = pipelining
        self._smtputf8 = smtputf8
        self._chunking = chunking
        self._may_send = may_send
        self._open_transaction = False
        self._begun: Envelope | None = None
        self._begun_after_refusal = False
        self._aboard: deque[_Aboard | DispatchError] = deque()
        self._took_letters = self._took_chunks = False
        # What was said of the letter in hand, raw: it costs two appends a letter, and becomes words where it failed.
        self._asked: list[bytes] = []
        self._letter_size: int | None = None
        self._before = 0

    @property
    def together(self) -> int:
        """How many letters may leave in one piece now: 1 until the server was seen to take one so, 0 for none.

        None over a connection that has not taken a letter yet: who hangs up on the first one hangs up on all.
        """
        if not self._chunking or not self._pipelining or not self._took_letters or self._begun or not self.usable:
            return 0
        return TOGETHER if self._took_chunks else 1

    def told_of(self, envelope: Envelope) -> bool:
        """Whether the server has closed the connection with a word about a letter that was begun: `send` raises it."""
        return self._begun is envelope and self._end is not None and self._end.code is not None

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
            self._clear()
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
        self._took_letters, self._open_transaction = True, self._begun is not None
        return answer

    def depart(self, envelopes: Sequence[Envelope]) -> None:
        """Send letters in one piece, `together` of them at most; `arrive` is to be called for each, in their order.

        Raises:
            HeldUpError: They may not leave.
            ConnectionDownError: The connection is lost; none of them left.
        """
        if not self._may_send():
            raise HeldUpError
        self._clear()
        pieces: list[bytes] = []
        expected = 0
        for envelope in envelopes:
            # What the server keeps of a letter that it refuses must not get the next one's recipient added.
            reset = [b"RSET\r\n"] if self._open_transaction else []
            content = _lines(envelope)
            try:
                commands = [*reset, *self._addressed(envelope.sender, envelope.recipient)]
            except (PermanentError, ConnectionDownError) as error:
                self._aboard.append(error)
                continue
            commands.append(b"BDAT %d LAST\r\n" % len(content))
            self._aboard.append(_Aboard(commands, len(content), expected))
            self._open_transaction = True
            pieces += commands
            pieces.append(content)
            expected += len(commands)
        self._in_doubt = False
        self._say(b"".join(pieces), expected)
        self._in_doubt = self._hears_out = True

    async def arrive(self) -> Reply:
        """What became of the next letter that departed: the server's last answer.

        Raises:
            TransientError, PermanentError: As `send` does.
            ConnectionDownError: As `send` does; `NO_CHUNKING` where the server does not take letters so after all.
                The others are to be asked for all the same: what was said of them may be known.
        """
        aboard = self._aboard.popleft()
        if isinstance(aboard, DispatchError):
            raise aboard
        self._asked, self._letter_size, self._before = aboard.asked, aboard.size, aboard.before
        *reset, mail, rcpt, end = await self._await(len(aboard.asked), self._timeout_s * FINAL_PATIENCE)
        self._open_transaction = end.code not in DONE
        refused = next((answer for answer in (*reset, mail, rcpt, end) if answer.code == SERVICE_CLOSING), None)
        if refused is not None and end.code not in DONE:
            raise letter_fault(refused.code, refused.text)
        refused = next((answer for answer in (mail, rcpt) if answer.code >= FAILURE), None)
        odd = [answer for answer in (mail, rcpt, end) if answer.code not in DONE and answer.code < FAILURE]
        odd += [answer for answer in reset if answer.code not in DONE]
        if odd or (refused is not None and end.code in DONE):
            # As where a server takes the text of a letter it has refused for commands.
            lost = _out_of_step(odd[0] if odd else end, in_doubt=True)
            self._lose_step(End(lost.answer, lost.error_class))
            raise lost
        if refused is not None:
            raise _fault(refused, is_sender=refused is mail)
        if not self._took_chunks and end.code in UNKNOWN_COMMAND:
            self.abort()
            raise ConnectionDownError(shown(f"{end.code} {end.text}"), code=end.code, error_class=NO_CHUNKING)
        if end.code >= FAILURE:
            raise letter_fault(end.code, end.text)
        self._took_chunks = True
        return end

    def tell(self, transcript: Transcript) -> None:
        """Tell what was said of the last letter, each answer beneath what it answers, however they were sent."""
        answers = islice(answers_in(b"".join(self.heard)), self._before, None)
        for command in self._asked:
            transcript.client(command)
            if not command.startswith(b"BDAT"):  # that is answered after the letter
                transcript.server(next(answers, b""))
        if self._letter_size is not None:
            transcript.letter(self._letter_size)
        for answer in islice(answers, 1 if self._begun or self._aboard else None):  # the others are the next one's
            transcript.server(answer)

    async def probe(self, sender: str, recipient: str = "") -> None:
        """Ask whether the server takes letters from an address, and for a recipient; raises like `send`."""
        self._clear()
        for place, answer in enumerate(await self._transact(self._addressed(sender, recipient))):
            if answer.code >= FAILURE:
                raise _fault(answer, is_sender=not place)
            if answer.code not in DONE:
                raise _out_of_step(answer)

    async def quit(self) -> None:
        """Say QUIT, wait for the answer, and close."""
        try:
            if self.usable and self._begun is None and not self._aboard:
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

    def _clear(self) -> None:
        """Nothing was said yet of the letter in hand."""
        self._hears_out = False
        self._asked, self._letter_size, self._before = [], None, 0
        self.heard.clear()

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
        self.heard[:] = [said.encode("utf-8", "replace"), self._received]
        replies = await self._await(len(self._asked))
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


def _fault(refused: Reply, *, is_sender: bool) -> MessageError | ConnectionDownError:
    return (sender_fault if is_sender else letter_fault)(refused.code, refused.text)


def _out_of_step(answer: Reply, *, in_doubt: bool = False) -> ConnectionDownError:
    """An answer that belongs to no command of ours, or to another one."""
    text = f"the server's answer was not expected here: {answer.code} {answer.text}"
    return ConnectionDownError(shown(text), code=answer.code, error_class=NOT_SMTP, in_doubt=in_doubt)


def _lines(envelope: Envelope) -> bytes:
    """A letter whose lines all end in CRLF (RFC 5321, section 2.3.8)."""
    content = envelope.content
    if envelope.stuffed:
        return content
    ends = content.count(b"\r\n")
    if content.count(b"\n") != ends or content.count(b"\r") != ends:
        content = _BARE_ENDS.sub(b"\r\n", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def _data(envelope: Envelope) -> bytes:
    """A letter as DATA wants it: leading dots doubled, the final dot (RFC 5321, section 4.5.2)."""
    content = _lines(envelope)
    if not envelope.stuffed:
        content = content.replace(b"\r\n.", b"\r\n..")
        if content.startswith(b"."):
            content = b"." + content
    return content + b".\r\n"
