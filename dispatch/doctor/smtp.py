"""The steps over SMTP."""

import socket
import ssl

import aiosmtplib

from dispatch.doctor import encrypted, guess, network
from dispatch.doctor.answers import meaning
from dispatch.doctor.dialogue import Dialogue
from dispatch.doctor.greeting import Greeting, said
from dispatch.doctor.login import Login, Work
from dispatch.doctor.steps import FaultError, Found, finding
from dispatch.doctor.transaction import Transaction
from dispatch.doctor.visit import Visit
from store.cards import MailConnection, Sending
from store.vocabulary import Encryption

QUIT_S = 1.0


class SmtpExamination:
    """One connection, taken from its name to a letter."""

    def __init__(self, visit: Visit, card: MailConnection, secret: str, sending: Sending, to: str | None) -> None:
        self._card = card
        self._limits = visit.limits
        self._transcript = visit.transcript
        self._addresses: list[network.Address] = []
        self._address: network.Address | None = None
        self._socket: socket.socket | None = None
        dialogue = self._dialogue = Dialogue(card.server, visit.transcript, visit.limits.answer_s)
        greeting = self._greeting = Greeting(dialogue, card, visit.limits, self._again)
        self._login = Login(dialogue, greeting, card, secret, visit)
        self._transaction = Transaction(dialogue, greeting, card, sending, to)

    def steps(self) -> list[tuple[str, Work]]:
        """The steps in order."""
        mail = self._transaction
        steps: list[tuple[str, Work]] = [
            ("name", self._name), ("connect", self._connect), ("tls", self._tls), ("greeting", self._greet),
            *self._login.steps(), ("sender", mail.sender), ("recipient", mail.recipient),
        ]  # fmt: skip
        return [*steps, ("letter", mail.letter)] if mail.sends else steps

    async def close(self, *, politely: bool) -> None:
        """Let go; politely with a QUIT."""
        dialogue = self._dialogue
        try:
            if politely and dialogue.is_connected:
                await dialogue.quit(timeout=QUIT_S)
        except (aiosmtplib.SMTPException, OSError):
            pass
        finally:
            dialogue.abort()
            if self._socket is not None:
                self._socket.close()

    async def _name(self) -> Found:
        card = self._card
        self._addresses = await network.resolve(card.server, card.port or 25, self._limits.answer_s)
        return network.told(card.server, self._addresses)

    async def _connect(self) -> Found:
        self._socket, self._address, warnings = await network.open_socket(self._addresses, self._limits.answer_s)
        return Found(f"{self._address}, {self._card.port}", warnings)

    async def _again(self) -> socket.socket:
        assert self._address is not None  # noqa: S101 - `_connect` found it
        connected, _, _ = await network.open_socket([self._address], guess.GLANCE_S)
        return connected

    async def _open(self, context: ssl.SSLContext | None) -> None:
        connected, self._socket = self._socket, None
        assert connected is not None  # noqa: S101 - `_connect` opened it
        await self._dialogue.open(connected, context)

    async def _tls(self) -> Found:
        card = self._card
        if card.encryption is Encryption.NONE:
            await self._open(None)
            return Found(findings=(finding("clear_login"),)) if card.authentication else Found(skipped=True)
        context = encrypted.context_of(card)
        if card.encryption is Encryption.SSL:
            try:
                await self._open(context)
            except OSError as error:
                raise await self._handshake_fault(error) from None
        else:
            await self._open(None)
            await self._greeting.read("tls")
            await self._greeting.introduce("tls")
            await self._starttls(context)
        tls = self._dialogue.tls
        if tls is None:
            raise FaultError("tls_closed", "the server closed the connection")
        return await encrypted.settled(tls, card, card.server, self._again, self._transcript)

    async def _starttls(self, context: ssl.SSLContext) -> None:
        dialogue = self._dialogue
        if not dialogue.supports_extension("starttls"):
            raise FaultError("tls_unavailable", self._greeting.offered())
        try:
            await dialogue.starttls(tls_context=context, server_hostname=self._card.server)
        except aiosmtplib.SMTPResponseException as error:
            raise FaultError(meaning("starttls", error.code, error.message), said(error)) from None
        except OSError as error:  # the library's disconnects and timeouts among them
            raise await self._handshake_fault(error) from None

    async def _handshake_fault(self, error: OSError) -> FaultError:
        card = self._card
        return await encrypted.handshake_fault(error, card, card.server, self._again, self._transcript)

    async def _greet(self) -> Found:
        if self._card.encryption is not Encryption.TLS:
            await self._greeting.read("greeting")
        if self._dialogue.is_ehlo_or_helo_needed:  # after STARTTLS the server is asked anew (RFC 3207, section 4.2)
            await self._greeting.introduce("greeting")
        return Found(self._greeting.offered())
