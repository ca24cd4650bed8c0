"""The token step: a token, and what it says of the application's rights."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

from dispatch.channels.own_thread import in_own_thread
from dispatch.doctor.certificates import SOON
from dispatch.doctor.steps import FaultError, Finding, Found, finding
from dispatch.doctor.visit import Visit
from dispatch.errors import DispatchError
from dispatch.remedies import REMEDIES
from store.cards import MailConnection
from store.vocabulary import Protocol, TokenSource

ANSWERS = 3
"""What the token service may let us wait for: the connection, the discovery, the token."""
PERMISSIONS = {
    Protocol.SMTP: ("SMTP.SendAsApp", "Office 365 Exchange Online"),
    Protocol.EWS: ("full_access_as_app", "Office 365 Exchange Online"),
    Protocol.GRAPH: ("Mail.Send", "Microsoft Graph"),
}
"""The application permission each protocol needs, and the API it is found under in the app registration."""
_PARTS, _YEAR_9999 = 3, 253_402_300_000


class Grant:
    """A token of an application, and what it is good for.

    Attributes:
        provider: Where it comes from; one of its own, since msal keeps a refusal for a minute, and whoever checks has
            just mended something.
        token: Empty before the step.
    """

    def __init__(self, card: MailConnection, secret: str, visit: Visit) -> None:
        self._card = card
        self._secret = secret
        self._visit = visit
        from dispatch.tokens import AUTHORITY, TokenProvider  # requests, for those who need it

        self._host = urlsplit(card.authority or AUTHORITY).netloc
        self.provider: Any = TokenProvider(card, secret, timeout_s=visit.limits.answer_s)
        self.token = ""

    async def step(self) -> Found:
        """Get the token.

        Raises:
            FaultError: There is none to be had.
        """
        pasted = self._card.token_source is TokenSource.PASTED
        if not self._secret:
            raise FaultError("access_token_missing" if pasted else "client_secret_missing")
        if pasted:
            return self._pasted()
        try:
            self.token = await in_own_thread(self.provider.token, self._visit.limits.answer_s * ANSWERS)
        except DispatchError as error:
            remedy = error.error_class if error.error_class in REMEDIES else "token_refused"
            raise FaultError(remedy, error.answer, host=self._host) from None
        except TimeoutError:
            raise FaultError("token_unreachable", "no answer in time", host=self._host) from None
        self._hide()
        roles = roles_of(self.token)
        return Found(", ".join([*sorted(roles or ()), self._card.application_id]), self._dated())

    def _pasted(self) -> Found:
        """The token as somebody has given it: nothing is asked, and it is looked at for its end."""
        self.token = self._secret
        self._hide()
        ends = _claims(self.token).get("exp")
        if not isinstance(ends, int) or not 0 < ends < _YEAR_9999:
            return Found()
        until = datetime.fromtimestamp(ends, UTC)
        words = f"{until:%Y-%m-%d %H:%M} UTC"
        if until <= datetime.now(UTC):
            raise FaultError("access_token_expired", words, until=words)
        return Found(
            words, (finding("access_token_expires", words, until=words),) if until - datetime.now(UTC) <= SOON else ()
        )

    def _hide(self) -> None:
        self._visit.transcript.hide(self.token)
        self._visit.transcript.hide(f"user={self._card.login}\x01auth=Bearer {self.token}\x01\x01")

    def _dated(self) -> tuple[Finding, ...]:
        """The client secret's last day, as it was noted; the service takes it today."""
        last = self._card.secret_expires
        today = datetime.now(UTC).date()
        if last is None or last - today > SOON:
            return ()
        date = f"{last:%Y-%m-%d}"
        if last < today:
            return (finding("secret_date_passed", date, date=date),)
        return (finding("secret_expires", date, date=date, days=str((last - today).days)),)

    @property
    def told(self) -> bool:
        """Whether the token says what it permits."""
        return roles_of(self.token) is not None

    @property
    def lacking(self) -> bool:
        """Whether the token says what it permits, and what we need is not in it.

        Exchange Online may give the right all the same: RBAC for Applications leaves no trace in a token.
        """
        roles = roles_of(self.token) if self._card.token_source is TokenSource.APPLICATION else None
        return roles is not None and PERMISSIONS[self._card.protocol][0] not in roles

    @property
    def wanted(self) -> dict[str, str]:
        """The permission, in the words of the remedies."""
        permission, service = PERMISSIONS[self._card.protocol]
        return {"permission": permission, "service": service}


def roles_of(token: str) -> frozenset[str] | None:
    """The application permissions in a token; `None` where it does not say: tokens may be opaque.

    The signature is not looked at: this is for advice, and the server is the one to believe it.
    """
    claims = _claims(token)
    if "aud" not in claims:
        return None
    roles: Any = claims.get("roles", [])
    return frozenset(map(str, cast("list[Any]", roles))) if isinstance(roles, list) else None


def _claims(token: str) -> dict[str, Any]:
    """What a token says (RFC 7519), unverified; empty when it is opaque."""
    parts = token.split(".")
    if len(parts) != _PARTS:
        return {}
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return cast("dict[str, Any]", claims) if isinstance(claims, dict) else {}
