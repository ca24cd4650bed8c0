"""Sender, recipient and letter. Without a recipient nothing is sent: the transaction ends with RSET."""

from collections.abc import Awaitable

import aiosmtplib

from dispatch.channels.envelope import Envelope
from dispatch.doctor.answers import PASSING, meaning
from dispatch.doctor.dialogue import Dialogue
from dispatch.doctor.greeting import Greeting, said
from dispatch.doctor.steps import FaultError, Found, finding
from dispatch.doctor.trial_letter import trial_letter
from store.addresses import AddressError, envelope_address
from store.cards import MailConnection, Sending

COMPLETED = 250


class Transaction:
    """A mail transaction, a command a step."""

    def __init__(
        self, dialogue: Dialogue, greeting: Greeting, card: MailConnection, sending: Sending, to: str | None
    ) -> None:
        self._dialogue = dialogue
        self._greeting = greeting
        self._card = card
        self._sending = sending
        self._to = to
        self._passed = True

    @property
    def sends(self) -> bool:
        """Whether a letter is to be sent."""
        return self._to is not None

    async def sender(self) -> Found:
        """MAIL, from the system's address."""
        missing = self._sending.missing
        if missing:
            raise FaultError("sending_parameters", ", ".join(missing), field=missing[0])
        address = _address(self._sending.system_address, "system_address")
        if not address.isascii() and not self._dialogue.supports_extension("smtputf8"):
            raise FaultError("no_smtputf8", address, field="system_address", address=address)
        return await self._ask("sender", "system_address", self._dialogue.mail(address, encoding="utf-8"), address)

    async def recipient(self) -> Found:
        """RCPT, for the recipient of the test letter, else for the support address; that one gets no letter."""
        field = "to" if self._to is not None else "support_address"
        address = _address(self._to if self._to is not None else self._sending.support_address, field)
        if not address.isascii() and not self._dialogue.supports_extension("smtputf8"):
            raise FaultError("no_smtputf8", address, field=field, address=address)
        found = await self._ask("recipient", field, self._dialogue.rcpt(address, encoding="utf-8"), address)
        if not self.sends and self._dialogue.is_connected:
            try:
                await self._dialogue.rset()
            except (aiosmtplib.SMTPException, OSError):
                self._dialogue.close()  # all is known, and QUIT comes next anyway
        return found

    async def letter(self) -> Found:
        """DATA, with a test letter; none after a recipient that is to be tried again later."""
        if not self._passed:
            return Found(skipped=True)
        envelope = trial_letter(self._card.name, self._sending, str(self._to))
        limit = self._dialogue.esmtp_extensions.get("size", "")
        if limit.isdigit() and 0 < int(limit) < len(envelope.content):
            raise FaultError("too_large", f"SIZE {limit}", limit=limit)
        return await self._ask("letter", "system_address", self._handed_over(envelope), "")

    async def _handed_over(self, envelope: Envelope) -> aiosmtplib.SMTPResponse:
        return await self._dialogue.data(envelope.content, timeout=self._dialogue.timeout)

    async def _ask(self, step: str, field: str, command: Awaitable[aiosmtplib.SMTPResponse], shown: str) -> Found:
        try:
            answer = await command
        except aiosmtplib.SMTPResponseException as error:
            remedy = meaning(step, error.code, error.message)
            if remedy in PASSING:
                self._passed = False
                return Found(said(error), (finding(remedy, said(error)),))
            raise self._refused(remedy, field, said(error)) from None
        except OSError as error:
            raise self._greeting.unanswered(error, step) from None
        return Found(shown or str(answer))

    def _refused(self, remedy: str, field: str, answer: str) -> FaultError:
        card, address = self._card, self._sending.system_address
        about = {"mailbox_unknown": field, "mailbox_full": field, "recipient": field}
        if remedy == "relay_denied" and card.authentication:
            return FaultError("relay_denied_logged_in", answer, field=field)
        if remedy == "too_large":
            return FaultError(remedy, answer, limit=self._dialogue.esmtp_extensions.get("size", "?"))
        return FaultError(remedy, answer, field=about.get(remedy, ""), address=address, login=card.login)


def _address(text: str, field: str) -> str:
    try:
        return envelope_address(text)
    except AddressError as error:
        raise FaultError("bad_address", str(error), field=field, address=text) from None
