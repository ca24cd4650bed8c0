"""Exchange Web Services: letters as MIME through CreateItem.

The mailbox letters leave from is the login where that is an address, else the system address. With OAuth2 the
application impersonates this mailbox; with a password the account sends as itself. From is always the system
address: where it is that of another mailbox, the account needs the right to send as it.
"""

from typing import Any
from urllib.parse import urlsplit

from dispatch.channels.envelope import Envelope
from dispatch.channels.ews_login import BearerAuth, offered, password_auth
from dispatch.channels.trust import tls_context
from dispatch.channels.web import READ_TIMEOUT_S, WebSession
from dispatch.channels.web_channel import TOTAL_TIMEOUT_S, WebChannel
from dispatch.tokens import Tokens, shared_tokens
from store.cards import MailConnection

PATH = "/EWS/Exchange.asmx"


class EwsSession(WebChannel):
    """One connection to one Exchange server.

    Args:
        connection: Its server is a host name or the whole URL of the endpoint.
        secret: The client secret with OAuth2, else the password.
        tokens: Where tokens come from; by default those all sessions of the connection share.
        timeout_s: For each answer.
        total_s: For a letter from end to end.
    """

    def __init__(
        self,
        connection: MailConnection,
        secret: str,
        *,
        tokens: Tokens | None = None,
        timeout_s: float = READ_TIMEOUT_S,
        total_s: float = TOTAL_TIMEOUT_S,
    ) -> None:
        super().__init__(total_s=total_s)
        self._card = connection
        self._secret = secret
        self._timeout_s = timeout_s
        self._tokens = (tokens or shared_tokens(connection, secret)) if connection.oauth2 else None

    async def look(self, mailbox: str) -> None:
        """Log in as for a letter and ask for the mailbox's drafts folder; nothing is sent or changed.

        Raises:
            DispatchError: Like `send`.
        """
        await self._run(lambda line: self._opened(line).look(mailbox))

    def _open(self) -> Any:
        from dispatch.channels.ews_library import Exchange

        endpoint = endpoint_of(self._card.server)
        session = WebSession(tls_context(self._card), timeout_s=self._timeout_s)
        if self._tokens is not None:
            bearer = BearerAuth(self._tokens)
            bearer.fetch()
            return Exchange(endpoint, session, bearer, impersonate=True)
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
