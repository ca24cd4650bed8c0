"""What a channel tells of a letter that did not go: every word that was said of it, none of another, no credential."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatch.channels.envelope import Envelope
from dispatch.channels.ews import EwsSession
from dispatch.channels.smtp import SmtpSession
from dispatch.errors import DispatchError
from dispatch.transcript import KEPT_BYTES
from store.cards import MailConnection
from store.vocabulary import Encryption
from tests.dispatch.channels.channels import BENCHES, EwsTokenBench, GraphBench, PostfixBench
from tests.dispatch.channels.ews_server import EwsServer, fault
from tests.dispatch.channels.test_ews import card as ews_card
from tests.mail_server import MailServer, Mode
from tests.odd_server import GOODBYE, SILENCE, OddServer
from tests.postfix_server import NOBODY, PostfixServer

BODY = "body-canary"
TEXT = f"From: robot@example.org\r\nTo: olga@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n\r\n{BODY}\r\n"
ENVELOPE = Envelope("robot@example.org", "olga@example.org", TEXT.encode())
SIZE = len(ENVELOPE.content)
SECRET = "password-canary"
MAIL, RCPT = "C: MAIL FROM:<robot@example.org>", "C: RCPT TO:<olga@example.org>"
OK, GO = "S: 250 2.0.0 ok", "S: 354 go"
LETTER = f"C: (a letter of {SIZE} bytes)"
HOW = pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "lockstep"])


def session(server: OddServer, timeout_s: float = 5, **fields: Any) -> SmtpSession:
    usual = MailConnection("odd", "127.0.0.1", port=server.port, encryption=Encryption.NONE)
    return SmtpSession(replace(usual, **fields), SECRET, timeout_s=timeout_s)


async def told(one: Any, envelope: Envelope = ENVELOPE) -> list[str]:
    """What is told of a letter that does not go."""
    with pytest.raises(DispatchError) as caught:
        await one.send(envelope)
    transcript = caught.value.transcript
    assert len(transcript.encode()) <= KEPT_BYTES
    hidden = [SECRET, BODY, f"\0robot\0{SECRET}", f"robot:{SECRET}", TEXT[:30]]
    for form in (*hidden, *(base64.b64encode(one.encode()).decode()[:-4] for one in hidden)):
        assert form not in transcript
        assert form not in caught.value.answer
    return transcript.split("\n")


async def told_once(one: Any, envelope: Envelope = ENVELOPE) -> list[str]:
    """The same over a session for this letter alone."""
    try:
        return await told(one, envelope)
    finally:
        await one.close()


@HOW
@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"MAIL": [b"451 4.7.1 later\r\n"]}, [MAIL, "S: 451 4.7.1 later"]),
        (
            {"RCPT": [b"550-5.1.1 no\r\n550 5.1.1 nobody\r\n"]},
            [MAIL, OK, RCPT, "S: 550-5.1.1 no", "S: 550 5.1.1 nobody"],
        ),
        ({"DATA": [b"554 5.5.1 no\r\n"]}, [MAIL, OK, RCPT, OK, "C: DATA", "S: 554 5.5.1 no"]),
        ({".": [b"554 5.6.0 spam\r\n"]}, [MAIL, OK, RCPT, OK, "C: DATA", GO, LETTER, "S: 554 5.6.0 spam"]),
        (
            {".": [b"421 4.3.2 closing\r\n" + GOODBYE]},
            [MAIL, OK, RCPT, OK, "C: DATA", GO, LETTER, "S: 421 4.3.2 closing"],
        ),
        (
            {"letter": [GOODBYE]},
            [MAIL, OK, RCPT, OK, "C: DATA", GO, LETTER, "-- the connection was lost"],
        ),
        (
            {".": [b"250-queued\r\n2" + GOODBYE]},
            [MAIL, OK, RCPT, OK, "C: DATA", GO, LETTER, "S: 250-queued", "S: 2", "-- the connection was lost"],
        ),
    ],
    ids=["MAIL", "RCPT", "DATA", "final dot", "421", "lost in the letter", "answer cut off"],
)  # fmt: skip
async def test_a_transaction_is_told_command_by_command(
    pipelining: bool, answers: dict[str, list[bytes]], expected: list[str]
) -> None:
    async with OddServer({verb: list(words) for verb, words in answers.items()}, pipelining) as server:
        lines = await told_once(session(server))
    assert lines[: len(expected)] == expected
    # Pipelined, what comes after the refused command had been sent already; else nothing more is said.
    rest = [line for line in lines[len(expected) :] if line.startswith("C: ")]
    after = {"MAIL": [RCPT, "C: DATA"], "RCPT": ["C: DATA"]}.get(next(iter(answers)), [])
    assert [line for line in rest if not line.startswith("C: (")] == (after if pipelining else [])


@HOW
async def test_each_letter_of_a_connection_has_its_own_lines_alone(pipelining: bool) -> None:
    nobody = [b"250 ok\r\n", b"550 5.1.1 nobody\r\n"] * 3 + [b"250 ok\r\n"]
    async with OddServer({"RCPT": nobody}, pipelining) as server:
        ours = session(server)
        for number in range(3):
            await ours.send(replace(ENVELOPE, recipient=f"good{number}@example.org"))
            lines = await told(ours, replace(ENVELOPE, recipient=f"bad{number}@example.org"))
            assert [line for line in lines if "@example.org" in line] == [MAIL, f"C: RCPT TO:<bad{number}@example.org>"]
            assert [line for line in lines if line.startswith("C: (")] == (
                [LETTER.replace(str(SIZE), "0")] * pipelining
            )
            assert ("C: RSET" in lines) is False
        again = await told(ours, replace(ENVELOPE, recipient="ольга@example.org"))
        assert again == ["-- the server does not take addresses beyond ASCII (no SMTPUTF8)"]
        await ours.close()


@HOW
async def test_silence_is_told(pipelining: bool) -> None:
    async with OddServer({"RCPT": [SILENCE]}, pipelining) as server:
        lines = await told_once(session(server, timeout_s=0.1))
    assert lines[:3] == [MAIL, OK, RCPT]
    assert lines[-1] == "-- the server did not answer in time"


@HOW
@pytest.mark.parametrize(
    ("words", "some"),
    [
        (b"550 \x1b[2J\x1b]0;t\x07\x9b31m" + "\u202eabc".encode() + b"\xff\r\n", "S: 550 [2J]0;t\ufffd31mabc\ufffd"),
        (b"550 " + b"x" * 1_000_000 + b"\r\n", "S: 550 " + "x" * 493),
        (b"550-" + b"y" * 40 + b"\r\n" + b"550-z\r\n" * 4_000 + b"550 the end\r\n", "S: 550 the end"),
        (b"550 your password is %b\r\n" % SECRET.encode(), "S: 550 your password is ***"),
    ],
    ids=["control characters", "a megabyte", "thousands of lines", "the password"],
)
async def test_a_hostile_answer_is_cut_and_cannot_steer_a_terminal(pipelining: bool, words: bytes, some: str) -> None:
    async with OddServer({"RCPT": [words]}, pipelining) as server:
        lines = await told_once(session(server))
    assert some in lines or any(line.startswith(some[:400]) for line in lines)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("mode", ["none", "tls", "ssl"])
async def test_a_refused_login_is_told_from_the_greeting_on(tmp_path: Path, mode: Mode) -> None:
    with MailServer(tmp_path, mode, "robot", "right") as server:
        card = MailConnection(
            "main", "localhost", port=server.port, encryption=Encryption(mode), ca_file=server.ca_file,
            authentication=True, login="robot",
        )  # fmt: skip
        lines = await told_once(SmtpSession(card, SECRET, timeout_s=5))
        assert server.logins == [("robot", SECRET)]
    assert lines[0] == f"-- localhost:{server.port}"
    assert lines[1].startswith("S: 220 ")
    assert lines[-2:] == ["C: AUTH PLAIN ***", "S: 535 5.7.8 Authentication credentials invalid"]
    commands = [line.split(" ")[1] for line in lines if line.startswith("C: ")]
    assert commands == (["EHLO", "STARTTLS"] * (mode == "tls") + ["EHLO", "AUTH"])


@pytest.mark.parametrize(
    ("answers", "offers", "tail"),
    [
        ({"": [b"554 5.3.2 no service\r\n"]}, b"AUTH PLAIN", ["S: 554 5.3.2 no service"]),
        ({"": [GOODBYE]}, b"AUTH PLAIN", []),
        ({"EHLO": [b"\x1b[2Jhello\r\n"]}, b"AUTH PLAIN", ["S: [2Jhello"]),
        ({"AUTH": [b"334 VXNlcm5hbWU6\r\n"]}, b"AUTH LOGIN", ["C: AUTH LOGIN ***", "S: 334 VXNlcm5hbWU6", "C: ***"]),
        ({"AUTH": [b"535 " + SECRET.encode() + b"\r\n"]}, b"AUTH PLAIN", ["C: AUTH PLAIN ***", "S: 535 ***"]),
    ],
    ids=["554", "closed", "nonsense", "LOGIN", "the password"],
)
async def test_an_opening_that_fails_is_told_as_far_as_it_came(
    answers: dict[str, list[bytes]], offers: bytes, tail: list[str]
) -> None:
    async with OddServer(answers, offers=(offers,)) as server:
        lines = await told_once(session(server, timeout_s=0.3, authentication=True, login="robot"))
    assert lines[0] == f"-- 127.0.0.1:{server.port}"
    places = [lines.index(line) for line in tail]
    assert places == sorted(places)


async def test_a_connection_that_cannot_be_made_is_told() -> None:
    card = MailConnection("m", "127.0.0.1", port=1, encryption=Encryption.NONE)
    lines = await told_once(SmtpSession(card, SECRET, timeout_s=1))
    assert lines[0] == "-- 127.0.0.1:1"
    assert lines[1].startswith("-- Error connecting")


async def test_postfix_in_its_own_words(postfix: PostfixServer) -> None:
    bench = PostfixBench(postfix)
    lines = await told_once(bench.session(), replace(ENVELOPE, recipient=NOBODY))
    assert lines[0] == MAIL
    assert lines[2] == f"C: RCPT TO:<{NOBODY}>"
    assert lines[3].startswith("S: 550 5.1.1 ")
    login = await told_once(bench.session(f"not {SECRET}"))
    assert "C: STARTTLS" in login
    assert login[-2] == "C: AUTH PLAIN ***"
    assert login[-1].startswith("S: 535 5.7.8 ")


@pytest.mark.parametrize("name", sorted(set(BENCHES) - {"smtp"}))
async def test_over_https_requests_and_answers_are_told_without_bodies(tmp_path: Path, name: str) -> None:
    with BENCHES[name](tmp_path) as bench:
        one = bench.session()
        bench.next_letter("permanent")
        lines = await told(one)
        assert lines[-1].startswith("-- ")
        assert "ErrorInvalidRecipients" in lines[-1]
        assert "S: HTTP 200 OK" in lines or "S: HTTP 400 Bad Request" in lines
        post = next(place for place, line in enumerate(lines) if line.startswith("C: POST https://localhost:"))
        scheme = "Basic" if name == "ews-password" else "Bearer"
        assert f"C: Authorization: {scheme} ***" in lines[post:]
        assert any(line.startswith("C: (a request of ") for line in lines[post:])
        await one.send(ENVELOPE)
        bench.next_letter("throttled")
        busy = await told(one)
        # The letter before it, and how it logged in, are no part of this one.
        assert sum(line.startswith("C: POST") for line in busy) == 1
        assert {"S: HTTP 429 Too Many Requests", "S: Retry-After: 7"} <= {*busy}
        await one.close()


@pytest.mark.parametrize("name", sorted(BENCHES))
async def test_of_a_letter_that_was_taken_it_is_told_when_one_asks(tmp_path: Path, name: str) -> None:
    with BENCHES[name](tmp_path) as bench:
        one = bench.session()
        for _ in range(2):
            await one.send(ENVELOPE)
            lines = one.transcript().split("\n")
            if name == "smtp":
                assert lines[0] == MAIL
                assert lines[-2:] == [LETTER, "S: 250 2.0.0 queued"]
            else:
                assert sum(line.startswith("C: POST") and "token" not in line for line in lines) == 1
                assert {"S: HTTP 200 OK", "S: HTTP 202 Accepted"} & {*lines}
            assert not any("canary" in line for line in lines)
        await one.close()


@pytest.mark.parametrize("kind", [EwsTokenBench, GraphBench])
async def test_a_token_that_is_not_given_and_one_that_is_refused_are_told(
    tmp_path: Path, kind: Callable[[Path], EwsTokenBench | GraphBench]
) -> None:
    with kind(tmp_path) as bench:
        lines = await told_once(bench.session(SECRET))
        post = next(place for place, line in enumerate(lines) if line.startswith("C: POST"))
        assert lines[post].endswith("/oauth2/v2.0/token")
        assert "S: HTTP 401 Unauthorized" in lines[post:]
        assert lines[-1].startswith("-- AADSTS7000215")
        bench.server.tokens = {}
        lines = await told_once(bench.session())
        assert bench.tokens.issued
        assert sum(line == "C: Authorization: Bearer ***" for line in lines) == 2
        assert lines.count("S: HTTP 401 Unauthorized") == 2
        assert not any("canary" in line for line in lines)


async def test_a_password_that_exchange_refuses_is_in_no_line(tmp_path: Path) -> None:
    with EwsServer(tmp_path, password="right") as server:
        lines = await told_once(EwsSession(ews_card(server), SECRET))
        assert lines[0].startswith("C: GET https://localhost:")
        assert "C: Authorization: Basic ***" in lines
        assert lines.count("S: HTTP 401 Unauthorized") == 2
        login = base64.b64encode(f"{server.login}:{SECRET}".encode()).decode()
        assert all(login not in line for line in lines)


async def test_a_login_by_ntlm_is_told_without_what_it_hands_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users").write_text("CORP:robot:right\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "users"))
    with EwsServer(tmp_path, schemes=("NTLM",)) as server:
        lines = await told_once(EwsSession(ews_card(server, login="CORP\\robot"), SECRET))
        assert lines.count("C: Authorization: NTLM ***") == 2
        assert "S: WWW-Authenticate: NTLM ***" in lines
        assert not any("TlRM" in line for line in lines)


async def test_a_soap_fault_that_repeats_the_letter_tells_its_code_alone(tmp_path: Path) -> None:
    with EwsServer(tmp_path, password=SECRET) as server:
        server.answers.append(fault("ErrorSchemaValidation", "The request failed schema validation."))
        lines = await told_once(EwsSession(ews_card(server), SECRET))
        assert "S: HTTP 500 Internal Server Error" in lines
        assert "ErrorSchemaValidation" in lines[-1]
