"""The connection doctor against real servers on loopback, good and bad."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from dispatch import doctor
from dispatch.doctor import ORDER, Step, check
from dispatch.remedies import FIELDS, REMEDIES, STEPS
from store.cards import MailConnection
from store.vocabulary import Encryption, Protocol
from tests.desk import SENDING
from tests.mail_server import MailServer, Mode

PASSWORD = "s3cret-of-the-robot"


def _card(server: MailServer, **changes: object) -> MailConnection:
    card = MailConnection(
        "main", "localhost", port=server.port, encryption=Encryption(server.mode), ca_file=server.ca_file,
        authentication=bool(server.login), login=server.login,
    )  # fmt: skip
    return replace(card, **changes)  # pyright: ignore[reportArgumentType]


async def _steps(card: MailConnection, secret: str = PASSWORD, to: str | None = None) -> list[Step]:
    steps = [step async for step in check(card, secret, SENDING, to)]
    assert PASSWORD not in repr(steps)
    assert all(step.field and step.remedy in REMEDIES for step in steps if step.outcome == "failed")
    assert all(step.outcome in {"ok", "skipped"} for step in steps[:-1])
    return steps


def _fault(steps: list[Step]) -> tuple[str, str, str]:
    return steps[-1].name, steps[-1].remedy, steps[-1].field


@contextmanager
def _silent() -> Generator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@asynccontextmanager
async def _scripted(greeting: bytes, **answers: bytes) -> AsyncGenerator[int]:
    """A clear-text server that answers each command with the line given for its verb, else 250."""
    talks: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.current_task())
        writer.write(greeting)
        while line := await reader.readline():
            verb = line.split()[0].decode("ascii", "replace").lower() if line.split() else ""
            writer.write(answers.get(verb, b"250 ok\r\n"))
            if verb == "quit":
                break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*filter(None, talks), return_exceptions=True)


@pytest.mark.parametrize("login", ["", "robot"])
@pytest.mark.parametrize("mode", ["none", "tls", "ssl"])
async def test_a_good_connection_passes_every_step(tmp_path: Path, mode: Mode, login: str) -> None:
    with MailServer(tmp_path, mode, login, PASSWORD if login else "") as server:
        steps = await _steps(_card(server), to="boss@example.org")
    assert tuple(step.name for step in steps) == ORDER
    skipped = {step.name for step in steps if step.outcome == "skipped"}
    assert skipped == ({"tls"} if mode == "none" else set()) | (set() if login else {"authentication"})
    (letter,) = server.letters
    assert (letter.mail_from, letter.rcpt_to) == ("robot@example.org", "boss@example.org")
    assert letter.message["Auto-Submitted"] == "auto-generated"
    assert len(server.logins) == (1 if login else 0)


async def test_without_a_recipient_nothing_is_sent(tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        steps = await _steps(_card(server))
    assert steps[-1].name == "sender"
    assert server.letters == []


async def test_an_unknown_name_is_the_servers_name() -> None:
    card = MailConnection("main", "no-such-host.invalid", port=25, encryption=Encryption.NONE)
    assert _fault(await _steps(card)) == ("name", "dns", "server")


async def test_a_closed_port_is_the_port(tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        card = _card(server)
    assert _fault(await _steps(card)) == ("connect", "refused", "port")


@pytest.mark.parametrize(
    ("encryption", "fault"),
    [(Encryption.SSL, ("connect", "timeout", "server")), (Encryption.NONE, ("greeting", "lost", "encryption"))],
)
async def test_a_server_that_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch, encryption: Encryption, fault: tuple[str, str, str]
) -> None:
    monkeypatch.setattr(doctor, "STEP_TIMEOUT_S", 0.3)
    with _silent() as port:
        card = MailConnection("main", "127.0.0.1", port=port, encryption=encryption)
        assert _fault(await _steps(card)) == fault


async def test_a_port_that_speaks_tls_spoken_to_in_clear_is_the_encryption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "STEP_TIMEOUT_S", 1.0)
    with MailServer(tmp_path, "ssl") as server:
        steps = await _steps(_card(server, encryption=Encryption.NONE))
    assert _fault(steps) == ("greeting", "lost", "encryption")


async def test_a_clear_port_spoken_to_in_tls_is_the_encryption(tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        steps = await _steps(_card(server, encryption=Encryption.SSL))
    assert steps[-1].field == "encryption"
    assert steps[-1].name in {"tls", "greeting"}


@pytest.mark.parametrize("mode", ["tls", "ssl"])
async def test_a_certificate_of_ones_own_needs_its_ca_file(tmp_path: Path, mode: Mode) -> None:
    with MailServer(tmp_path, mode) as server:
        steps = await _steps(_card(server, ca_file=""))
    assert _fault(steps) == ("tls", "tls", "encryption")
    assert "certificate" in steps[-1].detail


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    with MailServer(tmp_path, "ssl") as server:
        steps = await _steps(replace(_card(server), server="127.0.0.1"))
    assert _fault(steps) == ("tls", "tls", "encryption")


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_ca_file_that_cannot_be_read_is_the_ca_file(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "own.pem"
    if content is not None:
        file.write_text(content, "utf-8")
    with MailServer(tmp_path, "tls") as server:
        steps = await _steps(_card(server, ca_file=str(file)))
    assert _fault(steps) == ("tls", "ca_file", "ca_file")


async def test_a_server_without_starttls_is_told_from_a_broken_one(tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        steps = await _steps(_card(server, encryption=Encryption.TLS))
    assert _fault(steps) == ("tls", "tls_unavailable", "encryption")


@pytest.mark.parametrize("mode", ["none", "tls", "ssl"])
async def test_a_wrong_password_is_tried_exactly_once(tmp_path: Path, mode: Mode) -> None:
    with MailServer(tmp_path, mode, "robot", "the right one") as server:
        steps = await _steps(_card(server))
    assert _fault(steps) == ("authentication", "auth_failed", "password")
    assert server.logins == [("robot", PASSWORD)]


async def test_a_server_without_auth_is_told() -> None:
    async with _scripted(b"220 hi\r\n") as port:
        card = MailConnection(
            "main", "127.0.0.1", port=port, encryption=Encryption.NONE, authentication=True, login="robot"
        )
        assert _fault(await _steps(card)) == ("authentication", "auth_unavailable", "authentication")


async def test_a_server_that_wants_a_login_is_told(tmp_path: Path) -> None:
    with MailServer(tmp_path, "none", "robot", PASSWORD) as server:
        steps = await _steps(_card(server, authentication=False))
    assert _fault(steps) == ("sender", "auth_required", "authentication")
    assert server.logins == []


async def test_a_refused_sender_is_the_system_address() -> None:
    async with _scripted(b"220 hi\r\n", mail=b"550 5.7.1 not yours\r\n") as port:
        card = MailConnection("main", "127.0.0.1", port=port, encryption=Encryption.NONE)
        steps = await _steps(card)
    assert _fault(steps) == ("sender", "sender", "system_address")
    assert "5.7.1 not yours" in steps[-1].detail


async def test_a_refused_recipient_is_told_with_the_servers_answer(tmp_path: Path) -> None:
    with MailServer(tmp_path, refused={"boss@example.org": "550 5.1.1 no such mailbox"}) as server:
        steps = await _steps(_card(server), to="boss@example.org")
    assert steps[-1].name == "recipient"
    assert steps[-1].remedy == "recipient"
    assert "5.1.1 no such mailbox" in steps[-1].detail
    assert server.letters == []


async def test_a_refused_letter_is_told_as_the_letter(tmp_path: Path) -> None:
    with MailServer(tmp_path, answers=["554 5.7.1 looks like spam"]) as server:
        steps = await _steps(_card(server), to="boss@example.org")
    assert _fault(steps) == ("letter", "letter", "system_address")
    assert "looks like spam" in steps[-1].detail


async def test_a_busy_server_is_told_at_its_greeting() -> None:
    async with _scripted(b"421 4.7.0 too many connections\r\n") as port:
        card = MailConnection("main", "127.0.0.1", port=port, encryption=Encryption.NONE)
        assert _fault(await _steps(card)) == ("greeting", "throttled", "server")


async def test_missing_sending_parameters_are_named(tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        sending = replace(SENDING, system_address="")
        steps = [step async for step in check(_card(server), "", sending)]
    assert (steps[-1].remedy, steps[-1].detail) == ("sending_parameters", "system_address")


async def test_ews_says_that_it_comes_later() -> None:
    card = MailConnection("ex", "https://ex.example.org", port=None, protocol=Protocol.EWS)
    assert _fault(await _steps(card)) == ("protocol", "ews_later", "protocol")


def test_every_fault_has_a_setting_and_a_remedy_in_both_languages() -> None:
    assert set(REMEDIES) == set(FIELDS)
    assert set(STEPS) <= set(REMEDIES)
    assert set(STEPS.values()) <= set(ORDER)
    for words in REMEDIES.values():
        assert set(words) == {"ru", "en"}
        assert all(text.endswith(".") for text in words.values())
