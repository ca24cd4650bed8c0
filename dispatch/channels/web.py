# pyright: basic
"""HTTPS for the mail channels that speak it: our own requests sessions, and what their failures mean."""

import re
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import requests
import urllib3
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from dispatch.channels.faults import chain, shown
from dispatch.errors import ConnectionDownError
from dispatch.transcript import Transcript
from store.sanitise import clean_line

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
"""Between two bytes of an answer."""
MAX_RETRY_AFTER_S = 3600.0
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TOO_LARGE, TOO_MANY, UNAVAILABLE = 401, 403, 404, 413, 429, 503
_TOLD = ("WWW-Authenticate", "Retry-After", "Location", "X-CasErrorCode", "x-ms-diagnostics", "request-id")
"""Heads of an answer that tell why it is none, or that Microsoft's support asks for."""
_SECRET = re.compile(r"(?i)\b(bearer|basic|ntlm|negotiate)\s+[A-Za-z0-9+/=._~-]{8,}|eyJ[A-Za-z0-9_-]+\.[\w.-]+")
_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


class Asked(NamedTuple):
    """A request as it is told."""

    line: str
    authorization: str
    size: int


class Answered(NamedTuple):
    """An answer as it is told: its status, and some of its heads."""

    lines: list[str]


Heard = list[Asked | Answered]
"""Requests and answers in the order they went, with neither bodies nor what holds them."""
_heard: ContextVar[Heard | None] = ContextVar("heard", default=None)


class WebSession(requests.Session):
    """A session that trusts what the connection says, and not the environment; https alone, no redirects.

    With `trust_env` on, REQUESTS_CA_BUNDLE would take the place of the connection's CA file, and a `.netrc` that
    of its login.

    Args:
        context: What is asked of the server's certificate.
        timeout_s: For each answer.
    """

    def __init__(self, context: ssl.SSLContext, *, timeout_s: float = READ_TIMEOUT_S) -> None:
        super().__init__()
        self.trust_env = False
        self.timeout = (min(CONNECT_TIMEOUT_S, timeout_s), timeout_s)
        self.adapters.clear()
        self.mount("https://", _Adapter(context))
        self.verify = context.verify_mode is not ssl.CERT_NONE
        if not self.verify:
            # The administrator has asked for it, and is told on every screen that shows the connection.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Like that of requests, which alone would wait without end and carry a letter to another server."""
        kwargs["timeout"] = kwargs.get("timeout") or self.timeout
        kwargs["allow_redirects"] = False
        return super().request(method, url, *args, **kwargs)


class _Adapter(HTTPAdapter):
    """One connection that trusts what it is told to, and never sends twice."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Here every request goes by, also those a login by NTLM makes for itself."""
        heard = _heard.get()
        if heard is None:
            return super().send(request, *args, **kwargs)
        size, head = request.headers.get("Content-Length") or "0", request.headers.get("Authorization") or ""
        heard.append(Asked(f"{request.method} {request.url}", str(head), int(size)))
        answer = super().send(request, *args, **kwargs)
        told = [f"{name}: {answer.headers[name]}" for name in _TOLD if name in answer.headers]
        heard.append(Answered([f"HTTP {answer.status_code} {answer.reason or ''}", *told]))
        return answer

    def cert_verify(self, *_: Any) -> None:
        """The context says everything; that of requests would add its own bundle to it, or take checks away."""


@contextmanager
def listening(heard: Heard) -> Generator[None]:
    """Keep what this thread, or one it hands its context to, says meanwhile; it becomes words only by `tell`."""
    before = _heard.set(heard)
    try:
        yield
    finally:
        _heard.reset(before)


def tell(heard: Heard, transcript: Transcript) -> None:
    """Tell what was said, without bodies and without what logs in."""
    for one in list(heard):
        if isinstance(one, Asked):
            scheme, _, secret = one.authorization.partition(" ")
            transcript.hide(secret)
            transcript.request(one.line, scheme, one.size)
        else:
            transcript.server("".join(f"{clean_line(line)}\n" for line in one.lines).encode("utf-8", "replace"))


def web_fault(error: BaseException, *, sent: bool = True) -> ConnectionDownError:
    """What a failure of requests means.

    Args:
        error: What was raised.
        sent: Whether a letter was to be sent by it, so that a late failure leaves it in doubt.
    """
    causes = chain(error)
    error_class, before = _class_of(causes)
    text = str(causes[-1]) or type(causes[-1]).__name__
    return ConnectionDownError(redacted(text), error_class=error_class, in_doubt=sent and not before)


def _class_of(causes: list[BaseException]) -> tuple[str, bool]:
    """The kind of a failure, and whether it came before anything was sent."""

    def any_of(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    resolution = (socket.gaierror, urllib3.exceptions.NameResolutionError)
    tests = (
        ("tls", True, any_of(requests.exceptions.SSLError, ssl.SSLCertVerificationError)),
        ("dns", True, any_of(*resolution)),
        ("refused", True, any_of(ConnectionRefusedError)),
        ("timeout", True, any_of(requests.exceptions.ConnectTimeout)),
        ("refused", True, any_of(urllib3.exceptions.NewConnectionError)),
        ("timeout", False, any_of(requests.exceptions.Timeout, TimeoutError, urllib3.exceptions.ReadTimeoutError)),
    )
    return next(((name, before) for name, before, applies in tests if applies), ("lost", False))


def retry_after_s(headers: Any, now: datetime | None = None) -> float | None:
    """Seconds the server asks us to wait: Retry-After (RFC 9110, section 10.2.3) as a number or a date."""
    text = str(headers.get("Retry-After") or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def redacted(text: str, *secrets: str) -> str:
    """A text of the server's or a library's, fit to be shown: no secrets, no tokens, no mark-up."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return shown(" ".join(_TAGS.sub(" ", _SECRET.sub("***", text)).split()))
