# pyright: basic
"""How to log in to Exchange: found out by one request of ours, then put on every request."""

from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from dispatch.channels.ews_faults import status_fault
from dispatch.channels.web import UNAUTHORIZED, WebSession, retry_after_s, web_fault
from dispatch.errors import ConnectionDownError, DispatchError
from dispatch.tokens import Tokens


class BearerAuth(AuthBase):
    """Puts a token on each request: asked for each time, so that an old one is never sent."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._sent = ""

    def fetch(self) -> None:
        """Have a token at hand; raises `ConnectionDownError` when there is none to be had."""
        self._sent = self._tokens.token()

    def forget(self) -> None:
        """The server refused the token sent last."""
        self._tokens.forget(self._sent)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Called by requests."""
        self.fetch()
        request.headers["Authorization"] = f"Bearer {self._sent}"
        return request


def offered(session: WebSession, endpoint: str) -> set[str]:
    """The ways to log in that the server offers, in lower case; empty when it wants none.

    Asks once without a letter and without a password. Blocking.

    Raises:
        DispatchError: The server cannot be reached, or this is no place to log in.
    """
    try:
        answer = session.get(endpoint)
    except (requests.RequestException, OSError) as error:
        raise web_fault(error, sent=False) from None
    with answer:
        if answer.status_code == UNAUTHORIZED:
            return _schemes(answer)
        if answer.status_code == requests.codes.ok:
            return set()
        fault: DispatchError = status_fault(answer.status_code, answer.reason, endpoint, retry_after_s(answer.headers))
    if isinstance(fault, ConnectionDownError):
        raise fault
    raise ConnectionDownError(fault.answer, code=fault.code, error_class=fault.error_class)


def password_auth(schemes: set[str], login: str, password: str) -> AuthBase:
    """The best the server offers for a password.

    Raises:
        ConnectionDownError: It takes no passwords.
    """
    if schemes & {"ntlm", "negotiate"}:
        from requests_ntlm import HttpNtlmAuth

        return HttpNtlmAuth(login, password)
    if not schemes or "basic" in schemes:
        return HTTPBasicAuth(login.encode(), password.encode())
    raise ConnectionDownError(
        f"the server takes no passwords, only {', '.join(sorted(schemes))}", error_class="auth_unavailable"
    )


def _schemes(answer: Any) -> set[str]:
    """The first words of all WWW-Authenticate lines; requests joins the lines, so the raw ones are read."""
    lines = answer.raw.headers.getlist("WWW-Authenticate")
    known = {"negotiate", "ntlm", "basic", "bearer", "digest", "kerberos"}
    words = {part.strip().split(" ")[0].lower() for line in lines for part in line.split(",")}
    return words & known
