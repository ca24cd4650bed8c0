"""Vestnik and Debian's Postfix: the whole line, the doctor, and what Postfix says of its own accord."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from dispatch.channels.envelope import Envelope
from dispatch.channels.pipeline import TOGETHER
from dispatch.channels.smtp import SmtpSession
from dispatch.doctor import ORDER, Limits, Step, check
from dispatch.errors import MessageError, PermanentError, TransientError
from store.cards import MailConnection
from store.vocabulary import Encryption
from tests.desk import SENDING, event, lines
from tests.dispatch.doctor.servers import closed_port
from tests.postfix_server import GREYLISTED, LOGIN, NOBODY, PASSWORD, SIZE_LIMIT, PostfixServer
from tests.test_whole_line import vestnik

pytestmark = pytest.mark.no_cover  # whole programs go where the tests of their parts have been
LIMITS = Limits(answer_s=10, silence_s=0.5, total_s=60)
ENVELOPE = Envelope("robot@example.org", "olga@example.org", b"From: robot@example.org\r\n\r\nbody\r\n")


def card(postfix: PostfixServer, encryption: Encryption = Encryption.TLS, /, **fields: Any) -> MailConnection:
    port = postfix.smtps if encryption is Encryption.SSL else postfix.submission
    usual = MailConnection(
        "main", "localhost", port=port, encryption=encryption, authentication=True, login=LOGIN,
        ca_file=postfix.ca_file,
    )  # fmt: skip
    return replace(usual, **fields)


@pytest.fixture
async def session(postfix: PostfixServer) -> AsyncIterator[SmtpSession]:
    session = SmtpSession(card(postfix), PASSWORD, timeout_s=10)
    yield session
    await session.close()


async def diagnosis(connection: MailConnection, secret: str = PASSWORD, to: str | None = None) -> list[Step]:
    return [step async for step in check(connection, secret, SENDING, to, LIMITS)]


@pytest.mark.parametrize("encryption", ["tls", "ssl"])
def test_every_letter_arrives_exactly_once(tmp_path: Path, postfix: PostfixServer, encryption: str) -> None:
    store = f"sqlite:///{tmp_path / 'vestnik.db'}"
    (tmp_path / "password").write_text(PASSWORD + "\n", "utf-8")
    connection = {
        "name": "main", "server": "localhost", "port": postfix.submission if encryption == "tls" else postfix.smtps,
        "encryption": encryption, "ca_file": postfix.ca_file, "authentication": True, "login": LOGIN,
        "password": {"file": "password"},
    }  # fmt: skip
    sending = {"support_address": "help@example.org", "system_address": "robot@example.org", "sender_name": "Поддержка"}
    people = [{"email": f"{name}@example.org", "name": name} for name in ("olga", "ivanov")]
    settings = {"company": {"name": "ACME"}, "mail": {"connections": [connection], "sending": sending}}
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(settings | {"people": people}), "utf-8")
    (tmp_path / "events.jsonl").write_text(lines(*(event(number=number) for number in range(20))), "utf-8")
    vestnik(store, "apply", str(tmp_path / "settings.yaml"))
    for _ in range(2):  # the second time they are duplicates
        vestnik(store, "emit", str(tmp_path / "events.jsonl"))
    assert json.loads(vestnik(store, "dispatch", "--until-idle", "--json"))["sent"] == 40
    assert json.loads(vestnik(store, "dispatch", "--until-idle", "--json"))["sent"] == 0
    letters = postfix.letters()
    assert len(letters) == len({letter.message["Message-ID"] for letter in letters}) == 40
    assert sorted(letter.rcpt_to for letter in letters) == ["ivanov@example.org"] * 20 + ["olga@example.org"] * 20
    assert {letter.mail_from for letter in letters} == {"robot@example.org"}
    assert " BDAT" in postfix.log() or "bdat=" in postfix.log(), "letters went in pieces"
    assert "RP-7 принята: Не печатает принтер [этаж 3]" in [letter.message["Subject"] for letter in letters]


@pytest.mark.parametrize("encryption", [Encryption.TLS, Encryption.SSL])
async def test_the_doctor_is_content(postfix: PostfixServer, encryption: Encryption) -> None:
    steps = await diagnosis(card(postfix, encryption), to="boss@example.org")
    assert [(step.name, step.outcome) for step in steps] == [(name, "ok") for name in ORDER]
    (letter,) = postfix.letters()
    assert letter.rcpt_to == "boss@example.org"
    assert not any(PASSWORD in line for step in steps for line in step.transcript)


@pytest.mark.parametrize(
    ("wrong", "secret", "to", "step", "fault"),
    [
        ({}, "wrong", None, "authentication", "password"),
        ({"login": "somebody"}, PASSWORD, None, "authentication", "password"),
        ({"authentication": False}, PASSWORD, None, "recipient", "authentication"),
        ({"port": "closed"}, PASSWORD, None, "connect", "port"),
        ({"port": "smtps"}, PASSWORD, None, "tls", "encryption"),
        ({"ca_file": ""}, PASSWORD, None, "tls", "ca_file"),
        ({"ca_file": "another"}, PASSWORD, None, "tls", "ca_file"),
        ({"server": "127.0.0.1"}, PASSWORD, None, "tls", "server"),
        ({"encryption": Encryption.SSL}, PASSWORD, None, "tls", "encryption"),
        ({"encryption": Encryption.NONE}, PASSWORD, None, "authentication", "encryption"),
        ({}, PASSWORD, NOBODY, "recipient", "to"),
    ],
)
async def test_the_doctor_names_the_setting_at_fault(
    tmp_path: Path, postfix: PostfixServer, wrong: dict[str, Any], secret: str, to: str | None, step: str, fault: str
) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "another.pem"))
    with closed_port() as closed:
        known = {"closed": closed, "smtps": postfix.smtps, "another": str(tmp_path / "another.pem")}
        changes = {name: known.get(value, value) for name, value in wrong.items()}
        steps = await diagnosis(card(postfix, **changes), secret, to)
    assert (steps[-1].name, steps[-1].outcome, steps[-1].field) == (step, "failed", fault)
    assert postfix.letters() == []


@pytest.mark.parametrize(
    ("change", "kind", "fault"),
    [
        (lambda: replace(ENVELOPE, recipient=NOBODY), PermanentError, (550, "mailbox_unknown")),
        (lambda: replace(ENVELOPE, recipient=GREYLISTED), TransientError, (450, "greylisted")),
        (lambda: replace(ENVELOPE, content=b"x" * 70 + b"\r\n" * SIZE_LIMIT), PermanentError, (552, "too_large")),
    ],
    ids=["recipient unknown", "greylisted", "too large"],
)
async def test_what_postfix_refuses_is_of_the_letter_and_the_session_goes_on(
    postfix: PostfixServer, session: SmtpSession, change: Callable[[], Envelope], kind: type[MessageError],
    fault: tuple[int, str],
) -> None:  # fmt: skip
    for _ in range(2):
        with pytest.raises(kind) as caught:
            await session.send(change())
        assert (caught.value.code, caught.value.error_class) == fault
        await session.send(ENVELOPE)
    assert len(postfix.letters()) == 2


async def test_what_postfix_refuses_amid_letters_in_one_piece_is_of_one_of_them(
    postfix: PostfixServer, session: SmtpSession
) -> None:
    """A policy that refuses at the end leaves the transaction open: nobody may be added to it."""
    letters = [replace(ENVELOPE, recipient=f"r{number}@example.org") for number in range(TOGETHER)]
    letters[3] = replace(ENVELOPE, recipient=NOBODY)
    letters[5] = replace(ENVELOPE, content=b"x" * 70 + b"\r\n" * SIZE_LIMIT)
    await session.send(ENVELOPE)
    session.depart([ENVELOPE])
    await session.arrive()
    postfix.policy.troubles[:] = [None, "permanent"]
    session.depart(letters)
    refused: dict[int, int | None] = {}
    for number in range(TOGETHER):
        try:
            await session.arrive()
        except MessageError as error:
            refused[number] = error.code
    assert refused == {1: 554, 3: 550, 5: 552}
    await session.send(replace(ENVELOPE, recipient="last@example.org"))
    arrived = sorted(letter.rcpt_to for letter in postfix.letters())
    taken = [letter.recipient for number, letter in enumerate(letters) if number not in refused]
    assert arrived == sorted([*taken, "last@example.org", ENVELOPE.recipient, ENVELOPE.recipient])
    assert "improper command pipelining" not in postfix.log()


async def test_a_restarted_postfix_is_found_again(postfix: PostfixServer, session: SmtpSession) -> None:
    await session.send(ENVELOPE)
    with postfix.stopped():
        pass
    await session.send(ENVELOPE)
    assert len(postfix.letters()) == 2
