"""aiosmtplib, one command at a time, over a connection that we opened, with a transcript."""

import asyncio
import socket
import ssl
from typing import Literal, cast

import aiosmtplib
from aiosmtplib import SMTP, SMTPResponse
from aiosmtplib.protocol import SMTPProtocol
from aiosmtplib.typing import Default

from dispatch.transcript import Transcript

READY, CONTINUE = 220, 334
MECHANISMS = ("plain", "login", "cram-md5")
"""In the order the channel prefers them; it tries the first that is offered, and no other."""


class Wire(SMTPProtocol):
    """Writes down every line in either direction."""

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._transcript = transcript
        self.greeted = asyncio.Event()
        """Set by the first bytes of the server's, or by its hanging up."""
        self.first = b""
        """The first thing the server said."""
        self.lost_by: Exception | None = None

    def write(self, data: bytes) -> None:
        """Send."""
        self._transcript.client(data)
        super().write(data)

    def data_received(self, data: bytes) -> None:
        """The server says something."""
        self.first = self.first or data
        self.greeted.set()
        self._transcript.server(data)
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.greeted.set()
        self.lost_by = exc
        super().connection_lost(exc)


class Dialogue(SMTP):
    """A conversation with a server, step by step."""

    def __init__(self, server: str, transcript: Transcript, timeout_s: float) -> None:
        super().__init__(
            hostname=server,
            timeout=timeout_s,
            start_tls=False,
            # As the channel introduces itself, so that the answer is the one it will get.
            local_hostname=socket.gethostname() or "localhost",
        )
        self._transcript = transcript
        self._server = server
        self._limit_s = timeout_s
        self.wire: Wire | None = None
        self.challenge = ""
        """What the server asked during the login; with XOAUTH2, why it refused the token."""

    async def open(self, connected: socket.socket, context: ssl.SSLContext | None) -> None:
        """Take over a connected socket, with a context encrypted from the first byte. The greeting is not read yet.

        Raises:
            OSError: The handshake failed or took too long.
        """
        loop = self.loop = asyncio.get_running_loop()
        wire = Wire(self._transcript)
        transport, _ = await loop.create_connection(
            lambda: wire,
            sock=connected,
            ssl=context,
            server_hostname=self._server if context else None,
            ssl_handshake_timeout=self._limit_s if context else None,
        )
        self.wire = self.protocol = wire
        self.transport = transport

    async def greeting(self) -> SMTPResponse:
        """Wait for the server's first words.

        Raises:
            SMTPException: They do not come, or are not SMTP.
        """
        if self.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("the server closed the connection")
        return await self.protocol.read_response(timeout=self._limit_s)

    async def execute_command(
        self,
        *args: bytes,
        timeout: float | Literal[Default.token] | None = Default.token,  # noqa: ASYNC109 - the library's signature
    ) -> SMTPResponse:
        """As in the library; the last challenge is kept."""
        response = await super().execute_command(*args, timeout=timeout)
        if response.code == CONTINUE:
            self.challenge = response.message
        return response

    async def log_in(self, mechanism: str, login: str, secret: str) -> SMTPResponse:
        """One attempt with one mechanism; the library's own `login` tries them all, which locks accounts.

        Raises:
            SMTPAuthenticationError: It was refused.
        """
        ways = {
            "plain": self.auth_plain, "login": self.auth_login,
            "cram-md5": self.auth_crammd5, "xoauth2": self.auth_xoauth2,
        }  # fmt: skip
        self._transcript.hide(f"\0{login}\0{secret}")  # as PLAIN sends it
        return await ways[mechanism](login, secret)

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS side of the connection."""
        return self.get_transport_info("ssl_object") if self.is_connected else None

    def abort(self) -> None:
        """Close at once, without waiting for anything."""
        wire = self.wire
        if wire is not None and wire.transport is not None:
            cast("asyncio.Transport", wire.transport).abort()
        self.close()
