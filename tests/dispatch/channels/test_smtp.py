"""The SMTP channel against a real server."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.channels.envelope import Envelope
from dispatch.channels.smtp import SmtpSession
from dispatch.errors import ConnectionDownError, HeldUpError, PermanentError, TransientError
from store.cards import MailConnection
from store.vocabulary import Encryption
from tests.mail_server import MailServer, Mode

ENVELOPE = Envelope("robot@example.org", "olga@example.org", b"Subject: x\r\n\r\n.dot\r\nbody\r\n")


def card(server: MailServer, /, **fields: object) -> MailConnection:
    base = MailConnection(
        "main", "localhost", port=server.port, encryption=Encryption(server.mode), ca_file=server.ca_file,
        authentication=bool(server.login), login=server.login,
    )  # fmt: skip
    return replace(base, **fields)


async def send(connection: MailConnection, password: str = "", envelope: Envelope = ENVELOPE) -> str:
    session = SmtpSession(connection, password, timeout_s=5)
    try:
        return await session.send(envelope)
    finally:
        await session.close()


@pytest.mark.parametrize("mode", ["none", "tls", "ssl"])
@pytest.mark.parametrize("login", ["", "robot"], ids=["open", "auth"])
async def test_a_letter_arrives_whole(tmp_path: Path, mode: Mode, login: str) -> None:
    with MailServer(tmp_path, mode, login, "s3cret" if login else "") as server:
        assert (await send(card(server), "s3cret")).startswith("250")
        (letter,) = server.letters
        assert (letter.mail_from, letter.rcpt_to) == ("robot@example.org", "olga@example.org")
        assert letter.content == ENVELOPE.content
        assert len(server.logins) == (1 if login else 0)


async def test_a_letter_that_may_not_leave_any_more_does_not_though_it_was_begun(tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        may = [False]
        session = SmtpSession(card(server), "", timeout_s=5, may_send=lambda: may[0])
        with pytest.raises(HeldUpError):
            await session.send(ENVELOPE)
        may[0] = True
        await session.send(ENVELOPE)
        await session.close()
        assert len(server.letters) == 1


async def test_a_wrong_password_is_tried_once_and_is_in_no_message(tmp_path: Path) -> None:
    with MailServer(tmp_path, "tls", "robot", "right") as server:
        with pytest.raises(ConnectionDownError) as caught:
            await send(card(server), "wr0ng")
        assert caught.value.error_class == "auth_failed"
        assert len(server.logins) == 1
        assert "wr0ng" not in str(caught.value)


async def test_a_server_that_hides_starttls_gets_no_login(tmp_path: Path) -> None:
    with MailServer(tmp_path, "none", "robot", "right") as server:
        with pytest.raises(ConnectionDownError) as caught:
            await send(card(server, encryption=Encryption.TLS), "right")
        assert caught.value.error_class == "tls_unavailable"
        assert server.logins == []


async def test_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    with MailServer(tmp_path, "ssl") as server:
        with pytest.raises(ConnectionDownError) as caught:
            await send(card(server, ca_file=""))
        assert caught.value.error_class == "tls"
        assert server.letters == []


@pytest.mark.parametrize(
    ("fields", "fault"),
    [({"port": 1}, "refused"), ({"server": "no.such.host.invalid"}, "dns"), ({"ca_file": "/nowhere"}, "ca_file")],
)
async def test_faults_of_the_connection_are_told_apart(tmp_path: Path, fields: dict[str, object], fault: str) -> None:
    with MailServer(tmp_path, "ssl") as server:
        with pytest.raises(ConnectionDownError) as caught:
            await send(card(server, **fields))
        assert caught.value.error_class == fault


@pytest.mark.parametrize(
    ("answer", "kind", "fault"),
    [
        ("550 5.1.1 no such user", PermanentError, "mailbox_unknown"),
        ("450 4.2.0 greylisted", TransientError, "greylisted"),
        ("452 4.2.2 full", TransientError, "mailbox_full"),
        ("554 go away", PermanentError, "smtp_554"),
    ],
)
async def test_a_refused_recipient_leaves_the_session_in_step(
    tmp_path: Path, answer: str, kind: type[Exception], fault: str
) -> None:
    with MailServer(tmp_path, refused={"nobody@example.org": answer}) as server:
        session = SmtpSession(card(server), "")
        with pytest.raises(kind) as caught:
            await session.send(replace(ENVELOPE, recipient="nobody@example.org"))
        assert getattr(caught.value, "error_class", "") == fault
        await session.send(ENVELOPE)
        assert len(server.letters) == 1
        await session.close()


async def test_421_closes_the_connection_and_the_next_letter_opens_another(tmp_path: Path) -> None:
    with MailServer(tmp_path, answers=["421 4.3.2 too many"]) as server:
        session = SmtpSession(card(server), "")
        with pytest.raises(ConnectionDownError) as caught:
            await session.send(ENVELOPE)
        assert caught.value.error_class == "throttled"
        assert (await session.send(ENVELOPE)).startswith("250")
        await session.close()


async def test_after_a_cancel_replies_still_belong_to_their_commands(tmp_path: Path) -> None:
    with MailServer(tmp_path, delay_s=0.5) as server:
        session = SmtpSession(card(server), "")
        task = asyncio.ensure_future(session.send(ENVELOPE))
        await asyncio.to_thread(server.reading.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await session.send(ENVELOPE)).startswith("250 2.0.0")
        await session.close()
