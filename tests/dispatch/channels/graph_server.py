"""Microsoft Graph's sendMail with MIME: learn.microsoft.com/graph/api/user-sendmail, example 5."""

import base64
import binascii
import json
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.dispatch.channels.https_server import Answer, Hit, HttpsServer
from tests.mail_server import Letter

LIMIT = 4 * 1024 * 1024


def graph_error(status: int, code: str, text: str = "", *headers: tuple[str, str]) -> Answer:
    """A refusal as Graph words it."""
    body = {"error": {"code": code, "message": text or code, "innerError": {"request-id": "0"}}}
    return Answer(status, json.dumps(body).encode(), (("Content-Type", "application/json"), *headers))


@dataclass
class GraphServer(HttpsServer):
    """Takes letters for one mailbox.

    Attributes:
        tokens: The tokens it takes, with their scopes.
    """

    mailbox: str = "robot@example.org"
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    letters: list[Letter] = field(default_factory=list[Letter])

    def respond(self, hit: Hit) -> Answer:
        self.reading.set()
        if self.answers:
            return self.answers.pop(0)
        token = hit.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token) != f"{self.url}/.default":
            challenge = ("WWW-Authenticate", 'Bearer realm=""')
            return graph_error(401, "InvalidAuthenticationToken", f"Access token {token} is not valid.", challenge)
        if hit.method != "POST" or not hit.path.startswith("/v1.0/users/") or not hit.path.endswith("/sendMail"):
            return graph_error(404, "ResourceNotFound")
        mailbox = unquote(hit.path.split("/")[3])
        if mailbox != self.mailbox:
            return graph_error(404, "ErrorInvalidUser", f"The requested user '{mailbox}' is invalid.")
        return self._for_nobody(hit) if hit.headers.get("Content-Type") == "application/json" else self._letter(hit)

    def _for_nobody(self, hit: Hit) -> Answer:
        """Letters as JSON come without recipients only, and so are refused: Graph looks at them last."""
        document = json.loads(hit.body)
        if set(document) > {"message", "saveToSentItems"} or document["message"].get("toRecipients"):
            return graph_error(400, "RequestBodyRead")
        text = "At least one recipient is not valid., A message can't be sent because it contains no recipients."
        return graph_error(400, "ErrorInvalidRecipients", text)

    def _letter(self, hit: Hit) -> Answer:
        if len(hit.body) > LIMIT:
            return graph_error(413, "RequestEntityTooLarge")
        if hit.headers.get("Content-Type") != "text/plain":
            return graph_error(400, "RequestBodyRead", "Only text/plain carries MIME.")
        try:
            content = base64.b64decode(hit.body, validate=True)
        except binascii.Error:
            return graph_error(400, "ErrorMimeContentInvalidBase64String")
        letter = Letter(self.mailbox, "", content)
        to = letter.message["To"].addresses[0].addr_spec
        self.letters.append(Letter(self.mailbox, to, content))
        return Answer(202, b"", (("request-id", "0000-1111"),))
