"""Microsoft Graph: letters as MIME through `sendMail`.

learn.microsoft.com/graph/api/user-sendmail. The mailbox letters leave from is the login where that is an address,
else the system address; the application needs Mail.Send for it, as an application permission.
"""

import base64
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from dispatch.channels.envelope import Envelope
from dispatch.channels.ews import mailbox_of
from dispatch.channels.graph_faults import graph_fault
from dispatch.channels.pipeline import Ahead, nothing_ahead
from dispatch.channels.web import WebSession, web_fault
from dispatch.channels.web_channel import WebChannel
from dispatch.errors import PermanentError

MAX_REQUEST = 4_000_000
"""Bytes of one request; the letter is sent as base64 and counts with a third more."""
ACCEPTED = 202


class GraphSession(WebChannel):
    """One connection to Microsoft Graph; national clouds have servers of their own."""

    async def send(self, envelope: Envelope, ahead: Ahead = nothing_ahead) -> str:
        """Like `WebChannel.send`; a letter above the limit is refused without being sent."""
        size = (len(envelope.content) + 2) // 3 * 4
        if size > MAX_REQUEST:
            raise PermanentError(
                f"the letter takes {size} bytes; Microsoft Graph takes {MAX_REQUEST}", error_class="too_large"
            )
        return await super().send(envelope, ahead)

    async def look(self, mailbox: str) -> None:
        """Ask to send a letter that is for nobody, which Graph refuses after it has found the mailbox and the right.

        Reading the mailbox would take another permission than Mail.Send, and a refusal would say nothing.

        Raises:
            DispatchError: Like `send`.
        """
        await self._run(lambda line: self._look(self._opened(line), mailbox))

    def _look(self, opened: WebSession, mailbox: str) -> None:
        letter: dict[str, Any] = {"message": {"toRecipients": []}, "saveToSentItems": False}
        try:
            answer = opened.post(self._url(mailbox), json=letter)
        except (requests.RequestException, OSError) as error:
            raise web_fault(error, sent=False) from None
        if answer.status_code == ACCEPTED:
            return
        fault = graph_fault(answer)
        # The one refusal that comes of the letter, and not of the mailbox or the application.
        if not (isinstance(fault, PermanentError) and fault.error_class == "bad_address"):
            raise fault

    def _url(self, mailbox: str) -> str:
        return f"{base_of(self._card.server)}/v1.0/users/{quote(mailbox, safe='@')}/sendMail"

    def _open(self) -> WebSession:
        session = self._web_session()
        session.auth = self._bearer()
        return session

    def _deliver(self, opened: Any, envelope: Envelope) -> str:
        body = base64.b64encode(envelope.content)
        url = self._url(mailbox_of(self._card, envelope))
        try:
            answer = opened.post(url, data=body, headers={"Content-Type": "text/plain"})
        except (requests.RequestException, OSError) as error:
            raise web_fault(error) from None
        if answer.status_code != ACCEPTED:
            raise graph_fault(answer)
        return f"202 Accepted {answer.headers.get('request-id', '')}".strip()

    def _renew(self, opened: Any) -> bool:
        opened.auth.forget()
        return True


def base_of(server: str) -> str:
    """The URL of the server, without a path."""
    parts = urlsplit(server if "://" in server else f"https://{server}")
    return f"https://{parts.netloc}"
