"""What exchangelib would do wrong if it were let, and Exchange's words for its faults."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.channels.envelope import Envelope
from dispatch.channels.ews import EwsSession, endpoint_of
from dispatch.channels.ews_faults import status_fault
from dispatch.errors import ConnectionDownError, DispatchError, PermanentError, TransientError
from dispatch.tokens import TokenProvider
from store.cards import MailConnection
from store.vocabulary import Protocol
from tests.dispatch.channels.channels import EwsTokenBench
from tests.dispatch.channels.ews_server import EwsServer, fault, response
from tests.dispatch.channels.https_server import Answer

LETTER = Envelope("robot@example.org", "o@example.org", b"From: robot@example.org\r\nTo: o@example.org\r\n\r\nx\r\n")


def card(server: EwsServer, **fields: object) -> MailConnection:
    base = MailConnection(
        "m", server.host, protocol=Protocol.EWS, port=None, login=server.login, ca_file=server.ca_file
    )
    return replace(base, **fields)


async def refused(server: EwsServer, answer: Answer | None = None, **fields: object) -> DispatchError:
    """What the next letter gets; the one after it must go, and neither is sent twice."""
    session = EwsSession(card(server, **fields), server.password)
    posts = sum(hit.method == "POST" for hit in server.hits)
    if answer is not None:
        server.answers.append(answer)
    with pytest.raises(DispatchError) as caught:
        await session.send(LETTER)
    assert sum(hit.method == "POST" for hit in server.hits) - posts <= 1
    return caught.value


async def test_a_letter_is_one_post_that_the_schema_allows(tmp_path: Path) -> None:
    with EwsServer(tmp_path) as server:
        session = EwsSession(card(server), server.password)
        await session.send(LETTER)
        await session.send(LETTER)
        assert [hit.method for hit in server.hits] == ["GET", "POST", "POST"]
        assert server.faults == []
        assert server.impersonated == ["", ""]


@pytest.mark.parametrize("schemes", [("NTLM",), ("Negotiate",), ("Negotiate", "NTLM", 'Basic realm="x"')])
async def test_ntlm_is_spoken_where_it_is_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schemes: tuple[str, ...]
) -> None:
    (tmp_path / "users").write_text("CORP:robot:password-canary\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "users"))
    with EwsServer(tmp_path, schemes=schemes) as server:
        await EwsSession(card(server, login="CORP\\robot"), server.password).send(LETTER)
        assert len(server.letters) == 1
        assert not any(hit.headers.get("Authorization", "").startswith("Basic") for hit in server.hits)
        with pytest.raises(ConnectionDownError) as caught:
            await EwsSession(card(server, login="CORP\\robot"), "wrong").send(LETTER)
        assert caught.value.error_class == "auth_failed"


@pytest.mark.parametrize(
    ("code", "kind", "error_class"),
    [
        ("ErrorInvalidRecipients", PermanentError, "bad_address"),
        ("ErrorMessageSizeExceeded", PermanentError, "too_large"),
        ("ErrorInvalidRequest", PermanentError, "bad_letter"),
        ("ErrorSendAsDenied", ConnectionDownError, "send_as_denied"),
        ("ErrorImpersonateUserDenied", ConnectionDownError, "impersonation_denied"),
        ("ErrorNonExistentMailbox", ConnectionDownError, "mailbox_unknown"),
        ("ErrorExceededConnectionCount", ConnectionDownError, "throttled"),
        ("ErrorSubmissionQuotaExceeded", ConnectionDownError, "quota"),
        ("ErrorInternalServerTransientError", TransientError, "server_error"),
        ("ErrorMailboxStoreUnavailable", TransientError, "mailbox_unavailable"),
        ("ErrorOfTomorrow", TransientError, "ews_error"),
    ],
)
async def test_a_code_means_the_same_in_an_answer_and_in_a_fault(
    tmp_path: Path, code: str, kind: type[DispatchError], error_class: str
) -> None:
    with EwsServer(tmp_path) as server:
        found = await refused(server, response(code))
        assert (type(found), found.error_class) == (kind, error_class)
        if code != "ErrorOfTomorrow":  # a fault the library does not know has no code to go by
            found = await refused(server, fault(code))
            assert (type(found), found.error_class) == (kind, error_class)


async def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(tmp_path: Path) -> None:
    with EwsServer(tmp_path) as server:
        assert (await refused(server, fault("ErrorServerBusy", back_off_ms=42_000))).retry_after_s == 42
        assert (await refused(server, fault("ErrorServerBusy"))).retry_after_s is None
        assert (await refused(server, Answer(503, b"", (("Retry-After", "9"),)))).retry_after_s == 9


async def test_a_closed_connection_does_not_make_a_wrong_password_a_busy_server(tmp_path: Path) -> None:
    with EwsServer(tmp_path) as server:
        found = await refused(server, Answer(401, b"", (("Connection", "close"),)))
        assert found.error_class == "auth_failed"
        found = await refused(server, Answer(403, b"", (("Connection", "close"),)))
        assert found.error_class == "access_denied"


def test_forbidden_by_exchange_online_means_that_ews_is_off() -> None:
    assert status_fault(403, "", "https://outlook.office365.com/EWS/Exchange.asmx", None).error_class == "ews_blocked"


async def test_a_token_that_is_refused_is_got_anew_once(tmp_path: Path) -> None:
    with EwsTokenBench(tmp_path) as bench:
        session = bench.session()
        await session.send(LETTER)
        stale = next(iter(bench.tokens.issued))
        bench.tokens.issued[stale] = "revoked"
        await session.send(LETTER)
        assert len(bench.letters) == 2
        assert bench.server.impersonated == ["robot@example.org"] * 2
        bench.server.tokens = {}
        with pytest.raises(ConnectionDownError) as caught:
            await session.send(LETTER)
        assert caught.value.error_class == "token_rejected"


async def test_a_dead_token_endpoint_hangs_nothing(tmp_path: Path) -> None:
    with EwsTokenBench(tmp_path) as bench:
        card, down = bench.card(), Answer(503, b"")
        session = EwsSession(card, bench.secret, tokens=TokenProvider(card, bench.secret))
        for _ in range(3):
            bench.tokens.discovery.append(down)
            with pytest.raises(ConnectionDownError):
                await session.send(LETTER)
        await session.send(LETTER)
        assert len(bench.letters) == 1


async def test_a_server_that_drips_is_given_up(tmp_path: Path) -> None:
    with EwsServer(tmp_path) as server:
        session = EwsSession(card(server), server.password, total_s=1)
        await session.send(LETTER)
        server.answers.append(Answer(silence="drip"))
        with pytest.raises(ConnectionDownError) as caught:
            await session.send(LETTER)
        assert (caught.value.error_class, caught.value.in_doubt) == ("timeout", True)


async def test_two_connections_to_one_server_share_nothing(tmp_path: Path) -> None:
    with EwsServer(tmp_path) as server:
        right, wrong = EwsSession(card(server), server.password), EwsSession(card(server), "wrong")
        done = await asyncio.gather(right.send(LETTER), wrong.send(LETTER), return_exceptions=True)
        assert isinstance(done[1], ConnectionDownError)
        assert done[0] == "200 NoError"


def test_a_server_is_a_name_or_the_whole_endpoint() -> None:
    usual = "https://ex.example.org/EWS/Exchange.asmx"
    assert {endpoint_of(name) for name in ("ex.example.org", "https://ex.example.org/", usual)} == {usual}
