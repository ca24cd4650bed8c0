"""The token step: a token, and what it says of the application's rights."""

import base64
import binascii
import json
from typing import Any, cast
from urllib.parse import urlsplit

from dispatch.channels.own_thread import in_own_thread
from dispatch.doctor.steps import FaultError, Found
from dispatch.doctor.visit import Visit
from dispatch.errors import DispatchError
from dispatch.remedies import REMEDIES
from store.cards import MailConnection
from store.vocabulary import Protocol

ANSWERS = 3
"""What the token service may let us wait for: the connection, the discovery, the token."""
PERMISSIONS = {
    Protocol.SMTP: ("SMTP.SendAsApp", "Office 365 Exchange Online"),
    Protocol.EWS: ("full_access_as_app", "Office 365 Exchange Online"),
    Protocol.GRAPH: ("Mail.Send", "Microsoft Graph"),
}
"""The application permission each protocol needs, and the API it is found under in the app registration."""
_PARTS = 3


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
        if not self._secret:
            raise FaultError("client_secret_missing")
        try:
            self.token = await in_own_thread(self.provider.token, self._visit.limits.answer_s * ANSWERS)
        except DispatchError as error:
            remedy = error.error_class if error.error_class in REMEDIES else "token_refused"
            raise FaultError(remedy, error.answer, host=self._host) from None
        except TimeoutError:
            raise FaultError("token_unreachable", "no answer in time", host=self._host) from None
        self._visit.transcript.hide(self.token)
        self._visit.transcript.hide(f"user={self._card.login}\x01auth=Bearer {self.token}\x01\x01")
        roles = roles_of(self.token)
        return Found(", ".join([self._card.application_id, *sorted(roles or ())]))

    @property
    def told(self) -> bool:
        """Whether the token says what it permits."""
        return roles_of(self.token) is not None

    @property
    def lacking(self) -> bool:
        """Whether the token says what it permits, and what we need is not in it.

        Exchange Online may give the right all the same: RBAC for Applications leaves no trace in a token.
        """
        roles = roles_of(self.token)
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
    parts = token.split(".")
    if len(parts) != _PARTS:
        return None
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    if not isinstance(claims, dict) or "aud" not in claims:
        return None
    roles: Any = cast("dict[str, Any]", claims).get("roles", [])
    return frozenset(map(str, cast("list[Any]", roles))) if isinstance(roles, list) else None
