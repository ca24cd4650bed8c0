"""Authentication: one attempt with one mechanism, or a token and then the attempt."""

import base64
import binascii
from collections.abc import Awaitable, Callable

import aiosmtplib

from dispatch.doctor.answers import meaning
from dispatch.doctor.dialogue import MECHANISMS, Dialogue
from dispatch.doctor.grant import Grant
from dispatch.doctor.greeting import Greeting, said
from dispatch.doctor.retirement import retirements
from dispatch.doctor.steps import FaultError, Finding, Found, finding
from dispatch.doctor.visit import Visit
from store.cards import MailConnection
from store.vocabulary import Encryption, TokenSource

Work = Callable[[], Awaitable[Found]]


class Login:
    """The login over SMTP."""

    def __init__(self, dialogue: Dialogue, greeting: Greeting, card: MailConnection, secret: str, visit: Visit) -> None:
        self._dialogue = dialogue
        self._greeting = greeting
        self._card = card
        self._secret = secret
        self._grant = Grant(card, secret, visit) if card.oauth2 else None

    def steps(self) -> list[tuple[str, Work]]:
        """The steps in order."""
        if self._grant is not None:
            return [("token", self._grant.step), ("authentication", self._show_token)]
        return [("authentication", self._authenticate)]

    async def _show_token(self) -> Found:
        offered = self._dialogue.server_auth_methods
        if "xoauth2" not in offered:
            names = ", ".join(offered).upper() or "?"
            raise FaultError("no_oauth2", f"AUTH {names}", offered=names)
        assert self._grant is not None  # noqa: S101 - the step is there with OAuth2 only
        return await self._log_in("xoauth2", self._grant.token)

    async def _authenticate(self) -> Found:
        card = self._card
        if not card.authentication:
            unused = (finding("login_unused", card.login),) if card.login else ()
            return Found(findings=unused, skipped=True)
        if not self._secret:
            raise FaultError("password_missing")
        return await self._log_in(self._mechanism(), self._secret)

    async def _log_in(self, mechanism: str, secret: str) -> Found:
        """The one attempt."""
        card = self._card
        try:
            await self._dialogue.log_in(mechanism, card.login, secret)
        except aiosmtplib.SMTPResponseException as error:
            remedy = meaning("authentication", error.code, error.message)
            if card.oauth2 and remedy == "auth_failed":
                remedy = "access_token" if card.token_source is TokenSource.PASTED else "token_refused"
            offered = ", ".join(self._dialogue.server_auth_methods).upper() or mechanism.upper()
            params = {"login": card.login, "offered": offered}
            if self._grant is not None and self._grant.lacking and remedy in {"token_refused", "mailbox_permission"}:
                remedy, params = "permission_missing", params | self._grant.wanted
            raise FaultError(remedy, self._reason(error), **params) from None
        except (ValueError, binascii.Error) as error:
            # A challenge that is no base64, or a login the mechanism has no way to carry.
            raise FaultError("auth_mechanism", type(error).__name__, offered=mechanism.upper()) from None
        except OSError as error:
            raise self._greeting.unanswered(error, "authentication") from None
        return Found(f"{mechanism.upper()}, {card.login}", self._warnings())

    def _mechanism(self) -> str:
        """The one to try.

        Raises:
            FaultError: There is none.
        """
        dialogue, clear = self._dialogue, self._card.encryption is Encryption.NONE
        offered = dialogue.server_auth_methods
        if not dialogue.supports_extension("auth"):
            after_tls = clear and dialogue.supports_extension("starttls")
            raise FaultError("auth_after_tls" if after_tls else "auth_unavailable", self._greeting.offered())
        found = next((one for one in MECHANISMS if one in offered), "")
        if found:
            return found
        names = ", ".join(offered).upper() or "?"
        if set(offered) & {"xoauth2", "oauthbearer"}:
            raise FaultError("auth_oauth2_only", f"AUTH {names}", offered=names)
        raise FaultError("auth_mechanism", f"AUTH {names}", offered=names)

    def _warnings(self) -> tuple[Finding, ...]:
        return retirements(self._card)

    def _reason(self, error: aiosmtplib.SMTPResponseException) -> str:
        """The refusal; with XOAUTH2 the reason lies in the challenge, as JSON in base64."""
        try:
            why = base64.b64decode(self._dialogue.challenge, validate=True).decode()
        except (ValueError, binascii.Error):
            why = ""
        return f"{said(error)} {why if why.startswith('{') else ''}".strip()
