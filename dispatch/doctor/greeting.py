"""The server's first words and its extensions; when there are none, what the port expects instead."""

import asyncio
import ssl

import aiosmtplib

from dispatch.doctor import guess
from dispatch.doctor.answers import meaning
from dispatch.doctor.dialogue import READY, Dialogue, Wire
from dispatch.doctor.encrypted import own_certificate_fault
from dispatch.doctor.guess import Connect
from dispatch.doctor.steps import FaultError
from dispatch.doctor.visit import Limits
from store.cards import MailConnection
from store.vocabulary import Encryption

EXTENSIONS = ("SIZE", "PIPELINING", "STARTTLS", "AUTH", "8BITMIME", "SMTPUTF8")


class Greeting:
    """Reads the greeting and says EHLO."""

    def __init__(self, dialogue: Dialogue, card: MailConnection, limits: Limits, again: Connect) -> None:
        """`again` opens one more connection to the same address."""
        self._dialogue = dialogue
        self._card = card
        self._limits = limits
        self._again = again

    async def read(self, step: str) -> None:
        """Read the greeting, during a step.

        Raises:
            FaultError: It does not come, is none, or is a refusal.
        """
        if self._card.encryption is not Encryption.SSL:
            await self._wait_for_words(step)
        try:
            answer = await self._dialogue.greeting()
        except aiosmtplib.SMTPResponseException as error:
            raise FaultError(meaning("greeting", error.code, error.message), said(error), step="greeting") from None
        except OSError as error:  # the library's disconnects and timeouts among them
            raise self.unanswered(error, "greeting") from None
        if answer.code != READY:
            raise FaultError(meaning("greeting", *answer), str(answer), step="greeting")

    async def introduce(self, step: str) -> None:
        """Say EHLO, or HELO where that is not understood.

        Raises:
            FaultError: The server wants neither.
        """
        dialogue = self._dialogue
        try:
            try:
                await dialogue.ehlo()
            except aiosmtplib.SMTPHeloError:
                if not dialogue.is_connected:
                    raise
                await dialogue.helo()
        except aiosmtplib.SMTPResponseException as error:
            raise FaultError(meaning("ehlo", error.code, error.message), said(error), step="greeting") from None
        except OSError as error:
            raise self.unanswered(error, step) from None

    def offered(self) -> str:
        """The extensions that matter to us, as the server announced them."""
        known = self._dialogue.esmtp_extensions
        found = [f"{name} {known[name.lower()]}".strip() for name in EXTENSIONS if name.lower() in known]
        return ", ".join(found) or "no extensions"

    def unanswered(self, error: OSError, step: str) -> FaultError:
        """The server fell silent or hung up, during a step."""
        wire = self._dialogue.wire
        lost_by = wire.lost_by if wire is not None else None
        if isinstance(lost_by, ssl.SSLError) and (fault := own_certificate_fault(lost_by, self._card)) is not None:
            return fault
        if isinstance(error, TimeoutError):
            return FaultError("silent", "no answer in time", step=step)
        return FaultError("lost", str(error), step=step)

    async def _wait_for_words(self, step: str) -> None:
        wire = self._dialogue.wire
        assert wire is not None  # noqa: S101 - the step before opened it
        if await _heard(wire, self._limits.silence_s):
            return
        if await guess.speaks_tls(self._again, self._card.server):
            raise FaultError("tls_port", "no greeting, but an answer to a TLS handshake", step=step)
        # Some servers let one wait before they greet, to see off the impatient.
        if await _heard(wire, self._limits.answer_s - self._limits.silence_s):
            return
        wire.write(b"EHLO localhost\r\n")  # who waits to be spoken to first is no mail server; HTTP answers this
        await _heard(wire, self._limits.silence_s)
        if wire.first:
            raise FaultError("not_smtp", wire.first.split(b"\n")[0].decode("utf-8", "replace"), step="greeting")
        raise FaultError("silent", "no greeting", step="greeting")


async def _heard(wire: Wire, limit_s: float) -> bool:
    try:
        async with asyncio.timeout(limit_s):
            await wire.greeted.wait()
    except TimeoutError:
        return False
    return True


def said(error: aiosmtplib.SMTPResponseException) -> str:
    """A refusal as the server put it."""
    return f"{error.code} {error.message}" if error.code > 0 else error.message
