"""What a server's refusals and a connection's failures mean."""

import re
import socket
import ssl
from typing import cast

import aiosmtplib

from dispatch.channels.limit_words import PERMANENT, RATE_LIMITED, TOO_MANY_CONNECTIONS, limit_class
from dispatch.errors import ConnectionDownError, PermanentError, TransientError
from store.sanitise import clean_line

MAX_ANSWER = 500
FAILURE, SERVICE_CLOSING = 400, 421
NOT_A_COMMAND = {500, 502, 503}
"""Unknown, not implemented, out of order."""
LAST_CODE = 599
NOT_SMTP = "not_smtp"
_ENHANCED = re.compile(r"^([245])\.(\d{1,3})\.(\d{1,3})\b")
_CLASSES = {
    "1.1": "mailbox_unknown", "1.2": "bad_destination", "1.3": "bad_address", "1.8": "bad_sender",
    "2.1": "mailbox_disabled", "2.2": "mailbox_full", "2.3": "too_large", "3.4": "too_large",
    "7.1": "policy", "7.0": "policy", "5.3": RATE_LIMITED,
}  # fmt: skip
"""Enhanced status codes (RFC 3463) with a word of their own; others are called by their reply code."""
SENDER_REFUSED = "sender_refused"
_OF_SENDER = re.compile(
    r"^5\.(7\.60|1\.[78]|2\.252)\b|send ?as ?denied|sender (address )?(rejected|denied|refused)|not owned by user"
    r"|not allowed to send (as|from)",
    re.IGNORECASE,
)
"""Said at RCPT by Postfix, and after the letter by Exchange, of the sender: so of every letter, not of this one."""
_LATER = {450, 451}
"""Mostly greylisting, with the enhanced code of a policy or none."""


def letter_fault(code: int, text: str) -> TransientError | PermanentError | ConnectionDownError:
    """What a refusal of MAIL, RCPT or DATA means."""
    answer = shown(f"{code} {text}")
    found = _ENHANCED.match(text)
    detail = f"{found.group(2)}.{found.group(3)}" if found else ""
    limit = limit_class(code, text) if code < PERMANENT else ""
    if code == SERVICE_CLOSING:
        return ConnectionDownError(answer, code=code, error_class=limit or "throttled")
    if code in {530, 535}:
        return ConnectionDownError(answer, code=code, error_class="auth_required")
    if code >= PERMANENT and _OF_SENDER.search(text):
        return ConnectionDownError(answer, code=code, error_class=SENDER_REFUSED)
    known = _CLASSES.get(detail)
    if code in _LATER and known in {None, "policy"}:
        known = "greylisted"
    error_class = limit or known or f"smtp_{code}"
    kind = TransientError if code < PERMANENT else PermanentError
    return kind(answer, code=code, error_class=error_class)


def sender_fault(code: int, text: str) -> TransientError | PermanentError | ConnectionDownError:
    """What a refusal of MAIL means: all letters have the same sender, so nothing was said of this one yet."""
    if code in NOT_A_COMMAND:
        return ConnectionDownError(shown(f"{code} {text}"), code=code, error_class=f"smtp_{code}")
    fault = letter_fault(code, text)
    if isinstance(fault, PermanentError) and fault.error_class != "too_large":
        return ConnectionDownError(fault.answer, code=code, error_class=SENDER_REFUSED)
    return fault


def connection_fault(error: BaseException) -> ConnectionDownError:
    """What a failure to connect, encrypt or log in means."""
    causes = chain(error)
    code = cast("int | None", getattr(error, "code", None))
    said = str(getattr(error, "message", error)) or type(error).__name__
    text = shown(f"{code} {said}" if code and code > 0 else said)
    return ConnectionDownError(text, code=code, error_class=_class_of(error, causes, text))


def _class_of(error: BaseException, causes: list[BaseException], text: str) -> str:
    code = cast("int | None", getattr(error, "code", None))
    limit = limit_class(code, str(getattr(error, "message", ""))) if code and code > 0 else ""
    tests = (
        (NOT_SMTP, code is not None and not FAILURE <= code <= LAST_CODE),
        (TOO_MANY_CONNECTIONS, limit == TOO_MANY_CONNECTIONS),
        ("auth_later", isinstance(error, aiosmtplib.SMTPAuthenticationError) and code is not None and code < PERMANENT),
        ("auth_failed", isinstance(error, aiosmtplib.SMTPAuthenticationError)),
        (limit, bool(limit)),
        ("throttled", code == SERVICE_CLOSING),
        ("auth_unavailable", "AUTH" in text and ("not supported" in text or "does not support" in text)),
        # aiosmtplib's other answers are of a kind of their own: this is the one to STARTTLS.
        ("tls_unavailable", type(error) is aiosmtplib.SMTPResponseException),
        ("tls_unavailable", "STARTTLS" in text and "not supported" in text),
        (f"smtp_{code}", code is not None),
        ("tls", any(isinstance(cause, ssl.SSLError) for cause in causes)),
        ("dns", any(isinstance(cause, socket.gaierror) for cause in causes)),
        ("refused", any(isinstance(cause, ConnectionRefusedError) for cause in causes)),
        ("timeout", any(isinstance(cause, TimeoutError) for cause in causes)),
    )
    return next((name for name, applies in tests if applies), "lost")


def chain(error: BaseException) -> list[BaseException]:
    """An exception and what led to it, the outermost first."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def shown(text: str) -> str:
    """A text of the server's, fit to be shown."""
    return clean_line(text)[:MAX_ANSWER]
