"""What can be wrong with a connection: each row is tried over real sockets, and names the step and the setting.

Run with `-v` it reads as the table.
"""

import base64
import json
import ssl
import time
import warnings
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from datetime import timedelta
from typing import Any

import pytest

from dispatch.doctor import Limits, Step, check
from dispatch.remedies import advice
from store.cards import MailConnection, Sending
from store.vocabulary import Encryption, TokenSource
from tests.desk import SENDING
from tests.dispatch.doctor.servers import (
    HANG_UP,
    SILENCE,
    Authorities,
    Scripted,
    closed_port,
    refusing_handshakes,
    silent_port,
    swallowing_port,
    web_page,
)

SECRET = "s3cret-of-the-robot"
LIMITS = Limits(answer_s=1.0, silence_s=0.2, total_s=20.0)
LOGIN: dict[str, Any] = {"authentication": True, "login": "robot"}
PASTED: dict[str, Any] = {"oauth2": True, "login": "robot@example.org", "token_source": TokenSource.PASTED}
SSL, TLS, NONE = Encryption.SSL, Encryption.TLS, Encryption.NONE


@dataclass(frozen=True)
class Row:
    """A misconfiguration, and what the doctor is to say of it.

    Attributes:
        server: Makes the server, from the authorities; gives its port.
        card: The connection's fields; the rest is what fits the server.
        words: Must occur in the advice, in either language.
    """

    what: str
    server: Callable[[Authorities], AbstractAsyncContextManager[Any]]
    step: str
    field: str
    remedy: str
    card: dict[str, Any] = attribute(default_factory=dict[str, Any])
    secret: str = SECRET
    sending: Sending = SENDING
    to: str | None = "boss@example.org"
    words: str = ""
    outcome: str = "failed"

    def __str__(self) -> str:
        return f"{self.what} -> {self.step}: {self.field} ({self.remedy})"


def scripted(**answers: str) -> Callable[[Authorities], Scripted]:
    """A server in clear text with its own answers by verb."""
    return lambda _: Scripted({_VERBS.get(verb, verb): answer for verb, answer in answers.items()})


_VERBS = {"greeting": "", "AUTH": "AUTH.", "letter": "."}


def offering(*extensions: str, mode: Any = "none") -> Callable[[Authorities], Scripted]:
    """A server with these extensions."""
    return lambda known: Scripted(offers=extensions, mode=mode, context=known.issued() if mode != "none" else None)


def secured(
    mode: Any, certificate: Callable[[Authorities], ssl.SSLContext] = Authorities.issued, **answers: str
) -> Callable[[Authorities], Scripted]:
    """A server with a certificate."""
    return lambda known: Scripted(answers, mode=mode, context=certificate(known))


def tokens(**answers: str) -> Callable[[Authorities], Scripted]:
    """A server that takes tokens."""
    said = {_VERBS.get(verb, verb): answer for verb, answer in answers.items()}
    return lambda known: Scripted(said, offers=("AUTH XOAUTH2",), mode="ssl", context=known.issued())


def jwt(lasts_s: int) -> str:
    """A token that is good for so long from now, as one of a person's."""
    claims = {"aud": "https://outlook.office365.com", "scp": "SMTP.Send", "exp": int(time.time()) + lasts_s}
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims, 1)
    )


def listening(make: Callable[[], Any]) -> Callable[[Authorities], AbstractAsyncContextManager[Any]]:
    """Something on a port that is no mail server."""

    @asynccontextmanager
    async def run(_: Authorities) -> AsyncGenerator[int]:
        with make() as port:
            yield port

    return run


def handshakes_fail(certificate: Callable[[Authorities], ssl.SSLContext]) -> Callable[[Authorities], Any]:
    """A server that speaks TLS, and not to us."""

    @asynccontextmanager
    async def run(known: Authorities) -> AsyncGenerator[int]:
        with refusing_handshakes(certificate(known)) as port:
            yield port

    return run


def plain() -> Callable[[Authorities], Scripted]:
    """A good server in clear text."""
    return scripted()


def without(name: str) -> Sending:
    return replace(SENDING, **{name: ""})


SENDAS = "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
TENANT = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."

SHOWN = [
    ("client certificate not there", "none", "client_cert", "client_cert"),
    ("client certificate is no PEM", "no certificate", "client_cert", "client_cert_not_pem"),
    ("client certificate expired", "expired", "client_cert", "client_cert_expired"),
    ("client certificate not valid yet", "early", "client_cert", "client_cert_not_yet"),
    ("client key not there", "no key file", "client_key", "client_cert"),
    ("client key is no PEM", "no key", "client_key", "client_key_not_pem"),
    ("client certificate without its key", "certificate alone", "client_key", "client_key_not_pem"),
    ("client key of another certificate", "other key", "client_key", "client_key_other"),
    ("client key locked with a passphrase", "locked", "client_key", "client_key_locked"),
]
"""Certificates of our own that cannot be used: what, the kind, the setting, the remedy."""
ROWS = [
    # name
    Row("server name that does not exist", plain(), "name", "server", "dns", {"server": "no-such-host.invalid"}),
    Row("server name that is no name", plain(), "name", "server", "dns", {"server": "mail..example.org"}),
    # connect
    Row("port that nobody listens on", listening(closed_port), "connect", "port", "refused", words="587"),
    Row("port behind a firewall", listening(swallowing_port), "connect", "server", "timeout"),
    Row("address with IPv6 only and no way there", plain(), "connect", "server", "ipv6_only",
        {"server": "2001:db8::1"}, words="IPv4"),
    # encryption and port that do not fit
    Row("no encryption chosen, port speaks TLS", secured("ssl"), "greeting", "encryption", "tls_port",
        {"encryption": NONE}, words="SSL"),
    Row("TLS (STARTTLS) chosen, port speaks TLS at once", secured("ssl"), "tls", "encryption", "tls_port",
        {"encryption": TLS}, words="SSL"),
    Row("SSL chosen, port offers STARTTLS", secured("tls"), "tls", "encryption", "starttls_port",
        {"encryption": SSL}, words="587"),
    Row("SSL chosen, port knows no encryption", plain(), "tls", "encryption", "clear_port", {"encryption": SSL}),
    Row("TLS chosen, STARTTLS not offered", plain(), "tls", "encryption", "tls_unavailable", {"encryption": TLS}),
    Row("TLS chosen, STARTTLS refused", secured("tls", STARTTLS="454 4.7.0 TLS not available"), "tls", "encryption",
        "starttls_refused"),
    Row("SSL chosen, nothing answers the handshake", listening(silent_port), "tls", "encryption", "tls_silent",
        {"encryption": SSL}),
    Row("STARTTLS accepted, then hung up", secured("tls", STARTTLS=HANG_UP), "tls", "encryption", "tls_closed"),
    # certificates
    Row("self-signed certificate, SSL", secured("ssl", Authorities.self_signed), "tls", "ca_file", "self_signed",
        {"ca_file": ""}, words="CN=mail.corp.local"),
    Row("self-signed certificate, STARTTLS", secured("tls", Authorities.self_signed), "tls", "ca_file", "self_signed",
        {"ca_file": ""}, words="CN=mail.corp.local"),
    Row("certificate of an own authority, no CA file", secured("ssl"), "tls", "ca_file", "unknown_ca",
        {"ca_file": ""}, words="Own Authority"),
    Row("the same over STARTTLS", secured("tls"), "tls", "ca_file", "unknown_ca", {"ca_file": ""},
        words="Own Authority"),
    Row("CA file of another authority", secured("ssl"), "tls", "ca_file", "other_ca", {"ca_file": "other"},
        words="Own Authority"),
    Row("CA file that is not there", secured("tls"), "tls", "ca_file", "ca_file", {"ca_file": "/no/such/file.pem"}),
    Row("CA file that is no PEM", secured("tls"), "tls", "ca_file", "ca_file_not_pem", {"ca_file": "not"}),
    Row("certificate for another name", secured("ssl", lambda known: known.issued("mx.corp.local", "mx2.corp.local")),
        "tls", "server", "other_name", words="mx.corp.local, mx2.corp.local"),
    Row("certificate for another name, STARTTLS", secured("tls", lambda known: known.issued("mx.corp.local")),
        "tls", "server", "other_name", words="mx.corp.local"),
    Row("server given as an address the certificate lacks", secured("ssl"), "tls", "server", "other_name",
        {"server": "127.0.0.1"}, words="localhost"),
    Row("certificate expired", secured("ssl", lambda known: known.issued(ends=-timedelta(days=1))), "tls", "server",
        "certificate_expired"),
    Row("certificate not valid yet", secured("tls", lambda known: known.issued(begins=timedelta(days=2))), "tls",
        "server", "certificate_not_yet"),
    Row("server with TLS 1.1 only", handshakes_fail(Authorities.old), "tls", "server", "tls_too_old",
        {"encryption": SSL, "ca_file": "own"}),
    Row("server wants a client certificate", handshakes_fail(Authorities.demanding), "tls", "client_cert",
        "client_certificate", {"encryption": SSL, "ca_file": "own"}),
    Row("client certificate of an authority the server does not know", handshakes_fail(Authorities.demanding), "tls",
        "client_cert", "client_cert_refused", {"encryption": SSL, "ca_file": "own", "shows": "strange"}),
    *(
        Row(what, secured("ssl", Authorities.demanding), "tls", field, remedy, {"shows": kind})
        for what, kind, field, remedy in SHOWN
    ),
    # greeting
    Row("web server on the port", lambda _: web_page(), "greeting", "port", "not_smtp"),
    Row("web server on the port, SSL chosen", lambda _: web_page(), "tls", "port", "not_smtp", {"encryption": SSL}),
    Row("IMAP server on the port", scripted(greeting="* OK IMAP4rev1 ready"), "greeting", "port", "not_smtp"),
    Row("SSH server on the port", scripted(greeting="SSH-2.0-OpenSSH_9.6"), "greeting", "port", "not_smtp"),
    Row("port that says nothing", listening(silent_port), "greeting", "port", "silent"),
    Row("server that hangs up at once", scripted(greeting=HANG_UP), "greeting", "server", "lost"),
    Row("too many connections", scripted(greeting="421 4.7.0 mx too many connections from 10.0.0.1"), "greeting",
        "server", "too_many_connections"),
    Row("server going down", scripted(greeting="421 4.3.2 shutting down"), "greeting", "server", "throttled"),
    Row("our address on a blocklist", scripted(greeting="554 5.7.1 blocked using zen.spamhaus.org"), "greeting",
        "server", "client_blocked"),
    Row("our host name refused", scripted(EHLO="550 5.7.1 no", HELO="504 5.5.2 Helo command rejected: need FQDN"),
        "greeting", "server", "ehlo_refused"),
    # authentication
    Row("authentication on, no password", plain(), "authentication", "password", "password_missing", LOGIN, secret=""),
    Row("wrong password", scripted(AUTH="535 5.7.8 Error: authentication failed"), "authentication", "password",
        "auth_failed", LOGIN),
    Row("SMTP AUTH off for the tenant", scripted(AUTH=TENANT), "authentication", "authentication",
        "smtp_auth_disabled", LOGIN, words="Set-CASMailbox"),
    Row("wrong password at Exchange Online", scripted(AUTH="535 5.7.139 Authentication unsuccessful, the user "
        "credentials were incorrect."), "authentication", "password", "auth_failed", LOGIN),
    Row("account password where an app password is due", scripted(AUTH="534 5.7.9 Application-specific password "
        "required."), "authentication", "password", "app_password", LOGIN),
    Row("mechanism too weak", scripted(AUTH="534 5.7.9 Authentication mechanism is too weak"), "authentication",
        "authentication", "auth_mechanism", LOGIN),
    Row("login wants encryption", scripted(AUTH="538 5.7.11 Encryption required"), "authentication", "encryption",
        "starttls_first", LOGIN),
    Row("account service down", scripted(AUTH="454 4.7.0 Temporary authentication failure"), "authentication",
        "server", "auth_later", LOGIN),
    Row("account locked", scripted(AUTH="454 4.7.0 Too many login attempts, please try again later"),
        "authentication", "login", "auth_locked", LOGIN),
    Row("account disabled", scripted(AUTH="525 5.7.13 User account disabled"), "authentication", "login",
        "account_disabled", LOGIN),
    Row("AUTH offered after TLS only", offering("PIPELINING", "STARTTLS"), "authentication", "encryption",
        "auth_after_tls", LOGIN),
    Row("AUTH not offered at all", offering("PIPELINING"), "authentication", "authentication", "auth_unavailable",
        LOGIN),
    Row("no mechanism in common", offering("AUTH GSSAPI NTLM"), "authentication", "authentication", "auth_mechanism",
        LOGIN, words="GSSAPI"),
    Row("server takes tokens only", offering("AUTH XOAUTH2"), "authentication", "oauth2", "auth_oauth2_only", LOGIN),
    Row("server hangs up during the login", scripted(AUTH=HANG_UP), "authentication", "server", "lost", LOGIN),
    # sender
    Row("no system address", plain(), "sender", "system_address", "sending_parameters",
        sending=without("system_address")),
    Row("no support address", plain(), "sender", "support_address", "sending_parameters",
        sending=without("support_address")),
    Row("server wants a login, authentication is off", scripted(MAIL="530 5.7.0 Authentication required"), "sender",
        "authentication", "auth_required"),
    Row("server wants STARTTLS, no encryption chosen", scripted(MAIL="530 5.7.0 Must issue a STARTTLS command first"),
        "sender", "encryption", "starttls_first"),
    Row("system address refused", scripted(MAIL="550 5.7.1 not yours"), "sender", "system_address", "sender"),
    Row("no right to send as the system address", scripted(MAIL=SENDAS), "sender", "system_address",
        "send_as_denied", words="SendAs"),
    Row("sender's domain unknown", scripted(MAIL="450 4.1.8 <robot@example.org>: Sender address rejected: Domain not "
        "found"), "sender", "system_address", "sender_domain"),
    Row("system address beyond ASCII, no SMTPUTF8", offering("PIPELINING"), "sender", "system_address",
        "no_smtputf8", sending=replace(SENDING, system_address="робот@example.org")),
    # recipient
    Row("relay denied, authentication is off", scripted(RCPT="554 5.7.1 <boss@example.org>: Relay access denied"),
        "recipient", "authentication", "relay_denied"),
    Row("relay denied even after the login", scripted(RCPT="550 5.7.1 Unable to relay"), "recipient", "to",
        "relay_denied_logged_in", LOGIN),
    Row("mailbox unknown", scripted(RCPT="550 5.1.1 <boss@example.org>: User unknown"), "recipient", "to",
        "mailbox_unknown"),
    Row("support address unknown, no test letter asked for", scripted(RCPT="550 5.1.1 User unknown"), "recipient",
        "support_address", "mailbox_unknown", to=None),
    Row("mailbox full", scripted(RCPT="552 5.2.2 Mailbox full"), "recipient", "to", "mailbox_full"),
    Row("sender not owned by the login, told at RCPT", scripted(RCPT="553 5.7.1 <robot@example.org>: Sender address "
        "rejected: not owned by user robot"), "recipient", "system_address", "send_as_denied", LOGIN),
    Row("login wanted, told at RCPT", scripted(RCPT="530 5.7.57 Client not authenticated to send mail"), "recipient",
        "authentication", "auth_required"),
    Row("rate limit", scripted(RCPT="450 4.7.1 Error: too much mail, message rate limit exceeded"), "recipient",
        "server", "rate_limited"),
    Row("greylisting", scripted(RCPT="450 4.2.0 <boss@example.org>: Recipient address rejected: Greylisted"),
        "recipient", "to", "greylisted", outcome="warning"),
    # letter
    Row("SIZE smaller than a letter", offering("SIZE 300"), "letter", "server", "too_large", words="300"),
    Row("letter too large", scripted(letter="552 5.3.4 Message size exceeds fixed limit"), "letter", "server",
        "too_large"),
    Row("no right to send as, told at the end", scripted(letter="550 5.2.252 SendAsDenied; robot not allowed"),
        "letter", "system_address", "send_as_denied"),
    Row("letter refused", scripted(letter="554 5.7.1 looks like spam"), "letter", "system_address", "letter"),
    Row("server silent after the letter", scripted(letter=SILENCE), "letter", "port", "silent"),
    # a token that somebody has pasted
    Row("no token pasted", tokens(), "token", "access_token", "access_token_missing", PASTED, secret=""),
    Row("pasted token expired", tokens(), "token", "access_token", "access_token_expired", PASTED, secret=jwt(-60)),
    Row("pasted token refused", tokens(AUTH="535 5.7.3 Authentication unsuccessful"), "authentication",
        "access_token", "access_token", PASTED, secret="ya29.opaque-and-refused", words="robot"),
    Row("pasted token refused, and it says so itself", tokens(AUTH="535 5.7.3 Authentication unsuccessful"),
        "authentication", "access_token", "access_token", PASTED, secret=jwt(10**7)),
    # warnings
    Row("pasted token about to expire", tokens(), "token", "access_token", "access_token_expires", PASTED,
        secret=jwt(3000), outcome="warning"),
    Row("checks off, self-signed certificate, SSL", secured("ssl", Authorities.self_signed), "tls", "insecure",
        "insecure", {"ca_file": "", "insecure": True}, outcome="warning"),
    Row("checks off, certificate for another name, STARTTLS", secured("tls", lambda known: known.issued("mx.org")),
        "tls", "insecure", "insecure", {"insecure": True}, outcome="warning"),
    Row("checks off, certificate expired", secured("ssl", lambda known: known.issued(ends=-timedelta(days=1))),
        "tls", "insecure", "insecure", {"insecure": True}, outcome="warning"),
    Row("checks off, all is well", secured("tls"), "tls", "insecure", "insecure_needless", {"insecure": True},
        outcome="warning"),
    Row("client certificate about to expire", secured("ssl", Authorities.demanding), "tls", "client_cert",
        "client_cert_expires", {"shows": "soon"}, outcome="warning", words="5"),
    Row("certificate about to expire", secured("ssl", lambda known: known.issued(ends=timedelta(days=10))), "tls",
        "server", "certificate_expires", outcome="warning"),
    Row("login in clear text", plain(), "tls", "encryption", "clear_login", LOGIN, outcome="warning"),
    Row("login filled in, authentication is off", plain(), "authentication", "authentication", "login_unused",
        {"login": "robot"}, outcome="warning"),
]  # fmt: skip


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return Authorities(tmp_path_factory.mktemp("authorities"))


def card_for(server: Any, known: Authorities, changes: dict[str, Any]) -> MailConnection:
    """A connection as it should be for this server, with the mistake."""
    port = server if isinstance(server, int) else server.port
    mode = server.mode if isinstance(server, Scripted) else "none"
    files = {"own": known.ca_file, "other": known.other_ca_file, "not": known.not_pem}
    given: dict[str, Any] = {"ca_file": known.ca_file if mode != "none" else "", **changes}
    given["ca_file"] = files.get(given["ca_file"], given["ca_file"])
    if kind := given.pop("shows", ""):
        given |= known.shown(kind)
    usual: dict[str, Any] = {"name": "main", "server": "localhost", "port": port, "encryption": Encryption(mode)}
    return MailConnection(**usual | given)


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_misconfiguration(row: Row, authorities: Authorities) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.1, which one server speaks
        making = row.server(authorities)
        async with making as server:
            card = card_for(server, authorities, row.card)
            steps = [step async for step in check(card, row.secret, row.sending, row.to, LIMITS)]
    found = the_finding(steps, row)
    assert (found.name, found.field, found.remedy, found.outcome) == (row.step, row.field, row.remedy, row.outcome)
    for language in ("ru", "en"):
        words = advice(found.remedy, language, found.params)
        assert "?" not in words
        assert "{" not in words
        assert row.words in words
    assert not row.secret or row.secret not in repr(steps)


def the_finding(steps: list[Step], row: Row) -> Step:
    """The step that failed, which is the last; or the one that warns, of which there is one."""
    assert all(step.outcome != "failed" for step in steps[:-1])
    if row.outcome == "failed":
        return steps[-1]
    assert steps[-1].outcome != "failed"
    (warning,) = [step for step in steps if step.remedy == row.remedy]
    return warning


def test_there_are_at_least_thirty_and_no_two_alike() -> None:
    assert len({row.what for row in ROWS}) == len(ROWS) >= 30
