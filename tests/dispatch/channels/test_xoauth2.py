"""SMTP with a token of an application instead of a password."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from dispatch.channels.envelope import Envelope
from dispatch.channels.smtp import SmtpSession
from dispatch.doctor import Limits, Step, check
from dispatch.errors import ConnectionDownError
from dispatch.tokens import TokenProvider
from store.cards import MailConnection, Sending
from store.vocabulary import Encryption, TokenSource
from tests.dispatch.channels.token_server import APPLICATION, EXPIRED, SECRET, TENANT, TokenServer
from tests.mail_server import MailServer

ENVELOPE = Envelope("robot@example.org", "olga@example.org", b"Subject: x\r\n\r\nbody\r\n")
LOGIN = "robot@example.org"


@dataclass
class TokenMailServer(MailServer):
    """Takes whom a token server gave a token, unless it was taken back.

    Attributes:
        tokens: Every token that was shown.
        taken_back: Tokens that are refused.
    """

    issuer: TokenServer | None = None
    tokens: list[str] = field(default_factory=list[str])
    taken_back: set[str] = field(default_factory=set[str])

    async def auth_XOAUTH2(self, server: Any, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd calls it so
        """The mechanism as Exchange Online speaks it: a refusal comes with a challenge that must be answered."""
        user, bearer, *_ = base64.b64decode(args[1]).decode().split("\x01")
        token = bearer.removeprefix("auth=Bearer ")
        self.tokens.append(token)
        issued = self.issuer.issued if self.issuer else {}
        if user == f"user={LOGIN}" and token in issued and token not in self.taken_back:
            return AuthResult(success=True, auth_data=user)
        await server.push("334 " + base64.b64encode(b'{"status":"400"}').decode())
        await server._reader.readline()
        return AuthResult(success=False, handled=False)


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[TokenMailServer]:
    """The mail server, and the token server it believes, behind the same authority of certificates."""
    folders = [tmp_path / name for name in ("mail", "token")]
    for folder in folders:
        folder.mkdir()
    with (
        TokenServer(folders[1]) as issuer,
        TokenMailServer(folders[0], "tls", LOGIN, "no password", issuer=issuer) as m,
    ):
        yield m


def card(mail: TokenMailServer, **fields: Any) -> MailConnection:
    values: dict[str, Any] = {
        "encryption": Encryption.TLS, "oauth2": True, "login": LOGIN, "ca_file": mail.ca_file,
        "application_id": APPLICATION, "directory_id": TENANT, **fields,
    }  # fmt: skip
    return MailConnection("cloud", "localhost", port=mail.port, **values)


def session(mail: TokenMailServer, secret: str = SECRET, **fields: Any) -> SmtpSession:
    assert mail.issuer is not None
    issuer = card(mail, authority=mail.issuer.url, ca_file=mail.issuer.ca_file)
    return SmtpSession(card(mail, **fields), secret, tokens=TokenProvider(issuer, secret), timeout_s=5)


async def send(one: SmtpSession) -> str:
    try:
        return await one.send(ENVELOPE)
    finally:
        await one.close()


async def test_a_letter_leaves_with_a_token_of_exchange_online(mail: TokenMailServer) -> None:
    assert (await send(session(mail))).startswith("250")
    assert mail.issuer is not None
    assert mail.issuer.issued == {mail.tokens[0]: "https://outlook.office365.com/.default"}
    assert len(mail.letters) == 1
    assert mail.logins == []  # no password was tried


async def test_a_token_that_was_taken_back_is_replaced_once(mail: TokenMailServer) -> None:
    mail.taken_back = {"token-canary-0"}
    assert (await send(session(mail))).startswith("250")
    assert mail.tokens == ["token-canary-0", "token-canary-1"]


async def test_a_second_refusal_is_one(mail: TokenMailServer) -> None:
    mail.taken_back = {f"token-canary-{number}" for number in range(9)}
    with pytest.raises(ConnectionDownError) as caught:
        await send(session(mail))
    assert caught.value.error_class == "auth_failed"
    assert len(mail.tokens) == 2
    assert "token-canary" not in str(caught.value)
    lines = caught.value.transcript.split("\n")
    assert lines.count("C: AUTH XOAUTH2 ***") == 2
    assert sum(line.startswith("C: POST https://localhost:") for line in lines) == 2
    assert not any("token-canary" in line or base64.b64encode(b"token-canary").decode()[:-4] in line for line in lines)


async def test_an_expired_secret_is_told_from_a_refused_login(mail: TokenMailServer) -> None:
    assert mail.issuer is not None
    mail.issuer.answers = [EXPIRED]
    with pytest.raises(ConnectionDownError) as caught:
        await send(session(mail))
    assert caught.value.error_class == "token_secret_expired"
    assert mail.tokens == []


async def test_a_server_without_xoauth2_is_named_and_gets_no_token(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "token").mkdir()
    with TokenServer(tmp_path / "token") as issuer, MailServer(tmp_path / "mail", "tls", LOGIN, "secret") as plain:
        connection = MailConnection(
            "cloud", "localhost", port=plain.port, encryption=Encryption.TLS, oauth2=True, login=LOGIN,
            ca_file=plain.ca_file,
        )  # fmt: skip
        given = TokenProvider(
            MailConnection("t", "localhost", authority=issuer.url, ca_file=issuer.ca_file, application_id=APPLICATION,
                           directory_id=TENANT), SECRET,
        )  # fmt: skip
        with pytest.raises(ConnectionDownError) as caught:
            await send(SmtpSession(connection, SECRET, tokens=given, timeout_s=5))
        assert caught.value.error_class == "auth_unavailable"
        assert plain.logins == []


async def steps_of(mail: TokenMailServer, secret: str = SECRET, **fields: Any) -> list[Step]:
    """The doctor's steps; mail and token server have a certificate of the same authority."""
    assert mail.issuer is not None
    sending = Sending("help@example.org", LOGIN, "Support")
    connection = card(mail, authority=mail.issuer.url, **fields)
    return [step async for step in check(connection, secret, sending, limits=Limits(5, 1, 20))]


@pytest.fixture
def both(mail: TokenMailServer, tmp_path: Path) -> TokenMailServer:
    """The two servers, with one file that holds the certificates of both authorities."""
    assert mail.issuer is not None
    whole = Path(mail.ca_file).read_bytes() + Path(mail.issuer.ca_file).read_bytes()
    Path(mail.ca_file).write_bytes(whole)
    return mail


async def test_the_doctor_gets_a_token_and_shows_it_once(both: TokenMailServer) -> None:
    steps = await steps_of(both)
    assert [step.name for step in steps if step.outcome == "failed"] == []
    assert {"token", "authentication", "sender"} <= {step.name for step in steps}
    assert both.tokens == ["token-canary-0"]
    assert both.logins == []
    assert "token-canary" not in repr(steps)
    assert SECRET not in repr(steps)


async def test_the_doctor_tells_a_wrong_secret_from_a_token_that_is_refused(both: TokenMailServer) -> None:
    wrong = (await steps_of(both, "another secret"))[-1]
    assert (wrong.name, wrong.field, wrong.remedy) == ("token", "client_secret", "token_secret")
    both.taken_back = {"token-canary-0"}
    refused = (await steps_of(both))[-1]
    assert (refused.name, refused.remedy) == ("authentication", "token_refused")
    assert both.tokens == ["token-canary-0"]


async def test_a_pasted_token_is_shown_as_it_is(mail: TokenMailServer) -> None:
    assert mail.issuer is not None
    mail.issuer.issued["pasted-token"] = "scope"
    connection = card(mail, token_source=TokenSource.PASTED, application_id="", directory_id="")
    assert (await send(SmtpSession(connection, "pasted-token", timeout_s=5))).startswith("250")
    assert mail.tokens == ["pasted-token"]


async def test_a_pasted_token_is_refused_once_and_not_shown_again(mail: TokenMailServer) -> None:
    one = SmtpSession(card(mail, token_source=TokenSource.PASTED), "stale-canary", timeout_s=5)
    for _ in range(3):
        with pytest.raises(ConnectionDownError) as caught:
            await send(one)
        assert (caught.value.error_class, caught.value.in_doubt) == ("token_rejected", False)
        assert "canary" not in str(caught.value)
    assert mail.tokens == ["stale-canary"]
