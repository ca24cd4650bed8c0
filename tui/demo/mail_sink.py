"""A mail server on the loopback that keeps what it is given and delivers nothing."""

import asyncio
import logging
import threading
import warnings
from collections import Counter, deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

KEPT = 500
"""Letters kept whole; older ones are only counted."""


@dataclass(frozen=True, slots=True)
class SunkLetter:
    """A letter the server accepted."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    def message(self) -> EmailMessage:
        """The letter, parsed."""
        return message_from_bytes(self.content, policy=policy.default)  # pyright: ignore[reportReturnType]


class MailSink:
    """What the server has received, and how it answers; safe to read from any thread.

    Args:
        login: Who may submit.
        password: With this password.
        refused: Addresses answered with 550.
        greylisted: Addresses answered with 450 the first time.
    """

    def __init__(
        self, login: str, password: str, *, refused: Sequence[str] = (), greylisted: Sequence[str] = ()
    ) -> None:
        self.login = login
        self.password = password
        self.port = 0
        self._refused = frozenset(refused)
        self._greylisted = set(greylisted)
        self._lock = threading.Lock()
        self._letters: deque[SunkLetter] = deque(maxlen=KEPT)
        self._ids: Counter[str] = Counter()
        self._count = 0
        self._answers: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """Letters accepted."""
        return self._count

    def letters(self) -> list[SunkLetter]:
        """The last letters accepted, oldest first."""
        with self._lock:
            return list(self._letters)

    def message_ids(self) -> Counter[str]:
        """How often each Message-ID was accepted."""
        with self._lock:
            return Counter(self._ids)

    def answers(self) -> Counter[str]:
        """How often recipients were answered with `550` and `450`."""
        with self._lock:
            return Counter(self._answers)

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        """Called by the server to check a login."""
        good = LoginPassword(self.login.encode(), self.password.encode())
        # Not "handled": the server words the answer itself.
        return AuthResult(success=isinstance(data, LoginPassword) and data == good, handled=False)

    async def handle_RCPT(  # noqa: N802 - the server calls it by this name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Called by the server for each recipient."""
        with self._lock:
            if address in self._refused:
                self._answers["550"] += 1
                return "550 5.1.1 No such mailbox here"
            if address in self._greylisted:
                self._greylisted.discard(address)
                self._answers["450"] += 1
                return "450 4.7.1 Greylisted, please try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Called by the server with the whole letter."""
        letter = SunkLetter(envelope.mail_from or "", tuple(envelope.rcpt_tos), bytes(envelope.content))
        message_id = str(letter.message().get("Message-ID", ""))
        with self._lock:
            self._letters.append(letter)
            self._ids[message_id] += 1
            self._count += 1
        return "250 2.0.0 Kept"


@contextmanager
def serve(sink: MailSink) -> Generator[MailSink]:
    """Run the server in a thread of its own on a free port of 127.0.0.1 (then in `sink.port`)."""
    # The server logs every refusal; here refusals are part of the play, and stderr belongs to the screen.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()

    def connection() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # authentication without TLS is meant: it never leaves the loopback
            return SMTP(
                sink,
                hostname="demo.vestnik.example.org",
                auth_required=True,
                auth_require_tls=False,
                authenticator=sink.authenticate,
                loop=loop,
            )

    server = loop.run_until_complete(loop.create_server(connection, "127.0.0.1", 0))
    sink.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, name="demo-mail", daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(_end_tasks(), loop).result(timeout=5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)
        loop.close()


async def _end_tasks() -> None:
    """Cut the connections that are still open."""
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
