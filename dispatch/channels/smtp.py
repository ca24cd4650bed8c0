"""SMTP submission (RFC 5321, 6409) over one persistent connection: opened by aiosmtplib, used by our own pipeline."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import aiosmtplib
from aiosmtplib import SMTP, SMTPResponse
from aiosmtplib.protocol import SMTPProtocol

from dispatch.channels.dialogue import Reply
from dispatch.channels.envelope import Envelope
from dispatch.channels.faults import connection_fault, shown
from dispatch.channels.pipeline import Ahead, Pipeline, nothing_ahead
from dispatch.channels.trust import tls_context
from dispatch.errors import ConnectionDownError, DispatchError, MessageError
from dispatch.transcript import Transcript
from store.cards import MailConnection
from store.vocabulary import Encryption

if TYPE_CHECKING:
    from dispatch.tokens import Tokens

TIMEOUT_S = 30.0
QUIT_TIMEOUT_S = 2.0


class _OneLogin(SMTP):
    """aiosmtplib tries a wrong password once per mechanism, which locks accounts; this one tries one mechanism.

    Args:
        transcript: What is said goes there.
        fields: As in the library.
    """

    def __init__(self, transcript: Transcript, **fields: Any) -> None:
        super().__init__(**fields)
        self._transcript = transcript

    async def _create_connection(self, timeout: float | None) -> SMTPResponse:  # noqa: ASYNC109 - the library's
        """The library makes its protocol here, and takes no other: once the server has greeted, it is listened to."""
        try:
            greeting = await super()._create_connection(timeout)
        except aiosmtplib.SMTPResponseException as error:
            self._transcript.server(_as_said(error.code, error.message))
            raise
        self._transcript.server(_as_said(greeting.code, greeting.message))
        if self.protocol is not None:
            _listen(self.protocol, self._transcript)
        return greeting

    @property
    def supported_auth_methods(self) -> list[str]:
        """The first of ours that the server offers."""
        offered = super().supported_auth_methods
        return [method for method in ("plain", "login", "cram-md5") if method in offered][:1]

    def close(self) -> None:
        """Let go at once: TLS would wait up to half a minute for the server's farewell, after we are gone."""
        if self.transport is not None:
            cast("asyncio.Transport", self.transport).abort()
        super().close()


def _listen(protocol: SMTPProtocol, transcript: Transcript) -> None:
    """Have all that goes through a protocol told."""
    write, received = protocol.write, protocol.data_received

    def tell_and_write(data: bytes) -> None:
        transcript.client(data)
        write(data)

    def tell_and_receive(data: bytes) -> None:
        transcript.server(data)
        received(data)

    protocol.write, protocol.data_received = tell_and_write, tell_and_receive


def _as_said(code: int, message: str) -> bytes:
    """A reply as it was on the wire; nothing where the library could not read it."""
    if code < 0:
        return b""
    *lines, last = message.split("\n")
    said = [*(f"{code}-{line}" for line in lines), f"{code} {last}"]
    return "".join(f"{line}\r\n" for line in said).encode("utf-8", "replace")


class SmtpSession:
    """One connection to one server: opened by the first letter, opened anew when it is lost.

    Args:
        connection: With OAuth2 it logs in by XOAUTH2 and a token.
        secret: The one named by `store.settings.secret_of`, in clear.
        tokens: Where tokens come from; by default those all sessions of the connection share.
        timeout_s: For each answer.
        may_send: As `Pipeline` asks it.

    Attributes:
        accepted: Letters the server has taken over the connection that is open now, or was last.
    """

    def __init__(
        self,
        connection: MailConnection,
        secret: str,
        *,
        tokens: "Tokens | None" = None,
        timeout_s: float = TIMEOUT_S,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self._card = connection
        self._may_send = may_send
        self._secret = secret
        self._tokens = tokens
        self._timeout_s = timeout_s
        self._pipeline: Pipeline | None = None
        self._shown = ""
        self.accepted = 0

    async def send(self, envelope: Envelope, ahead: Ahead = nothing_ahead) -> str:
        """Send a letter; gives the server's last answer. `ahead` is for `Pipeline.send`.

        Raises:
            TransientError: The server refused it for now (4yz).
            PermanentError: The server refused it for good (5yz).
            ConnectionDownError: The connection cannot be had, or was lost.
            HeldUpError: It may not leave.
        """
        used = self._pipeline
        try:
            return await self._send(envelope, ahead)
        except ConnectionDownError as error:
            # A server may close an idle connection at any time; that says nothing of the next one.
            if used is None or error.in_doubt or error.error_class != "lost":
                raise
        return await self._send(envelope, ahead)

    async def _send(self, envelope: Envelope, ahead: Ahead) -> str:
        told = self._pipeline is not None and self._pipeline.told_of(envelope)
        pipeline = self._pipeline if told and self._pipeline else await self._opened()
        try:
            reply = await pipeline.send(envelope, ahead)
        except DispatchError as error:
            self._explain(pipeline, error)
            if not isinstance(error, MessageError):
                self._drop()
            raise
        except BaseException:
            # After a cancel the replies no longer match the commands, as after a 421 or a loss.
            self._drop()
            raise
        return self._taken(reply)

    @property
    def together(self) -> "SmtpSession | None":
        """Itself, where letters may leave in one piece now."""
        return self if self.most else None

    @property
    def most(self) -> int:
        """How many may leave in one piece now, as `Pipeline.together` has it."""
        return 0 if self._pipeline is None else self._pipeline.together

    def depart(self, envelopes: Sequence[Envelope]) -> None:
        """Send letters in one piece; raises like `Pipeline.depart`."""
        assert self._pipeline is not None  # noqa: S101 - else there is no `together`
        self._pipeline.depart(envelopes)

    async def arrive(self) -> str:
        """The answer to the next letter that departed; raises like `Pipeline.arrive`."""
        pipeline = self._pipeline
        assert pipeline is not None  # noqa: S101 - the letter departed over it
        try:
            reply = await pipeline.arrive()
        except DispatchError as error:
            self._explain(pipeline, error)
            raise
        except BaseException:
            self._drop()
            raise
        return self._taken(reply)

    def _taken(self, reply: Reply) -> str:
        self.accepted += 1
        return shown(f"{reply.code} {reply.text}")

    def _explain(self, pipeline: Pipeline, error: DispatchError) -> None:
        transcript = self._transcript()
        pipeline.tell(transcript)
        transcript.explain(error)

    async def connect(self) -> None:
        """Connect, encrypt and log in.

        Raises:
            ConnectionDownError: With the step that failed as its error class.
        """
        self._drop()
        transcript = self._transcript()
        try:
            await self._log_in(transcript)
        except ConnectionDownError as error:
            transcript.explain(error)
            raise

    async def _log_in(self, transcript: Transcript) -> None:
        if not self._card.oauth2:
            await self._connect(None, transcript)
            return
        token = await self._token(transcript)
        try:
            await self._connect(token, transcript)
        except ConnectionDownError as error:
            if error.error_class != "auth_failed" or self._tokens is None:
                raise
            # It may have been taken back before its time; a second refusal is one.
            await asyncio.to_thread(self._tokens.forget, token)
        else:
            return
        await self._connect(await self._token(transcript), transcript)

    async def _token(self, transcript: Transcript) -> str:
        from dispatch.channels.web import Heard, listening, tell  # requests and msal, for those who need them

        if self._tokens is None:
            from dispatch.tokens import shared_tokens

            self._tokens = shared_tokens(self._card, self._secret)
        heard: Heard = []
        try:
            with listening(heard):
                token = await asyncio.to_thread(self._tokens.token)
        finally:
            tell(heard, transcript)
        self._shown = token
        transcript.hide(token)
        return token

    def _transcript(self) -> Transcript:
        return Transcript(self._secret, f"\0{self._card.login}\0{self._secret}", self._shown)

    async def _connect(self, token: str | None, transcript: Transcript) -> None:
        card = self._card

        async def given() -> str:
            return token or ""

        password = self._secret if card.authentication and not card.oauth2 else None
        transcript.note(f"{card.server}:{card.port or 25}")
        smtp = _OneLogin(
            transcript,
            hostname=card.server,
            port=card.port or 25,
            username=card.login if card.authentication or card.oauth2 else None,
            password=password,
            oauth_token_generator=given if card.oauth2 else None,
            use_tls=card.encryption is Encryption.SSL,
            start_tls=card.encryption is Encryption.TLS,  # never None: that falls back to clear text
            tls_context=None if card.encryption is Encryption.NONE else tls_context(card),
            timeout=self._timeout_s,
            local_hostname=socket.gethostname() or "localhost",
        )
        try:
            await smtp.connect()
            # Without TLS and login nobody has greeted yet, and the pipeline would not.
            if smtp.is_ehlo_or_helo_needed:
                await smtp.ehlo()
        except (TimeoutError, aiosmtplib.SMTPException, OSError) as error:
            smtp.close()
            raise connection_fault(error) from error
        except BaseException:
            smtp.close()
            raise
        offered = {name: smtp.supports_extension(name) for name in ("pipelining", "smtputf8", "chunking")}
        if smtp.transport is None:
            raise ConnectionDownError("the server closed the connection", error_class="lost")
        self.accepted = 0
        self._pipeline = Pipeline(**offered, timeout_s=self._timeout_s, may_send=self._may_send)
        self._pipeline.take_over(cast("asyncio.Transport", smtp.transport))

    async def probe(self, sender: str, recipient: str = "") -> None:
        """Ask whether the server takes letters from an address, and for a recipient; leave it at that.

        Raises:
            TransientError: Not now.
            PermanentError: Not ever.
            ConnectionDownError: The connection is not there, or the server wants a login.
        """
        await (await self._opened()).probe(sender, recipient)

    def transcript(self) -> str:
        """What was said of the last letter the server took; empty where the connection is gone since."""
        transcript = self._transcript()
        if self._pipeline is not None:
            self._pipeline.tell(transcript)
        return transcript.kept()

    async def close(self) -> None:
        """Say QUIT and let go."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is None:
            return
        try:
            await asyncio.wait_for(pipeline.quit(), QUIT_TIMEOUT_S)
        except TimeoutError:
            pipeline.abort()

    async def _opened(self) -> Pipeline:
        if self._pipeline is None or not self._pipeline.usable:
            await self.connect()
        assert self._pipeline is not None  # noqa: S101 - `connect` made it
        return self._pipeline

    def _drop(self) -> None:
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.abort()
