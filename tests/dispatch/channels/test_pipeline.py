"""Mail transactions against a server that answers oddly."""

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from dispatch.channels.envelope import Envelope
from dispatch.channels.smtp import SmtpSession
from dispatch.errors import ConnectionDownError, MessageError, PermanentError, TransientError
from store.cards import MailConnection
from store.vocabulary import Encryption
from tests.odd_server import GOODBYE, OddServer

ENVELOPE = Envelope("robot@example.org", "olga@example.org", b"Subject: x\r\n\r\nbody\r\n")


def session(server: OddServer, timeout_s: float = 5) -> SmtpSession:
    card = MailConnection("odd", "127.0.0.1", port=server.port, encryption=Encryption.NONE)
    return SmtpSession(card, "", timeout_s=timeout_s)


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "lockstep"])
@pytest.mark.parametrize("crumbs", [True, False], ids=["crumbs", "whole"])
async def test_letters_follow_one_another(pipelining: bool, crumbs: bool) -> None:
    async with OddServer(pipelining=pipelining, crumbs=crumbs) as server:
        ours = session(server)
        for _ in range(3):
            assert await ours.send(ENVELOPE) == "250 2.0.0 queued"
        await ours.close()
        assert server.letters == [ENVELOPE.content + b".\r\n"] * 3
        assert server.connections == 1
        assert server.log[-1] == "QUIT"
        assert (3 in server.in_one) is pipelining


async def test_replies_of_many_lines_and_bare_codes_are_one_reply_each() -> None:
    answers = {"MAIL": [b"250-one\r\n250-two\r\n250 three\r\n"], "RCPT": [b"250\r\n"], ".": [b"250-a\r\n250 b\r\n"]}
    async with OddServer(answers) as server:
        ours = session(server)
        assert await ours.send(ENVELOPE) == "250 a b"
        assert await ours.send(ENVELOPE) == "250 a b"
        await ours.close()


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "lockstep"])
@pytest.mark.parametrize(
    ("verb", "answer", "kind"),
    [
        ("MAIL", b"451 4.7.1 later\r\n", TransientError),
        ("RCPT", b"550 5.1.1 nobody\r\n", PermanentError),
        ("DATA", b"554 5.5.1 no\r\n", PermanentError),
        (".", b"452 4.2.2 full\r\n", TransientError),
    ],
)
async def test_after_a_refusal_the_session_is_in_step(
    pipelining: bool, verb: str, answer: bytes, kind: type[MessageError]
) -> None:
    async with OddServer({verb: [answer, b"354 go\r\n" if verb == "DATA" else b"250 ok\r\n"]}, pipelining) as server:
        ours = session(server)
        with pytest.raises(kind) as caught:
            await ours.send(ENVELOPE)
        assert caught.value.answer == answer.decode().strip()
        assert (await ours.send(ENVELOPE)).startswith("250")
        await ours.close()
        assert server.connections == 1
        assert server.letters[-1] == ENVELOPE.content + b".\r\n"
        assert "RSET" in server.log, "the refused transaction is still open, with Postfix after the final dot, too"


async def test_a_letter_asked_for_without_recipient_is_an_empty_one() -> None:
    answers = {"RCPT": [b"550 5.1.1 nobody\r\n", b"250 ok\r\n"], ".": [b"554 5.5.1 no recipients\r\n", b"250 ok\r\n"]}
    async with OddServer(answers) as server:
        ours = session(server)
        with pytest.raises(PermanentError) as caught:
            await ours.send(ENVELOPE)
        assert caught.value.error_class == "mailbox_unknown"
        assert server.letters == [b".\r\n"], "nothing of the letter left"
        await ours.send(ENVELOPE)
        await ours.close()


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
async def test_421_at_any_time_is_throttling_and_never_in_doubt(verb: str) -> None:
    async with OddServer({verb: [b"421 4.3.2 too many\r\n" + GOODBYE, b"250 ok\r\n"]}) as server:
        with pytest.raises(ConnectionDownError) as caught:
            await session(server).send(ENVELOPE)
        assert (caught.value.error_class, caught.value.code, caught.value.in_doubt) == ("throttled", 421, False)


@pytest.mark.parametrize(("verb", "in_doubt"), [("MAIL", False), ("RCPT", False), ("DATA", False), (".", True)])
async def test_a_loss_is_in_doubt_only_after_the_final_dot(verb: str, in_doubt: bool) -> None:
    async with OddServer({verb: [GOODBYE]}) as server:
        with pytest.raises(ConnectionDownError) as caught:
            await session(server).send(ENVELOPE)
        assert (caught.value.error_class, caught.value.in_doubt) == ("lost", in_doubt)


@pytest.mark.parametrize(("verb", "in_doubt"), [("RCPT", False), (".", True)])
async def test_silence_ends_in_a_timeout(verb: str, in_doubt: bool) -> None:
    async with OddServer({verb: [b""]}) as server:
        with pytest.raises(ConnectionDownError) as caught:
            await session(server, timeout_s=0.1).send(ENVELOPE)
        assert (caught.value.error_class, caught.value.in_doubt) == ("timeout", in_doubt)


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "lockstep"])
async def test_addresses_beyond_ascii_go_where_smtputf8_is_offered(pipelining: bool) -> None:
    async with OddServer(pipelining=pipelining, offers=(b"SMTPUTF8",)) as server:
        ours = session(server)
        await ours.send(replace(ENVELOPE, recipient="ольга@example.org"))
        await ours.send(ENVELOPE)
        await ours.close()
    told = [line for line in server.log if line.startswith(("MAIL", "RCPT"))]
    assert told == [
        "MAIL FROM:<robot@example.org> SMTPUTF8", "RCPT TO:<ольга@example.org>",
        "MAIL FROM:<robot@example.org>", "RCPT TO:<olga@example.org>",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "kind"),
    [({"recipient": "ольга@example.org"}, PermanentError), ({"sender": "робот@example.org"}, ConnectionDownError)],
    ids=["of this letter", "of every letter"],
)
async def test_an_address_beyond_ascii_is_not_put_before_a_server_without_smtputf8(
    changes: dict[str, str], kind: type[Exception]
) -> None:
    async with OddServer() as server:
        ours = session(server)
        with pytest.raises(kind) as caught:
            await ours.send(replace(ENVELOPE, **changes))
        assert getattr(caught.value, "error_class", "") == "no_smtputf8"
        await ours.send(ENVELOPE)
        await ours.close()
        assert len(server.letters) == 1


@pytest.mark.parametrize("code", [b"000", b"150", b"334", b"600", b"999"])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
async def test_a_code_that_is_no_answer_is_never_taken_for_one(verb: str, code: bytes) -> None:
    async with OddServer({verb: [code + b" what\r\n"]}) as server:
        with pytest.raises(ConnectionDownError) as caught:
            await session(server).send(ENVELOPE)
        assert (caught.value.error_class, caught.value.in_doubt) == ("not_smtp", verb == ".")


async def test_what_is_not_smtp_drops_the_connection() -> None:
    async with OddServer({"MAIL": [b"\x1b[2J hello\r\n"]}) as server:
        with pytest.raises(ConnectionDownError) as caught:
            await session(server).send(ENVELOPE)
        assert "\x1b" not in caught.value.answer


async def test_an_endless_answer_drops_the_connection() -> None:
    async with OddServer({"MAIL": [b"250-" + b"x" * 100_000]}) as server:
        with pytest.raises(ConnectionDownError):
            await session(server).send(ENVELOPE)


async def test_a_connection_closed_while_idle_is_opened_anew_without_a_fault() -> None:
    async with OddServer({".": [b"250 ok\r\n" + GOODBYE, b"250 again\r\n"]}) as server:
        ours = session(server)
        assert await ours.send(ENVELOPE) == "250 ok"
        assert await ours.send(ENVELOPE) == "250 again"
        assert server.connections == 2
        await ours.close()


async def test_a_cancelled_letter_drops_the_connection() -> None:
    async with OddServer({".": [b"", b"250 second\r\n"]}) as server:
        ours = session(server)
        task = asyncio.ensure_future(ours.send(ENVELOPE))
        await server.first_letter.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await ours.send(ENVELOPE) == "250 second"
        assert server.connections == 2
        await ours.close()


async def test_a_long_letter_on_a_slow_line_is_not_given_up() -> None:
    long = replace(ENVELOPE, content=b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 1_500_000)
    async with OddServer(pause_s=0.01) as server:
        ours = session(server, timeout_s=0.4)
        assert await ours.send(long) == "250 2.0.0 queued"
        await ours.close()
        assert server.letters == [long.content + b".\r\n"]


async def test_commands_go_together_through_tls(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with OddServer(tls=context) as server:
        card = MailConnection(
            "odd", "localhost", port=server.port, encryption=Encryption.SSL, ca_file=str(tmp_path / "ca.pem")
        )
        ours = SmtpSession(card, "", timeout_s=5)
        large = replace(ENVELOPE, content=b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 100_000)
        for letter in (ENVELOPE, large, ENVELOPE):
            assert (await ours.send(letter)).startswith("250")
        await ours.close()
        assert server.letters == [letter.content + b".\r\n" for letter in (ENVELOPE, large, ENVELOPE)]
        assert server.connections == 1
        assert 3 in server.in_one


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        (b".first\r\n..second\r\nthird.\r\n", b"..first\r\n...second\r\nthird.\r\n.\r\n"),
        (b"no end", b"no end\r\n.\r\n"),
        (b"bare\n.\nMAIL FROM:<evil@example.org>\r.\r\n", b"bare\r\n..\r\nMAIL FROM:<evil@example.org>\r\n..\r\n.\r\n"),
    ],
    ids=["dots", "no end", "bare line ends"],
)
async def test_no_line_of_a_letter_ends_it(content: bytes, sent: bytes) -> None:
    async with OddServer() as server:
        ours = session(server)
        await ours.send(replace(ENVELOPE, content=content))
        await ours.close()
        assert server.letters == [sent]
