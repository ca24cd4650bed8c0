"""SMTP submission (RFC 5321, 6409) over one persistent connection, by aiosmtplib."""

import asyncio
import re
import socket
import ssl
from typing import cast

import aiosmtplib
from aiosmtplib import SMTP

from dispatch.channels.envelope import Envelope
from dispatch.errors import ConnectionDownError, PermanentError, TransientError
from store.cards import MailConnection
from store.sanitise import clean_line
from store.vocabulary import Encryption

TIMEOUT_S = 30.0
MAX_ANSWER = 500
RECEIVE_BYTES = 8192
"""asyncio's 256 KiB receive buffers are mapped and unmapped for each reply; small ones save a quarter of the CPU."""
SERVICE_CLOSING = 421
_ENHANCED = re.compile(r"^([245])\.(\d{1,3})\.(\d{1,3})\b")
_CLASSES = {
    "1.1": "mailbox_unknown", "1.2": "bad_destination", "1.3": "bad_address", "1.8": "bad_sender",
    "2.1": "mailbox_disabled", "2.2": "mailbox_full", "2.3": "too_large", "3.4": "too_large",
    "7.1": "policy", "7.0": "policy", "5.3": "throttled",
}  # fmt: skip
"""Enhanced status codes (RFC 3463) with a word of their own; others are called by their reply code."""


class _OneLogin(SMTP):
    """aiosmtplib tries a wrong password once per mechanism, which locks accounts; this one tries one mechanism."""

    @property
    def supported_auth_methods(self) -> list[str]:
        """The first of ours that the server offers."""
        offered = super().supported_auth_methods
        return [method for method in ("plain", "login", "cram-md5") if method in offered][:1]


class SmtpSession:
    """One connection to one server: opened by the first letter, opened anew when it is lost."""

    def __init__(self, connection: MailConnection, password: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._card = connection
        self._password = password
        self._timeout_s = timeout_s
        self._smtp: SMTP | None = None

    async def send(self, envelope: Envelope) -> str:
        """Send a letter; gives the server's last answer.

        Raises:
            TransientError: The server refused it for now (4yz).
            PermanentError: The server refused it for good (5yz).
            ConnectionDownError: The connection cannot be had, or was lost.
        """
        smtp = self._smtp
        if smtp is None or not smtp.is_connected:
            smtp = await self.connect()
        try:
            return await self._transact(smtp, envelope)
        except (PermanentError, TransientError):
            await self._reset(smtp)
            raise
        except BaseException:
            # After a cancel, a 421 or a loss the replies no longer match the commands.
            self._drop()
            raise

    async def connect(self) -> SMTP:
        """Connect, encrypt and log in.

        Raises:
            ConnectionDownError: With the step that failed as its error class.
        """
        self._drop()
        card = self._card
        smtp = _OneLogin(
            hostname=card.server,
            port=card.port or 25,
            username=card.login if card.authentication else None,
            password=self._password if card.authentication else None,
            use_tls=card.encryption is Encryption.SSL,
            start_tls=card.encryption is Encryption.TLS,  # never None: that falls back to clear text
            tls_context=tls_context(card),
            timeout=self._timeout_s,
            local_hostname=socket.gethostname() or "localhost",
        )
        try:
            await smtp.connect()
            # Without TLS and login nobody has greeted yet, and the plain commands below would not.
            if smtp.is_ehlo_or_helo_needed:
                await smtp.ehlo()
        except (TimeoutError, aiosmtplib.SMTPException, OSError) as error:
            smtp.close()
            raise connection_fault(error) from error
        except BaseException:
            smtp.close()
            raise
        if smtp.transport is not None and hasattr(smtp.transport, "max_size"):
            setattr(smtp.transport, "max_size", RECEIVE_BYTES)  # noqa: B010 - not in the type
        self._smtp = smtp
        return smtp

    async def probe_sender(self, sender: str) -> None:
        """Ask whether the server takes letters from an address, and leave it at that.

        Raises:
            TransientError: Not now.
            PermanentError: Not ever.
            ConnectionDownError: The connection is not there, or the server wants a login.
        """
        smtp = self._smtp or await self.connect()
        try:
            await _command(smtp, b"MAIL FROM:<" + _path(sender, smtp))
        except aiosmtplib.SMTPException as error:
            raise connection_fault(error) from error
        await self._reset(smtp)

    async def close(self) -> None:
        """Say QUIT and let go."""
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        try:
            await asyncio.wait_for(smtp.quit(), 2)
        except (TimeoutError, aiosmtplib.SMTPException, OSError):
            smtp.close()

    async def _transact(self, smtp: SMTP, envelope: Envelope) -> str:
        try:
            # The addresses were parsed when the envelope was made; `mail` and `rcpt` would parse them again.
            await _command(smtp, b"MAIL FROM:<" + _path(envelope.sender, smtp))
            await _command(smtp, b"RCPT TO:<" + _path(envelope.recipient))
            code, answer = await smtp.data(envelope.content)
        except aiosmtplib.SMTPResponseException as error:
            raise letter_fault(error.code, str(error.message)) from error
        except (TimeoutError, aiosmtplib.SMTPException, OSError) as error:
            raise connection_fault(error) from error
        return _shown(f"{code} {answer}")

    async def _reset(self, smtp: SMTP) -> None:
        try:
            await smtp.rset()
        except (TimeoutError, aiosmtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()


def _path(address: str, smtp: SMTP | None = None) -> bytes:
    """The rest of a MAIL or RCPT command; SMTPUTF8 (RFC 6531) is asked for where the address needs it."""
    plain = address.isascii()
    option = b" SMTPUTF8" if smtp is not None and not plain and smtp.supports_extension("smtputf8") else b""
    return address.encode() + b">" + option


async def _command(smtp: SMTP, command: bytes) -> None:
    code, answer = await smtp.execute_command(command)
    if code >= 400:  # noqa: PLR2004 - RFC 5321, section 4.2.1
        raise letter_fault(code, answer)


def tls_context(card: MailConnection) -> ssl.SSLContext | None:
    """The TLS settings of a connection; `None` without encryption.

    Raises:
        ConnectionDownError: The CA file cannot be read.
    """
    if card.encryption is Encryption.NONE:
        return None
    context = ssl.create_default_context()
    if card.ca_file:
        try:
            context.load_verify_locations(card.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConnectionDownError(
                f"the CA file {card.ca_file} cannot be read: {error}", error_class="ca_file"
            ) from error
    return context


def letter_fault(code: int, text: str) -> TransientError | PermanentError | ConnectionDownError:
    """What a refusal of MAIL, RCPT or DATA means."""
    answer = _shown(f"{code} {text}")
    found = _ENHANCED.match(text)
    detail = f"{found.group(2)}.{found.group(3)}" if found else ""
    if code == SERVICE_CLOSING:
        return ConnectionDownError(answer, code=code, error_class="throttled")
    if code in {530, 535}:
        return ConnectionDownError(answer, code=code, error_class="auth_required")
    error_class = _CLASSES.get(detail) or ("greylisted" if code in {450, 451} else f"smtp_{code}")
    kind = TransientError if code < 500 else PermanentError  # noqa: PLR2004 - RFC 5321, section 4.2.1
    return kind(answer, code=code, error_class=error_class)


def connection_fault(error: BaseException) -> ConnectionDownError:
    """What a failure to connect, encrypt or log in means."""
    causes = _chain(error)
    code = cast("int | None", getattr(error, "code", None))
    text = _shown(
        f"{code} {getattr(error, 'message', error)}" if code and code > 0 else str(error) or type(error).__name__
    )
    return ConnectionDownError(text, code=code, error_class=_class_of(error, causes, text))


def _class_of(error: BaseException, causes: list[BaseException], text: str) -> str:
    code = getattr(error, "code", None)
    tests = (
        ("auth_failed", isinstance(error, aiosmtplib.SMTPAuthenticationError)),
        ("throttled", code == SERVICE_CLOSING),
        ("auth_unavailable", "AUTH" in text and "not supported" in text),
        ("tls_unavailable", "STARTTLS" in text and "not supported" in text),
        ("tls", any(isinstance(cause, ssl.SSLError) for cause in causes)),
        ("dns", any(isinstance(cause, socket.gaierror) for cause in causes)),
        ("refused", any(isinstance(cause, ConnectionRefusedError) for cause in causes)),
        ("timeout", any(isinstance(cause, TimeoutError) for cause in causes)),
    )
    return next((name for name, applies in tests if applies), "lost")


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def _shown(text: str) -> str:
    return clean_line(text)[:MAX_ANSWER]
