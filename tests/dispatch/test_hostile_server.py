"""Every hostility of the table, against the dispatcher: no letter is lost, doubled, or dead without cause."""

import gc
import ssl
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import select

from dispatch.channels.smtp import SmtpSession
from dispatch.daemon import run
from dispatch.intake import emit
from store import journal, tables
from store.cards import MailConnection, Person
from store.directory import save_people
from store.engine import Store
from store.settings import save_connection, save_sending
from store.status import read_status
from store.vocabulary import Channel, DeliveryState, Encryption
from tests.desk import PEOPLE, SENDING, HandClock, event, furnish, lines, open_store
from tests.dispatch.hostilities import Hostility, table
from tests.odd_server import GOODBYE, OddServer

LETTERS = 6
ROUNDS = 2
"""How often each waiting letter is tried before the server recovers; fewer than the attempts a letter has."""
MOST_ROUNDS = 10
PASSWORD = "password-canary"
NOTHING = b".\r\n"
"""The empty letter a server gets that asks for one after it refused the recipient."""


@dataclass(frozen=True)
class Authority:
    """Who vouches for the server, and its certificate."""

    ca_file: str
    context: ssl.SSLContext


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    return Authority(str(file), context)


@pytest.fixture(autouse=True)
def lost_by_the_loop() -> Iterator[None]:
    """Collect what Python 3.11 loses: a connection made in the very moment in which the wait for it times out.

    `asyncio.wait_for` then drops it unclosed. With the short patience of these tests that happens, and the warning
    would fall upon whichever test the collector happens to run in.
    """
    gc.collect()
    gc.freeze()  # what is there before the test need not be looked at again
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    store = open_store(tmp_path, clock)
    furnish(store)
    save_sending(store, SENDING, "test")
    yield store
    store.close()


def letters(store: Store) -> list[Any]:
    with store.read() as connection:
        d = tables.delivery
        return list(connection.execute(select(d).where(d.c.channel == Channel.EMAIL.value).order_by(d.c.id)).all())


async def dispatch(store: Store, clock: HandClock) -> None:
    """A round: everything that waits is due."""
    clock.forward(hours=1)
    await run(store, until_idle=True)


async def dispatch_all(store: Store, clock: HandClock) -> None:
    """Rounds until nothing waits."""
    for _ in range(MOST_ROUNDS):
        await dispatch(store, clock)
        if all(DeliveryState(one.state) is not DeliveryState.PENDING for one in letters(store)):
            return


def requests(store: Store) -> None:
    """Each makes one letter, to the client."""
    emit(store, lines(*(event(number=number, responsible=None, team=None) for number in range(LETTERS))))


def connect(store: Store, server: OddServer, row: Hostility, ca_file: str) -> None:
    card = MailConnection(
        "odd", "localhost", port=server.port, encryption=Encryption.TLS if row.mode == "tls" else Encryption.NONE,
        authentication=row.mode != "clear", login="robot", ca_file=ca_file if row.mode == "tls" else "",
    )  # fmt: skip
    save_connection(store, card, password=PASSWORD, who="test")


@pytest.mark.no_cover  # it goes, a hundred times, where others have been
@pytest.mark.parametrize("row", [*table()], ids=str)
async def test_every_letter_is_sent_once_or_waits_or_is_dead_with_its_reason(
    row: Hostility, store: Store, clock: HandClock, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody has a setting for it, and nobody needs one.
    monkeypatch.setattr(SmtpSession.__init__, "__kwdefaults__", {"tokens": None, "timeout_s": row.patience_s})
    requests(store)
    starttls = authority.context if row.mode == "tls" else None
    fields: dict[str, Any] = {"starttls": starttls, "offers": (b"AUTH PLAIN LOGIN",) * (row.mode != "clear")}
    answers = {verb: list(told) for verb, told in row.answers.items()}
    async with OddServer(answers, **fields | row.server) as server:
        connect(store, server, row, authority.ca_file)
        for _ in range(ROUNDS):
            await dispatch(store, clock)
        check_while_hostile(row, store, server)
        unheard = len(server.accepted) if row.ends == "doubt" else 0
        server.recover()
        server.starttls = starttls
        await dispatch_all(store, clock)
        check_after_recovery(row, store, server, unheard)


def check_while_hostile(row: Hostility, store: Store, server: OddServer) -> None:
    rows = letters(store)
    states = {DeliveryState(one.state) for one in rows}
    attempts = [one.attempts for one in rows]
    if row.ends == "waits":
        assert states == {DeliveryState.PENDING}
        assert ({one.reason for one in rows}, sum(attempts)) == ({"connection_down"}, 0)
        (health,) = read_status(store).health
        assert (health.circuit, health.error_class) == ("open", row.says)
        assert health.last_error
    elif row.ends == "dead":
        assert (states, {one.reason for one in rows}, {*attempts}) == ({DeliveryState.DEAD}, {row.says}, {1})
        assert all(one.answer for one in rows)
    elif row.ends == "retries":
        assert (states, {one.reason for one in rows}) == ({DeliveryState.PENDING}, {row.says})
        assert {*attempts} == {ROUNDS}
        assert all(one.answer for one in rows)
    elif row.ends == "doubt":
        assert states == {DeliveryState.PENDING}
        assert {one.reason for one in rows if one.attempts} == {row.says}
        begun = server.log.count("DATA") if "letter" in row.answers else len(server.letters)
        assert sum(attempts) == begun, "only a letter that was on its way has used an attempt"
    elif row.ends == "limited":
        assert states <= {DeliveryState.PENDING, DeliveryState.SENT}
        assert max(attempts) <= ROUNDS
    else:
        assert states == {DeliveryState.SENT}
        assert {*attempts} == {2 if row.ends == "retries once" else 1}
    if row.mode == "tls" and row.ends != "sent":
        assert not any(line.startswith(("AUTH", "MAIL")) for line in server.log), "told in clear"


def check_after_recovery(row: Hostility, store: Store, server: OddServer, unheard: int) -> None:
    """`unheard`: so many letters were accepted without our hearing of it; they go again, under their Message-ID."""
    rows = letters(store)
    assert {DeliveryState(one.state) for one in rows} == {
        DeliveryState.DEAD if row.ends == "dead" else DeliveryState.SENT
    }
    copies = Counter(message_from_bytes(letter)["Message-ID"] for letter in server.accepted if letter != NOTHING)
    if row.ends == "dead":
        assert not copies
        return
    assert {*copies} == {opened.message_id for one in rows if (opened := journal.delivery(store, one.id))}
    if row.ends == "doubt":
        assert copies.total() == len(rows) + unheard
    else:
        assert {*copies.values()} == {1}


async def test_a_letter_that_breaks_every_connection_does_not_stop_the_others(store: Store, clock: HandClock) -> None:
    requests(store)
    poison: list[str] = []

    def judge(letter: bytes) -> bytes:
        found = message_from_bytes(letter)["Message-ID"]
        poison.append(found)
        return GOODBYE if found == poison[0] else b"250 ok\r\n"

    async with OddServer(judge=judge) as server:
        connect(store, server, Hostility("poison", "doubt"), "")
        await dispatch_all(store, clock)
    rows = letters(store)
    (poisoned,) = [one for one in rows if one.state == DeliveryState.DEAD.value]
    rows.remove(poisoned)
    assert (poisoned.reason, poisoned.attempts) == ("lost", SENDING.max_attempts)
    assert poison.count(poison[0]) == SENDING.max_attempts
    assert {(one.state, one.attempts) for one in rows} == {(DeliveryState.SENT.value, 1)}
    assert len(server.accepted) == LETTERS - 1


async def test_an_address_beyond_ascii_stops_nobody_else(store: Store, clock: HandClock) -> None:
    client = {"email": "ольга@example.org", "name": "Ольга"}
    save_people(store, (*PEOPLE, Person(client["email"], client["name"])), "test")
    requests(store)
    emit(store, lines(event(number=LETTERS, responsible=None, team=None, client=client)))
    async with OddServer() as server:
        connect(store, server, Hostility("no SMTPUTF8", "dead"), "")
        await dispatch(store, clock)
    *others, last = letters(store)
    assert {DeliveryState(one.state) for one in others} == {DeliveryState.SENT}
    assert (last.state, last.reason, last.attempts) == (DeliveryState.DEAD.value, "no_smtputf8", 1)
