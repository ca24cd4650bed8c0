"""What the mail channels over HTTPS have in common: a thread a call, one renewal of a token, and an end."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dispatch.channels.envelope import Envelope
from dispatch.channels.ews_login import BearerAuth
from dispatch.channels.faults import shown
from dispatch.channels.own_thread import T, in_own_thread
from dispatch.channels.pipeline import Ahead, nothing_ahead
from dispatch.channels.trust import tls_context
from dispatch.channels.web import READ_TIMEOUT_S, UNAUTHORIZED, Heard, WebSession, listening, tell
from dispatch.errors import ConnectionDownError, DispatchError, MessageError
from dispatch.tokens import Tokens, shared_tokens
from dispatch.transcript import Transcript
from store.cards import MailConnection

TOTAL_TIMEOUT_S = 90.0
"""For a letter from end to end, whatever the server does meanwhile."""


@dataclass(slots=True)
class _Line:
    """What one call after another uses. A call that is given up keeps its own, and the next call gets another."""

    opened: Any = None
    sending: bool = False


class WebChannel(ABC):
    """A session with the surface of `SmtpSession`, for blocking code; one letter at a time.

    Args:
        connection: Its server is a host name or a URL.
        secret: The one named by `store.settings.secret_of`, in clear.
        tokens: With OAuth2, where tokens come from; by default those all sessions of the connection share.
        timeout_s: For each answer.
        total_s: For a letter from end to end.

    Attributes:
        accepted: 0: a connection of HTTP ends without telling, and another one takes its place.
        together: A request has one letter.
    """

    accepted = 0
    together = None

    def __init__(
        self,
        connection: MailConnection,
        secret: str,
        *,
        tokens: Tokens | None = None,
        timeout_s: float = READ_TIMEOUT_S,
        total_s: float = TOTAL_TIMEOUT_S,
    ) -> None:
        self._card = connection
        self._secret = secret
        self._tokens = tokens
        self._timeout_s = timeout_s
        self._total_s = total_s
        self._line: _Line | None = None
        self._heard: Heard = []

    async def send(self, envelope: Envelope, ahead: Ahead = nothing_ahead) -> str:
        """Send a letter; gives the server's answer.

        Raises:
            TransientError: The server refused it for now.
            PermanentError: The server refused it for good.
            ConnectionDownError: The connection cannot be had, or was lost; `in_doubt` when the letter may have been
                accepted.
        """
        del ahead  # a request has one letter
        return shown(await self._run(lambda line: self._send(line, envelope)))

    async def connect(self) -> None:
        """Get a token, or find out how to log in; anew, whatever was known before.

        Raises:
            ConnectionDownError: With what is wrong as its error class.
        """
        self._drop()
        await self._run(self._opened)

    async def probe(self, sender: str, recipient: str = "") -> None:
        """Like `connect`, where that has not been done: without a letter these servers say no more.

        Raises:
            ConnectionDownError: With what is wrong as its error class.
        """
        del sender, recipient
        await self._run(self._opened)

    async def close(self) -> None:
        """Let go."""
        self._drop()

    def _web_session(self) -> WebSession:
        """A session of requests that trusts what the connection says."""
        return WebSession(tls_context(self._card), timeout_s=self._timeout_s)

    def _bearer(self) -> BearerAuth:
        """A token to show, got already."""
        self._tokens = self._tokens or shared_tokens(self._card, self._secret)
        bearer = BearerAuth(self._tokens)
        bearer.fetch()
        return bearer

    @abstractmethod
    def _open(self) -> Any:
        """Whatever `_deliver` needs; in a thread."""

    @abstractmethod
    def _deliver(self, opened: Any, envelope: Envelope) -> str:
        """Hand the letter over; in a thread. Gives the answer."""

    @abstractmethod
    def _renew(self, opened: Any) -> bool:
        """After a 401: forget the token. Gives whether there is one to be had anew."""

    def _opened(self, line: _Line) -> Any:
        if line.opened is None:
            line.opened = self._open()
        return line.opened

    def _send(self, line: _Line, envelope: Envelope) -> str:
        opened = self._opened(line)
        line.sending = True
        try:
            return self._deliver(opened, envelope)
        except ConnectionDownError as error:
            if error.code != UNAUTHORIZED or not self._renew(opened):
                raise
        try:
            return self._deliver(opened, envelope)
        except ConnectionDownError as error:
            if error.code == UNAUTHORIZED:
                error.error_class = "token_rejected"
            raise

    async def _run(self, work: Callable[[_Line], T]) -> T:
        line = self._line = self._line or _Line()
        line.sending = False
        heard = self._heard = []

        def listened_to() -> T:
            with listening(heard):
                return work(line)

        try:
            return await in_own_thread(listened_to, self._total_s)
        except MessageError as error:
            self._explain(error, heard)
            raise
        except TimeoutError:
            self._drop()
            fault = ConnectionDownError(
                "the server did not answer in time", error_class="timeout", in_doubt=line.sending
            )
            self._explain(fault, heard)
            raise fault from None
        except ConnectionDownError as error:
            self._explain(error, heard)
            self._drop()
            raise
        except BaseException:
            # Also after a cancel: the thread goes on with what it has, and the next letter uses none of it.
            self._drop()
            raise

    def transcript(self) -> str:
        """What was said of the last letter."""
        return self._told(self._heard).kept()

    def _explain(self, error: DispatchError, heard: Heard) -> None:
        self._told(heard).explain(error)

    def _told(self, heard: Heard) -> Transcript:
        transcript = Transcript(self._secret, f"{self._card.login}:{self._secret}")
        tell(heard, transcript)
        return transcript

    def _drop(self) -> None:
        line, self._line = self._line, None
        close = getattr(line.opened, "close", None) if line is not None else None
        if close is not None:
            close()
