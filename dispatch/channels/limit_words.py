"""How servers say that they take so much, and no more: a refusal that is no fault of the letter."""

import re

TOO_MANY_CONNECTIONS, RATE_LIMITED, LETTERS_LIMIT = "too_many_connections", "rate_limited", "letters_limit"
LIMITS = frozenset({TOO_MANY_CONNECTIONS, RATE_LIMITED, LETTERS_LIMIT})
"""Error classes of such refusals: connections at once, letters in a time, letters over one connection."""
PERMANENT, NO_SERVICE = 500, 554
_ENHANCED = re.compile(r"^[245]\.([12])\.\d")
"""RFC 3463: the status is that of an address, or of a mailbox."""
_RECIPIENT = re.compile(
    r"gr[ea]y-?list|postgrey|\b(this|the) (recipient|user|mailbox)\b|recipient (has|is)\b", re.IGNORECASE
)
"""What a recipient may receive says nothing of what we may send."""
_PATTERNS = (
    (LETTERS_LIMIT, re.compile(
        r"(messages?|mails?|letters|transactions|recipients)\b"
        r".*\b(in|per|for|on|over|this)( \w+){0,2} (connection|session)\b", re.IGNORECASE,
    )),
    (TOO_MANY_CONNECTIONS, re.compile(
        r"(too many|maximum)\b.*\b(connections|sessions)\b"
        r"|(concurren\w+|simultaneous)\b.*\b(connections?|sessions?)\b"
        r"|concurrency limit|connections?( rate)? (limit|count)|sender thread limit", re.IGNORECASE,
    )),
    (RATE_LIMITED, re.compile(
        r"\brate\b.*\b(limit|exceed|throttl)|(limit|exceed|unusual)\w*\b.*\brate\b|rate-?limit|throttl"
        r"|server (is )?busy|too (much|many) (e?-?mails?|messages|letters|recipients)\b|slow down"
        r"|too (fast|quickly)", re.IGNORECASE,
    )),
)  # fmt: skip
"""The narrower first. Exim: 421 too many messages in this connection. Postfix: 421 4.7.0 too many connections,
450 4.7.1 too much mail. Sendmail: 421 4.3.2 Connection rate limit exceeded. Exchange Online: 432 4.3.2 Concurrent
connections limit exceeded, 451 4.7.500 Server busy. Gmail: 421 4.7.28 unusual rate."""


def limit_class(code: int, text: str) -> str:
    """Which limit a refusal speaks of, as one of `LIMITS`; empty when it speaks of something else.

    Only what may be tried again is taken for a limit, and a refusal to greet us (554).
    """
    if (code >= PERMANENT and code != NO_SERVICE) or _ENHANCED.match(text) or _RECIPIENT.search(text):
        return ""
    return next((word for word, pattern in _PATTERNS if pattern.search(text)), "")
