"""What a mail server can do to a dispatcher, as one table; `test_hostile_server.py` runs it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.odd_server import GOODBYE, SILENCE, SLOWLY, TAKEN

End = Literal["sent", "waits", "retries", "retries once", "limited", "doubt", "dead"]
SIZE_LIMIT = 500
STAGES = ("", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", ".")
"""Verbs in their order; `` is the greeting, `.` the end of the letter."""
TRANSACTION = STAGES[4:]
_NAMES = {"": "greeting", ".": "final dot", "letter": "letter"}
SHORT_S = 0.15
"""Patience where the server says nothing; the final dot gets four times as much."""


@dataclass(frozen=True)
class Hostility:
    """A hostility and what it does to every letter.

    Attributes:
        ends: `sent` at once; `waits` for the connection, no attempt used; `retries`, each try an attempt;
            `limited`: the server wants fewer letters, what it refuses goes later; `dead`;
            `doubt`: lost between the beginning of the letter and the answer to its end, so that it may have been
            accepted, and counts.
        says: The error class, of the connection with `waits`, else of the letter.
        answers: By verb, as `OddServer` has them.
        server: More of its attributes.
        mode: `clear`; `login`: in clear with a login; `tls`: STARTTLS and a login.
        patience_s: How long each answer is waited for.
    """

    what: str
    ends: End
    says: str = ""
    answers: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])
    server: dict[str, Any] = field(default_factory=dict[str, Any])
    mode: Literal["clear", "login", "tls"] = "clear"
    patience_s: float = 10.0

    def __str__(self) -> str:
        return f"{self.what} -> {self.ends}{f' ({self.says})' if self.says else ''}"


def table() -> Iterator[Hostility]:
    """Every row."""
    yield from _refusals()
    yield from _breaks()
    yield from _silence()
    yield from _nonsense()
    yield from _encryption()
    yield from _limits()


def _name(stage: str) -> str:
    return _NAMES.get(stage, stage)


def _mode(stage: str) -> Literal["clear", "login", "tls"]:
    return "tls" if stage == "STARTTLS" else "login" if stage == "AUTH" else "clear"


def _refusals() -> Iterator[Hostility]:
    at_the_door = {
        "": (("421 4.3.2", "throttled"), ("554 5.3.2", "smtp_554")),
        "EHLO": (("421 4.3.2", "throttled"), ("550 5.7.1", "smtp_550")),
        "STARTTLS": (("454 4.7.0", "tls_unavailable"), ("502 5.5.1", "tls_unavailable")),
        "AUTH": (("454 4.7.0", "auth_later"), ("535 5.7.8", "auth_failed")),
    }
    for stage, refusals in at_the_door.items():
        for words, says in refusals:
            told = {stage: [f"{words} no\r\n".encode()]}
            yield Hostility(f"{words[:3]} at {_name(stage)}", "waits", says, told, mode=_mode(stage))
    for stage in TRANSACTION:
        for how, server in (("", {}), (", in lockstep", {"pipelining": False})):
            soft, hard = {stage: [b"451 4.3.0 no\r\n"]}, {stage: [b"554 5.6.0 no\r\n"]}
            yield Hostility(f"451 at {_name(stage)}{how}", "retries", "greylisted", soft, server)
            ends: tuple[End, str] = ("waits", "sender_refused") if stage == "MAIL" else ("dead", "smtp_554")
            yield Hostility(f"554 at {_name(stage)}{how}", *ends, hard, server)
            drop = {stage: [GOODBYE]}
            yield Hostility(f"drop at {_name(stage)}{how}", _end_at(stage), "lost", drop, server)
    for stage in ("", "EHLO", *TRANSACTION):
        words = b"421 4.3.2 closing\r\n" + GOODBYE
        yield Hostility(f"421 and closed at {_name(stage)}", "waits", "throttled", {stage: [words]})
    for stage in ("MAIL", "RCPT"):
        yield Hostility(f"530 at {stage}", "waits", "auth_required", {stage: [b"530 5.7.0 log in first\r\n"]})
    for code in (500, 502, 503):
        yield Hostility(f"{code} at MAIL", "waits", f"smtp_{code}", {"MAIL": [b"%d 5.5.1 what is MAIL\r\n" % code]})
    denied = {
        "Postfix, at RCPT": {"RCPT": [b"553 5.7.1 <r@x>: Sender address rejected: not owned by user robot\r\n"]},
        "Exchange, after the letter": {".": [b"550 5.7.60 SMTP; Client does not have permissions to send as this\r\n"]},
    }
    for how, answers in denied.items():
        yield Hostility(f"sender refused by {how}", "waits", "sender_refused", answers)
    grey = [b"451 4.7.1 Greylisted, come again\r\n"] * 6 + [b"250 2.1.5 ok\r\n"]
    yield Hostility("greylisting", "retries once", "greylisted", {"RCPT": grey})
    refused, asked = [b"550 5.1.1 nobody\r\n"], [b"354 go\r\n"]
    yield Hostility("recipient refused, letter asked for", "dead", "mailbox_unknown", {"RCPT": refused, "DATA": asked})


def _breaks() -> Iterator[Hostility]:
    for stage in (*STAGES[:4], "letter"):
        what = "drop after 354" if stage == "letter" else f"drop at {_name(stage)}"
        yield Hostility(what, _end_at(stage), "lost", {stage: [GOODBYE]}, mode=_mode(stage))
    for stage, answer in (("", b"220 odd"), ("EHLO", b"250 odd"), ("MAIL", b"250 ok"), ("RCPT", b"250 ok")):
        words = answer + b"\r\n" + GOODBYE
        yield Hostility(f"drop after the answer to {_name(stage)}", "waits", "lost", {stage: [words]})
    yield Hostility("drop after the answer to the final dot", "sent", answers={".": [b"250 ok\r\n" + GOODBYE]})
    yield Hostility("accepted, and dropped without saying so", "doubt", "lost", {".": [TAKEN]})
    cut = {"MAIL": b"250-one\r\n250-", "RCPT": b"25", "DATA": b"354 g", ".": b"250-queued\r\n"}
    for stage, words in cut.items():
        yield Hostility(f"answer to {_name(stage)} cut off", _end_at(stage), "lost", {stage: [words + GOODBYE]})


def _silence() -> Iterator[Hostility]:
    for stage in STAGES:
        told = {stage: [SILENCE]}
        what = f"hang at {_name(stage)}"
        yield Hostility(what, _end_at(stage), "timeout", told, mode=_mode(stage), patience_s=SHORT_S)
    for stage in ("EHLO", "RCPT"):
        told = {stage: [b"250-one\r\n"]}
        yield Hostility(f"hang in the answer to {stage}", "waits", "timeout", told, patience_s=SHORT_S)
    yield Hostility("a byte at a time", "sent", server={"crumbs": True})
    for stage in ("", "EHLO", "MAIL", "."):
        told = {stage: [SLOWLY + b"250-" + b"x" * 100 + b"\r\n250 ok\r\n"]}
        what = f"slow drip at {_name(stage)}"
        yield Hostility(what, _end_at(stage), "timeout", told, patience_s=SHORT_S)


def _nonsense() -> Iterator[Hostility]:
    garbage = {
        "garbage": b"\x1b[2J\xff\xfe hello\r\n", "a web page": b"HTTP/1.1 400 Bad Request\r\n\r\n",
        "code 999": b"999 what\r\n", "code 000": b"000 what\r\n", "code 150": b"150 what\r\n", "code 334": b"334 \r\n",
        "binary zeros": bytes(300) + b"\r\n", "an endless line": b"250-" + b"x" * 100_000,
        "endless lines": b"250-xxxxxxxxxxxxxxxxxxxx\r\n" * 5_000,
    }  # fmt: skip
    for what, words in garbage.items():
        for stage in ("", "EHLO", "MAIL", "."):
            yield Hostility(f"{what} at {_name(stage)}", _end_at(stage), "not_smtp", {stage: [words]})
    yield Hostility("354 at the final dot", "doubt", "not_smtp", {".": [b"354 more\r\n"]})
    yield Hostility("DATA answered with 250", "waits", "not_smtp", {"DATA": [b"250 ok\r\n"]})
    for stage in ("MAIL", "RCPT"):
        told = {stage: [b"250 ok\r\n250 ok\r\n"]}
        yield Hostility(f"two answers to {stage}", "waits", "not_smtp", told)
    yield Hostility("a long answer of many lines", "sent", answers={"MAIL": [b"250-x\r\n" * 1000 + b"250 ok\r\n"]})
    words = b"550 5.7.1 " + b"\x1b[31m" + b"long " * 4000 + b"\r\n"
    yield Hostility("a long refusal with control characters", "dead", "policy", {"RCPT": [words]})


def _encryption() -> Iterator[Hostility]:
    yield Hostility("STARTTLS stripped", "waits", "tls_unavailable", server={"hides_starttls": True}, mode="tls")
    clear = {"starttls": None, "offers": (b"STARTTLS", b"AUTH PLAIN")}
    what = "STARTTLS agreed to, clear text goes on"
    yield Hostility(what, "waits", "timeout", server=clear, mode="tls", patience_s=SHORT_S)
    injected = b"220 go\r\n250-odd\r\n250 AUTH PLAIN LOGIN\r\n250 ok\r\n"
    yield Hostility("answers injected before the handshake", "sent", answers={"STARTTLS": [injected]}, mode="tls")


def _limits() -> Iterator[Hostility]:
    yield Hostility("421 after a letter on a connection", "limited", server={"letters_a_connection": 1})
    rates = {
        "450 too much mail at MAIL": ("MAIL", b"450 4.7.1 Error: too much mail from 127.0.0.1\r\n"),
        "452 too many recipients at RCPT": ("RCPT", b"452 4.5.3 too many recipients\r\n"),
        "451 server busy at MAIL": ("MAIL", b"451 4.7.500 Server busy. Please try again later\r\n"),
        "421 unusual rate at the final dot": (".", b"421 4.7.28 unusual rate of mail\r\n" + GOODBYE),
    }
    for what, (stage, words) in rates.items():
        yield Hostility(what, "limited", answers={stage: [words]})
    yield Hostility("452 out of space at the final dot", "retries", "smtp_452", {".": [b"452 4.3.1 no space\r\n"]})
    small = {"judge": too_large, "offers": (b"SIZE %d" % SIZE_LIMIT,)}
    yield Hostility("SIZE too small", "dead", "too_large", server=small)
    yield Hostility("8BITMIME and SMTPUTF8 missing", "sent", server={"offers": ()})


def _end_at(stage: str) -> End:
    """What a connection that breaks there does to a letter."""
    return "doubt" if stage in {".", "letter"} else "waits"


def too_large(letter: bytes) -> bytes:
    """The verdict of a server with SIZE."""
    return b"552 5.3.4 too big\r\n" if len(letter) > SIZE_LIMIT else b"250 ok\r\n"
