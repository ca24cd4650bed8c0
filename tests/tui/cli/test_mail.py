"""`check-mail` as a script sees it; the steps themselves are the doctor's tests."""

import asyncio
from pathlib import Path

import pytest

from tests.mail_server import MailServer, Mode
from tests.tui.cli.conftest import Vestnik
from tests.tui.cli.test_queue import settings


@pytest.mark.parametrize(("mode", "login"), [("none", ""), ("tls", "robot"), ("ssl", "robot")])
def test_a_good_connection_is_said_to_be_good_and_the_letter_arrives(
    vestnik: Vestnik, tmp_path: Path, mode: Mode, login: str
) -> None:
    with MailServer(tmp_path, mode, login, "s3cret" if login else "") as server:
        vestnik("apply", "-", stdin=settings(server))
        done = vestnik("check-mail", "main", "--to", "boss@example.org", "--json")
        assert (done.code, done.err, done.json["ok"], done.json["connection"]) == (0, "", True, "main")
        assert {step["outcome"] for step in done.json["steps"]} <= {"ok", "skipped"}
        assert any(line.startswith("C: MAIL FROM") for step in done.json["steps"] for line in step["transcript"])
        assert "s3cret" not in done.out
        assert [letter.rcpt_to for letter in server.letters] == ["boss@example.org"]
        text = vestnik("check-mail").out
        assert len(server.letters) == 1
    assert [line.split()[1] for line in text.splitlines()] == [
        "name", "connect", "tls", "greeting", "authentication", "sender", "recipient",
    ]  # fmt: skip


def test_a_fault_names_the_setting_and_the_remedy(vestnik: Vestnik, tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        vestnik("apply", "-", stdin=settings(server))
    done = vestnik("check-mail")
    assert done.code == 1
    assert "failed   connect" in done.out
    assert "Usual ones: 465 for SSL" in done.out
    step = vestnik("check-mail", "--json").json["steps"][-1]
    assert (step["outcome"], step["field"], step["remedy"]) == ("failed", "port", "refused")
    assert "На порту" in step["advice"]["ru"]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("nonsense",), "there is no connection 'nonsense'; there are main"),
        (("--to", "nobody"), "--to: 'nobody' is not an e-mail address"),
        (("--to", "a@b.ru\r\nBcc: c@d.ru"), "--to: 'a@b.ru Bcc: c@d.ru' is not an e-mail address"),
    ],
)
def test_bad_usage_is_told(vestnik: Vestnik, words: tuple[str, ...], answer: str) -> None:
    vestnik("apply", "-", stdin="mail: {connections: [{name: main, server: localhost}]}")
    done = vestnik("check-mail", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(answer)


def test_without_a_connection_there_is_nothing_to_check(vestnik: Vestnik) -> None:
    done = vestnik("check-mail")
    assert done.code == 2
    assert "there is no mail connection yet" in done.err


def test_an_answer_of_the_server_cannot_steer_the_terminal(vestnik: Vestnik) -> None:
    async def rude(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 go\x1b[31m away [/b]\r\n")
        await writer.drain()
        writer.close()

    async def serve() -> str:
        server = await asyncio.start_server(rude, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        card = f"mail: {{connections: [{{name: m, server: 127.0.0.1, port: {port}, encryption: none}}]}}"
        await asyncio.to_thread(vestnik, "apply", "-", stdin=card)
        done = await asyncio.to_thread(vestnik, "check-mail")
        server.close()
        assert done.code == 1
        return done.out

    out = asyncio.run(serve())
    assert "\x1b" not in out
    assert "[/b]" in out
