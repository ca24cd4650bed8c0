"""What a mail server's refusals mean, by the step they come at. The first rule that fits is taken.

Codes: RFC 5321 and 4954; enhanced codes: RFC 3463 and 5248; the rest is how Exchange, Postfix, Exim and Google put it.
"""

import re

_BUSY = (
    (r"^(421|4\d\d|554) .*(too many|concurrent|simultaneous) .*(connections|sessions)", "too_many_connections"),
    (r"^432|^4\d\d .*(connection|message|rate|sending).{0,20}(limit|rate)|^421 4\.7\.28", "rate_limited"),
    (r"^421", "throttled"),
)
_LOGIN_FIRST = (
    (r"^(530|538|454|550) .*(starttls|encrypt)|^530 5\.7\.10|^538", "starttls_first"),
    (r"^530|^550 5\.7\.57|^5\d\d .*(authentication|authenticate|log ?in) .*(required|first)", "auth_required"),
)
_BLOCKED = (
    (r"blacklist|blocklist|black.?listed|spamhaus|barracuda|\brbl\b|dnsbl|banned|client host .*(blocked|rejected)",
     "client_blocked"),
    (r"\b(helo|ehlo)\b.*(reject|invalid|denied|fqdn|fully|resolv)", "ehlo_refused"),
)  # fmt: skip
_SEND_AS = (
    (r"5\.7\.60|5\.2\.252|sendasdenied|send ?as|not owned by|not allowed to send (as|from)|5\.7\.27", "send_as_denied"),
    (r"sender.*domain (not found|does not exist|must exist)|[45]\.1\.8|domain of sender", "sender_domain"),
    (r"sender address rejected|sender (denied|refused|rejected)", "sender"),
)
_LATER = ((r"grey.?list|gray.?list", "greylisted"),)
_SIZE = ((r"^55[24] .*(size|too (large|big))|5\.3\.4|5\.2\.3", "too_large"),)
RULES: dict[str, tuple[tuple[str, str], ...]] = {
    "greeting": (
        *_BUSY, *_BLOCKED,
        (r"^-1", "not_smtp"), (r"^554", "client_blocked"), (r"^4", "throttled"), (r"", "greeting_refused"),
    ),
    "ehlo": (*_BUSY, *_BLOCKED, (r"^-1", "not_smtp"), (r"", "ehlo_refused")),
    "starttls": (*_BUSY, (r"^-1", "not_smtp"), (r"", "starttls_refused")),
    "authentication": (
        *_BUSY,
        (r"smtpclientauthentication|basic ?auth(entication)? is disabled|security defaults", "smtp_auth_disabled"),
        (r"application-specific|app(lication)? password|^534 5\.7\.14|web.?browser|web login", "app_password"),
        (r"^(535|454|421|550) .*(too many|lock|temporarily (blocked|disabled))", "auth_locked"),
        (r"^538|^530|^5\d\d .*(starttls|encrypt)", "starttls_first"),
        (r"^534|^504|mechanism", "auth_mechanism"),
        (r"^525|account.{0,20}(disabled|suspended|expired)|5\.7\.13\b", "account_disabled"),
        (r"^503|^502|^500", "auth_unavailable"),
        (r"^430 4\.2\.0", "mailbox_permission"),
        (r"^4", "auth_later"),
        (r"", "auth_failed"),
    ),
    "sender": (
        *_BUSY, *_LOGIN_FIRST, *_LATER, *_BLOCKED, *_SEND_AS, *_SIZE,
        (r"^4", "sender_later"), (r"", "sender"),
    ),
    "recipient": (
        *_BUSY, *_LOGIN_FIRST, *_LATER, *_SEND_AS, *_BLOCKED,
        (r"[45]\.2\.2|mailbox (is )?full|over ?quota|quota exceeded", "mailbox_full"),
        (r"^4\d\d 4\.7\.1|^45[01] .*(try again|later|delayed)", "greylisted"),
        (r"^4", "recipient_later"),
        (r"relay|^(550|551|554) 5\.7\.[01]|^551|not permitted", "relay_denied"),
        (r"5\.1\.(0|1|10)\b|5\.2\.1|unknown|no such|does ?n[o']t exist|not found|no mailbox|invalid recipient",
         "mailbox_unknown"),
        (r"", "recipient"),
    ),
    "letter": (
        *_BUSY, *_LOGIN_FIRST, *_LATER, *_SEND_AS, *_SIZE,
        (r"^4", "letter_later"), (r"", "letter"),
    ),
}  # fmt: skip
PASSING = {"greylisted", "recipient_later", "sender_later", "letter_later"}
"""Letters meet these every day and go out a little later: warnings, not faults."""


def meaning(step: str, code: int, text: str) -> str:
    """The remedy for a refusal at a step."""
    said = f"{code} {' '.join(text.split())}"
    return next(remedy for rule, remedy in RULES[step] if re.search(rule, said, re.IGNORECASE))
