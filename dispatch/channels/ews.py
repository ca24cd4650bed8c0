"""Exchange Web Services: letters as MIME through CreateItem.

The mailbox letters leave from is the login where that is an address, else the system address. With OAuth2 the
application impersonates this mailbox; with a password the account sends as itself. From is always the system
address: where it is that of another mailbox, the account needs the right to send as it.
"""

from typing import Any
from urllib.parse import urlsplit

from dispatch.channels.envelope import Envelope
from dispatch.channels.ews_login import BearerAuth, offered, password_auth
from dispatch.channels.web_channel import WebChannel
from store.cards import MailConnection

PATH = "/EWS/Exchange.asmx"


class EwsSession(WebChannel):
    """One connection to one Exchange server; its server may be the whole URL of the endpoint."""

    async def look(self, mailbox: str) -> None:
        """Log in as for a letter and ask for the mailbox's drafts folder; nothing is sent or changed.

        Raises:
            DispatchError: Like `send`.
        """
        await self._run(lambda line: self._opened(line).look(mailbox))

    def _open(self) -> Any:
        from dispatch.channels.ews_library import Exchange

        endpoint = endpoint_of(self._card.server)
        session = self._web_session()
        if self._card.oauth2:
            return Exchange(endpoint, session, self._bearer(), impersonate=True)
        auth = password_auth(offered(session, endpoint), self._card.login, self._secret)
        return Exchange(endpoint, session, auth, impersonate=False)

    def _deliver(self, opened: Any, envelope: Envelope) -> str:
        opened.send(mailbox_of(self._card, envelope), envelope.content)
        return "200 NoError"

    def _renew(self, opened: Any) -> bool:
        if not isinstance(opened.auth, BearerAuth):
            return False
        opened.auth.forget()
        return True


def endpoint_of(server: str) -> str:
    """The URL letters are posted to: `server` itself, or the usual place on that host."""
    if "://" not in server:
        return f"https://{server}{PATH}"
    return server if urlsplit(server).path.strip("/") else server.rstrip("/") + PATH


def mailbox_of(card: MailConnection, envelope: Envelope) -> str:
    """The mailbox a letter leaves from."""
    return card.login if "@" in card.login else envelope.sender
