"""SMTP submission (RFC 5321, 6409) over one persistent connection: opened by aiosmtplib, used by our own pipeline."""

import asyncio
import socket
from typing import TYPE_CHECKING, cast

import aiosmtplib
from aiosmtplib import SMTP

from dispatch.channels.envelope import Envelope
from dispatch.channels.faults import connection_fault, shown
from dispatch.channels.pipeline import Pipeline
from dispatch.channels.trust import tls_context
from dispatch.errors import ConnectionDownError, MessageError
from store.cards import MailConnection
from store.vocabulary import Encryption

if TYPE_CHECKING:
    from dispatch.tokens import Tokens

TIMEOUT_S = 30.0
QUIT_TIMEOUT_S = 2.0


class _OneLogin(SMTP):
    """aiosmtplib tries a wrong password once per mechanism, which locks accounts; this one tries one mechanism."""

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


class SmtpSession:
    """One connection to one server: opened by the first letter, opened anew when it is lost.

    Args:
        connection: With OAuth2 it logs in by XOAUTH2 and a token.
        secret: The one named by `store.settings.secret_of`, in clear.
        tokens: Where tokens come from; by default those all sessions of the connection share.
        timeout_s: For each answer.

    Attributes:
        accepted: Letters the server has taken over the connection that is open now, or was last.
    """

    def __init__(
        self, connection: MailConnection, secret: str, *, tokens: "Tokens | None" = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._card = connection
        self._secret = secret
        self._tokens = tokens
        self._timeout_s = timeout_s
        self._pipeline: Pipeline | None = None
        self.accepted = 0

    async def send(self, envelope: Envelope) -> str:
        """Send a letter; gives the server's last answer.

        Raises:
            TransientError: The server refused it for now (4yz).
            PermanentError: The server refused it for good (5yz).
            ConnectionDownError: The connection cannot be had, or was lost.
        """
        used = self._pipeline
        try:
            return await self._send(envelope)
        except ConnectionDownError as error:
            # A server may close an idle connection at any time; that says nothing of the next one.
            if used is None or error.in_doubt or error.error_class != "lost":
                raise
        return await self._send(envelope)

    async def _send(self, envelope: Envelope) -> str:
        pipeline = await self._opened()
        try:
            reply = await pipeline.send(envelope)
        except MessageError:
            raise
        except BaseException:
            # After a cancel, a 421 or a loss the replies no longer match the commands.
            self._drop()
            raise
        self.accepted += 1
        return shown(f"{reply.code} {reply.text}")

    async def connect(self) -> None:
        """Connect, encrypt and log in.

        Raises:
            ConnectionDownError: With the step that failed as its error class.
        """
        self._drop()
        if not self._card.oauth2:
            await self._connect(None)
            return
        token = await self._token()
        try:
            await self._connect(token)
        except ConnectionDownError as error:
            if error.error_class != "auth_failed" or self._tokens is None:
                raise
            # It may have been taken back before its time; a second refusal is one.
            await asyncio.to_thread(self._tokens.forget, token)
        else:
            return
        await self._connect(await self._token())

    async def _token(self) -> str:
        if self._tokens is None:
            from dispatch.tokens import shared_tokens  # requests and msal, for those who need them

            self._tokens = shared_tokens(self._card, self._secret)
        return await asyncio.to_thread(self._tokens.token)

    async def _connect(self, token: str | None) -> None:
        card = self._card

        async def given() -> str:
            return token or ""

        password = self._secret if card.authentication and not card.oauth2 else None
        smtp = _OneLogin(
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
        offered = {name: smtp.supports_extension(name) for name in ("pipelining", "smtputf8")}
        if smtp.transport is None:
            raise ConnectionDownError("the server closed the connection", error_class="lost")
        self.accepted = 0
        self._pipeline = Pipeline(**offered, timeout_s=self._timeout_s)
        self._pipeline.take_over(cast("asyncio.Transport", smtp.transport))

    async def probe(self, sender: str, recipient: str = "") -> None:
        """Ask whether the server takes letters from an address, and for a recipient; leave it at that.

        Raises:
            TransientError: Not now.
            PermanentError: Not ever.
            ConnectionDownError: The connection is not there, or the server wants a login.
        """
        await (await self._opened()).probe(sender, recipient)

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
