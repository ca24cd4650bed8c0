"""The dialogue with an SMTP server: commands go out, replies come back in order, each waited for with patience."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from dispatch.channels.faults import FAILURE, NOT_SMTP, SERVICE_CLOSING, shown
from dispatch.channels.limit_words import limit_class
from dispatch.errors import ConnectionDownError

RECEIVE_BYTES = 4096
MAX_REPLY = 64 * 1024
"""A server that says more than this at once is none."""
AFTER_GOODBYE_S = 5.0
"""How long a server that said it closes the connection is heard out, where more was asked of it."""
_CODE = re.compile(rb"[2-5]\d\d$")


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply; the lines of a long one are joined by a space."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class End:
    """Why a connection ended."""

    answer: str
    error_class: str
    code: int | None = None


class Dialogue(asyncio.BufferedProtocol):
    """Speaks over one connection; after any `ConnectionDownError` or a cancel it is of no more use.

    Args:
        timeout_s: For each answer, unless more is allowed.

    Attributes:
        heard: All that was heard since it was last cleared, raw.
    """

    def __init__(self, timeout_s: float) -> None:
        self.heard: list[bytes] = []
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
        self._hears_out = False
        self._end: End | None = None

    @property
    def usable(self) -> bool:
        """Whether the connection stands."""
        return self._transport is not None and not self._transport.is_closing()

    def take_over(self, transport: asyncio.Transport) -> None:
        """Become the protocol of an open connection."""
        self._transport = transport
        transport.set_protocol(self)

    def abort(self) -> None:
        """Close at once: after a cancel or a fault the replies no longer match the commands."""
        self._let_go()
        if self._transport is not None:
            self._transport.abort()

    async def _ask(self, data: bytes, count: int, timeout_s: float | None = None, *, more: int = 0) -> list[Reply]:
        """Send and wait for so many replies; for the `more` that come then, one waits later."""
        self._say(data, count + more)
        return await self._await(count, timeout_s)

    def _say(self, data: bytes, count: int) -> None:
        """Send what so many replies are expected to."""
        if not self.usable or self._transport is None:
            raise self._gone()
        self._expected = count
        self._transport.write(data)
        self._unsent = self._transport.get_write_buffer_size()

    async def _await(self, count: int, timeout_s: float | None = None) -> list[Reply]:
        """Wait for so many replies; those that came before the connection ended count."""
        if len(self._replies) < count:
            if not self.usable:
                raise self._gone()
            self._waiter, self._wanted = self._loop.create_future(), count
            self._be_patient(AFTER_GOODBYE_S if self._end is not None else timeout_s or self._timeout_s)
            return await self._waiter
        return self._taken(count)

    def _taken(self, count: int) -> list[Reply]:
        replies, self._replies = self._replies[:count], self._replies[count:]
        return replies

    def _be_patient(self, seconds: float) -> None:
        """Wait no longer than this from now on. There is one timer a connection, not one a reply."""
        self._patience_s, self._deadline = seconds, self._loop.time() + seconds
        if self._watchdog is not None and self._watchdog.when() > self._deadline:
            self._let_go()
        if self._watchdog is None:
            self._watchdog = self._loop.call_at(self._deadline, self._watch)

    def _watch(self) -> None:
        """The time is over, unless it was given anew; a letter that is still leaving is not given up."""
        self._watchdog = None
        if self._waiter is None or self._waiter.done() or self._transport is None:
            return
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._deadline = self._loop.time() + self._patience_s
        self._unsent = unsent
        if self._loop.time() >= self._deadline:
            self._fail(End("the server did not answer in time", "timeout"))
        else:
            self._watchdog = self._loop.call_at(self._deadline, self._watch)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop puts what arrives."""
        del sizehint
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        """Something arrived."""
        heard = bytes(self._space[:nbytes])
        self.heard.append(heard)
        *lines, self._received = (self._received + heard).split(b"\n")
        for line in lines:
            if not self._line(line):
                return
        if len(self._received) + sum(map(len, self._lines)) > MAX_REPLY:
            self._fail(End("the server's answer is too long", NOT_SMTP))

    def _line(self, line: bytes) -> bool:
        """Take a line of a reply; gives whether the connection goes on."""
        read = _read(line)
        if read is None:
            said = shown(line.decode("utf-8", "replace"))
            self._fail(End(shown(f"the server does not speak SMTP: {said}"), NOT_SMTP))
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
            end = End(shown(f"{reply.code} {reply.text}"), error_class, reply.code)
            if not self._expected or not self._hears_out:
                self._fail(end)
                return False
            # Some say it of one letter, and take the next: it is an answer, and the end only if nothing else follows.
            self._end = end
            self._be_patient(AFTER_GOODBYE_S)
        elif reply.code < FAILURE:
            self._end = None
        self._replies.append(reply)
        self._expected -= 1
        if self._wanted and len(self._replies) >= self._wanted:
            replies, self._wanted = self._taken(self._wanted), 0
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(replies)
        return True

    def eof_received(self) -> None:
        """The server says no more; the transport closes."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._fail(End(shown(f"the connection was lost{f': {exc}' if exc else ''}"), "lost"))
        self._transport = None

    def _fail(self, end: End) -> None:
        """The connection ends; who waits is told, or else who asks next."""
        self._end = self._end or end
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(self._gone())
        self.abort()

    def _lose_step(self, end: End) -> None:
        """The replies are not what they seem: none of them counts from now on, nor what was heard of a goodbye."""
        self.abort()
        self._replies.clear()
        self._end = end

    def _gone(self) -> ConnectionDownError:
        """Why there is no reply: what ended the connection is true of all that was not answered."""
        end = self._end or End("the server closed the connection", "lost")
        # A refusal by 421 is an answer: the letter was not accepted.
        in_doubt = self._in_doubt and end.code != SERVICE_CLOSING
        return ConnectionDownError(end.answer, code=end.code, error_class=end.error_class, in_doubt=in_doubt)

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


def answers_in(heard: bytes) -> Iterator[bytes]:
    """What was heard, answer by answer; the last one may be cut short."""
    *lines, rest = heard.split(b"\n")
    begun = 0
    for place, line in enumerate(lines, 1):
        if line[3:4] != b"-":
            yield b"".join(one + b"\n" for one in lines[begun:place])
            begun = place
    if rest or begun < len(lines):
        yield b"".join(one + b"\n" for one in lines[begun:]) + rest
