"""The last steps over EWS and Graph: the login and the mailbox, the sender, the letter.

The mailbox is asked for by the right that letters are sent by, and nothing is sent: see `look` of the channels.
"""

from typing import Any

from dispatch.channels.ews import EwsSession, endpoint_of
from dispatch.channels.graph import GraphSession
from dispatch.doctor.grant import Grant
from dispatch.doctor.steps import FaultError, Found, finding
from dispatch.doctor.trial_letter import trial_letter
from dispatch.doctor.visit import Visit
from dispatch.errors import DispatchError
from dispatch.remedies import REMEDIES
from store.addresses import AddressError, envelope_address
from store.cards import MailConnection, Sending
from store.vocabulary import Protocol

_LOGIN = {"auth_failed", "auth_unavailable", "auth_password_expired", "account_denied"}
_SENDER = {
    "send_as_denied", "impersonation_denied", "access_denied", "mailbox_out_of_scope", "mailbox_unknown",
    "mailbox_disabled",
}  # fmt: skip
_DOWN = {"server_error", "server_timeout", "mailbox_unavailable", "ews_cas"}
"""The service behind the endpoint does not do its work; nothing in the connection is wrong."""


class Mailbox:
    """One mailbox that letters leave from.

    Args:
        grant: The token to show; without, the login and the password.
    """

    def __init__(
        self, visit: Visit, card: MailConnection, secret: str, sending: Sending, to: str | None, grant: Grant | None
    ) -> None:
        self._visit = visit
        self._card = card
        self._secret = secret
        self._sending = sending
        self._to = to
        self._grant = grant

    async def authentication(self) -> Found:
        """Log in, or show the token, and ask for the mailbox."""
        if self._grant is None and not self._secret:
            raise FaultError("password_missing")
        mailbox = self._name
        if not mailbox:
            return Found(skipped=True)  # nobody to send as: the next step says what is missing
        self._visit.transcript.client(self._request.encode())
        session = self._session()
        try:
            await session.look(mailbox)
        except DispatchError as error:
            self._visit.transcript.server(f"{error.answer}\n".encode())
            raise self._fault(error, "authentication") from None
        finally:
            await session.close()
        self._visit.transcript.note("the mailbox is there, and letters may leave from it")
        grant = self._grant
        if grant is not None and grant.lacking and self._card.protocol is Protocol.GRAPH:
            return Found(mailbox, (finding("permission_elsewhere", mailbox, **grant.wanted),))
        return Found(mailbox if grant is not None else self._card.login)

    async def sender(self) -> Found:
        """The sending parameters."""
        missing = self._sending.missing
        if missing:
            raise FaultError("sending_parameters", ", ".join(missing), field=missing[0])
        try:
            return Found(envelope_address(self._sending.system_address))
        except AddressError as error:
            raise FaultError("bad_address", str(error), address=self._sending.system_address) from None

    async def letter(self) -> Found:
        """Send the test letter."""
        try:
            letter = trial_letter(self._card.name, self._sending, str(self._to))
        except AddressError as error:
            raise FaultError("bad_address", str(error), field="to", address=str(self._to)) from None
        session = self._session()
        try:
            return Found(await session.send(letter))
        except DispatchError as error:
            raise self._fault(error, "letter") from None
        finally:
            await session.close()

    @property
    def _name(self) -> str:
        """The mailbox, as the channel chooses it; empty when there is none yet."""
        if "@" in self._card.login:
            return self._card.login
        try:
            return envelope_address(self._sending.system_address)
        except AddressError:
            return ""

    @property
    def _request(self) -> str:
        if self._card.protocol is Protocol.GRAPH:
            return f"POST /v1.0/users/{self._name}/sendMail (a letter for nobody)"
        return f"POST {endpoint_of(self._card.server)} (GetFolder drafts)"

    def _session(self) -> Any:
        kind: Any = GraphSession if self._card.protocol is Protocol.GRAPH else EwsSession
        limits = self._visit.limits
        tokens = self._grant.provider if self._grant is not None else None
        return kind(self._card, self._secret, tokens=tokens, timeout_s=limits.answer_s, total_s=limits.total_s)

    def _fault(self, error: DispatchError, step: str) -> FaultError:
        """What a channel's refusal means here."""
        word, grant = error.error_class, self._grant
        params = {
            "address": self._sending.system_address,
            "login": self._name,
            "limit": "?",
            "server": self._card.server,
        }
        if grant is not None and word in {"auth_failed", "token_rejected", "access_denied"}:
            params |= grant.wanted
            if grant.lacking:
                return FaultError("permission_missing", error.answer, step="authentication", **params)
            if word != "access_denied":
                return FaultError("token_refused", error.answer, step="authentication", **params)
            if grant.told:
                word = "mailbox_out_of_scope"
        if word.startswith("token_"):
            return FaultError(word if word in REMEDIES else "token_refused", error.answer, step="token", **params)
        if word == "access_denied" and grant is None:
            word = "account_denied"
        step = "authentication" if word in _LOGIN else "sender" if word in _SENDER else step
        field = "login" if word == "mailbox_unknown" else ""
        if word == "bad_address" and self._to is not None:
            field, params["address"] = "to", self._to
        remedy = "endpoint_down" if word in _DOWN else "rate_limited" if word == "quota" else word
        if remedy not in REMEDIES:
            remedy = "letter" if step == "letter" else "mailbox_refused"
        return FaultError(remedy, error.answer, field=field, step=step, **params)
