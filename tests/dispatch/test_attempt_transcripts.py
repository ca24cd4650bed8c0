"""What a dispatcher keeps in the store of letters that did not go: their own dialogue, bounded, no credentials."""

import base64
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from dispatch.daemon import run
from dispatch.intake import emit
from dispatch.transcript import KEPT_BYTES
from store import journal, tables
from store.cards import DeliveryCard, MailConnection, Person
from store.directory import save_people
from store.engine import Store
from store.outbox import page
from store.settings import connections, save_connection, save_sending
from store.tables import METADATA
from store.vocabulary import DeliveryState, Encryption, Transcripts
from tests.desk import PEOPLE, SENDING, HandClock, event, furnish, lines
from tests.mail_server import MailServer
from tests.odd_server import OddServer

PASSWORD = "password-canary"
ROBOT = "C: MAIL FROM:<robot@example.org>"
HOW = pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "lockstep"])


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def requests(store: Store, count: int) -> None:
    """Each makes one letter, to a client of its own."""
    clients = [Person(f"client{number}@example.org", f"Client {number}") for number in range(count)]
    save_people(store, (*PEOPLE, *clients), "test")
    made = (event(number=n, responsible=None, team=None, client=clients[n].email) for n in range(count))
    emit(store, lines(*made))


def deliveries(store: Store) -> list[DeliveryCard]:
    """Every letter, opened, in the order of their ids."""
    found = [journal.delivery(store, row.id) for row in reversed(page(store))]
    return [card for card in found if card is not None]


async def dispatch(store: Store, clock: HandClock) -> None:
    clock.forward(hours=1)
    await run(store, until_idle=True)


def everything(store: Store) -> str:
    """All that is in the store, of every table."""
    with store.read() as connection:
        return "\n".join(repr(row) for table in METADATA.sorted_tables for row in connection.execute(select(table)))


@HOW
async def test_a_refused_letter_among_many_has_its_own_lines_and_the_others_none(
    store: Store, clock: HandClock, pipelining: bool
) -> None:
    def judge(letter: bytes) -> bytes:
        bad = "client3@" in str(message_from_bytes(letter)["To"])
        return b"554 5.6.0 not this one\r\n" if bad else b"250 2.0.0 queued\r\n"

    async with OddServer(pipelining=pipelining, judge=judge) as server:
        furnish(store, port=server.port)
        requests(store, 20)
        await dispatch(store, clock)
        content = next(one for one in server.letters if b"client3@" in one)
    cards = deliveries(store)
    (dead,) = [card for card in cards if card.row.state is DeliveryState.DEAD]
    (attempt,) = dead.attempts
    size = len(content.removesuffix(b".\r\n"))
    assert [*attempt.transcript] == [
        ROBOT, "S: 250 2.0.0 ok", "C: RCPT TO:<client3@example.org>", "S: 250 2.0.0 ok", "C: DATA", "S: 354 go",
        f"C: (a letter of {size} bytes)", "S: 554 5.6.0 not this one",
    ]  # fmt: skip
    sent = [card for card in cards if card is not dead]
    assert [[one.transcript for one in card.attempts] for card in sent] == [[()]] * 19
    assert {card.attempts[0].answer for card in sent} == {"250 2.0.0 queued"}


async def test_each_attempt_keeps_its_own(store: Store, clock: HandClock) -> None:
    answers = {"RCPT": [b"450 4.2.0 greylisted\r\n", b"550 5.1.1 nobody\r\n"]}
    async with OddServer(answers) as server:
        furnish(store, port=server.port)
        requests(store, 1)
        await dispatch(store, clock)
        await dispatch(store, clock)
    (card,) = deliveries(store)
    assert [one.transcript[3] for one in card.attempts] == ["S: 450 4.2.0 greylisted", "S: 550 5.1.1 nobody"]
    assert card.connection_failure is None


@pytest.mark.parametrize("mode", ["none", "tls"])
async def test_a_refused_login_is_kept_once_however_often_it_is_tried_and_the_password_nowhere(
    store: Store, clock: HandClock, tmp_path: Path, mode: Any
) -> None:
    with MailServer(tmp_path, mode, "robot", "right") as server:
        furnish(store)
        save_sending(store, SENDING, "test")
        connection = MailConnection(
            "main", "localhost", port=server.port, encryption=Encryption(mode), ca_file=server.ca_file,
            authentication=True, login="robot",
        )  # fmt: skip
        save_connection(store, connection, password=PASSWORD, who="test")
        requests(store, 2)
        for _ in range(4):
            await dispatch(store, clock)
        assert len(server.logins) >= 4
        cards = deliveries(store)
        assert [card.attempts for card in cards] == [(), ()]
        failures = [card.connection_failure for card in cards if card.connection_failure]
        assert failures
        assert max(one.at for one in failures) == clock.now
        for one in failures:
            assert (one.outcome, one.connection, one.code, one.error_class) == (
                "connection_failed", "main", 535, "auth_failed",
            )  # fmt: skip
            assert one.transcript[0] == f"-- localhost:{server.port}"
            assert one.transcript[-2:] == ("C: AUTH PLAIN ***", f"S: {one.answer}")
        with store.read() as reading:
            rows = reading.execute(select(func.count()).select_from(tables.connection_failure)).scalar_one()
        assert rows == len(failures)
        kept = everything(store)
        assert "C: AUTH PLAIN ***" in kept
        for form in (PASSWORD.encode(), f"\0robot\0{PASSWORD}".encode()):
            assert form.decode() not in kept
            assert base64.b64encode(form).decode()[:-4] not in kept
        (right,) = connections(store)
        save_connection(store, replace(right, enabled=True), password="right", who="test")
        await dispatch(store, clock)
    for card in deliveries(store):
        assert [one.outcome for one in card.attempts] == ["sent"]


@HOW
async def test_the_setting_says_of_which_attempts_it_is_kept(store: Store, clock: HandClock, pipelining: bool) -> None:
    def judge(letter: bytes) -> bytes:
        bad = "client1@" in str(message_from_bytes(letter)["To"])
        return b"451 4.3.0 later\r\n" if bad else b"250 2.0.0 queued\r\n"

    async with OddServer(pipelining=pipelining, judge=judge) as server:
        furnish(store, port=server.port)
        save_sending(store, replace(SENDING, transcripts=Transcripts.ALL), "test")
        requests(store, 12)
        await dispatch(store, clock)
        save_sending(store, replace(SENDING, transcripts=Transcripts.NONE), "test")
        await dispatch(store, clock)
    for number, card in enumerate(deliveries(store)):
        lines, *later = [one.transcript for one in card.attempts]
        recipient = [line for line in lines if line.startswith("C: RCPT")]
        assert recipient == [f"C: RCPT TO:<client{number}@example.org>"]
        assert lines[-1] == ("S: 451 4.3.0 later" if number == 1 else "S: 250 2.0.0 queued")
        assert lines[-2].startswith("C: (a letter of ")
        assert later == [()] * (number == 1)


async def test_where_nothing_is_to_be_kept_a_failure_keeps_its_answer(store: Store, clock: HandClock) -> None:
    furnish(store, port=1)
    save_sending(store, replace(SENDING, transcripts=Transcripts.NONE), "test")
    requests(store, 1)
    await dispatch(store, clock)
    (failure,) = [card.connection_failure for card in deliveries(store)]
    assert failure is not None
    assert (failure.error_class, failure.transcript) == ("refused", ())


@HOW
async def test_a_hostile_server_fills_no_store(store: Store, clock: HandClock, pipelining: bool) -> None:
    nasty = b"550-\x1b[2J" + b"\xff" * 300 + b"\r\n" + "550-я\u202e漢\x00\r\n".encode() * 3_000 + b"550 5.1.1 end\r\n"
    async with OddServer({"RCPT": [nasty]}, pipelining) as server:
        furnish(store, port=server.port)
        requests(store, 3)
        await dispatch(store, clock)
    for card in deliveries(store):
        (attempt,) = card.attempts
        assert len("\n".join(attempt.transcript).encode()) <= KEPT_BYTES
        assert "S: 550 5.1.1 end" in attempt.transcript
        assert sum("lines left out" in line for line in attempt.transcript) == 1
        assert all(line.isprintable() for line in attempt.transcript)
