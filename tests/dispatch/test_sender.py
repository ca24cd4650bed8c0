"""The sender, as part of a dispatcher, against real servers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dispatch import mailing
from dispatch.circuit import FIRST_PAUSE_S
from dispatch.daemon import Summary, run
from dispatch.intake import emit
from store import journal, tables
from store.cards import MailConnection, SilentMode
from store.engine import Store
from store.outbox import page
from store.settings import connections, save_connection, save_sending, save_silent_mode
from store.status import read_status
from store.vocabulary import Channel, DeliveryState, Encryption, SilentState
from tests.desk import SENDING, HandClock, event, furnish, lines, open_store, raise_limits
from tests.mail_server import MailServer
from tests.odd_server import GOODBYE, OddServer

CLOSED = 1
"""A port nobody listens on."""


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    store = open_store(tmp_path, clock)
    raise_limits(store)
    yield store
    store.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path) as server:
        yield server


def requests(store: Store, count: int = 1, first: int = 0) -> None:
    """Each makes one letter, to the client."""
    emit(store, lines(*(event(number=first + n, responsible=None, team=None) for n in range(count))))


def card(name: str, port: int, priority: int = 1) -> MailConnection:
    return MailConnection(name, "127.0.0.1", port=port, encryption=Encryption.NONE, priority=priority)


async def dispatch(store: Store) -> Summary:
    return await run(store, until_idle=True)


@asynccontextmanager
async def dispatching(store: Store) -> AsyncGenerator[None]:
    stop = asyncio.Event()
    task = asyncio.ensure_future(run(store, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - the store says nothing of itself
            await asyncio.sleep(0.02)


def letters(store: Store) -> list[Any]:
    with store.read() as connection:
        d = tables.delivery
        return list(connection.execute(select(d).where(d.c.channel == Channel.EMAIL.value).order_by(d.c.id)).all())


def states(store: Store) -> set[DeliveryState]:
    return {DeliveryState(row.state) for row in letters(store)}


async def test_a_letter_refused_for_now_goes_after_the_pause(
    store: Store, clock: HandClock, server: MailServer
) -> None:
    furnish(store, port=server.port)
    server.answers = ["451 4.3.0 later"]
    requests(store)
    assert (await dispatch(store)).failed == 1
    (row,) = letters(store)
    assert timedelta(seconds=1) <= row.next_at - clock.now <= timedelta(seconds=1.2)
    assert (await dispatch(store)).sent == 0
    clock.forward(seconds=2)
    assert (await dispatch(store)).sent == 1
    opened = journal.delivery(store, row.id)
    assert opened is not None
    assert [(one.outcome, one.code) for one in opened.attempts] == [("failed", 451), ("sent", 250)]
    assert server.letters[0].message["Message-ID"] == opened.message_id


async def test_pauses_grow_and_end_in_dead_with_the_class(store: Store, clock: HandClock, server: MailServer) -> None:
    furnish(store, port=server.port)
    save_sending(store, replace(SENDING, max_attempts=3, pause_s=100), "test")
    server.answers = ["450 4.2.0 greylisted"] * 3
    requests(store)
    pauses: list[float] = []
    for _ in range(3):
        await dispatch(store)
        (row,) = letters(store)
        pauses.append((row.next_at - clock.now).total_seconds())
        clock.forward(hours=1)
    (row,) = letters(store)
    assert 100 <= pauses[0] <= 120
    assert 200 <= pauses[1] <= 240
    assert (row.state, row.reason, row.attempts) == (DeliveryState.DEAD.value, "greylisted", 3)
    assert server.letters == []


async def test_a_refused_connection_uses_no_attempts_and_the_next_takes_over(store: Store, server: MailServer) -> None:
    furnish(store, port=CLOSED)
    save_connection(store, card("second", server.port, priority=2), who="test")
    requests(store, 20)
    assert (await dispatch(store)).sent == 20
    assert {(row.attempts, row.connection) for row in letters(store)} == {(1, "second")}
    health = {one.connection: (one.circuit, one.error_class) for one in read_status(store).health}
    assert health["main"] == ("open", "refused")
    assert len({letter.message["Message-ID"] for letter in server.letters}) == 20


async def test_a_connection_that_is_well_again_takes_its_place_back(
    store: Store, clock: HandClock, server: MailServer
) -> None:
    furnish(store)
    save_sending(store, SENDING, "test")
    async with OddServer(
        {"": [b"421 4.3.2 not now\r\n" + GOODBYE, b"421 no\r\n" + GOODBYE, b"220 hello\r\n"]}
    ) as first:
        save_connection(store, card("first", first.port), who="test")
        save_connection(store, card("second", server.port, priority=2), who="test")
        requests(store)
        async with dispatching(store):
            await until(lambda: states(store) == {DeliveryState.SENT})
            assert len(server.letters) == 1
            first.answers[""] = [b"220 hello\r\n"]
            clock.forward(seconds=FIRST_PAUSE_S + 1)
            emit(store, lines(event(number=7, responsible=None, team=None)))
            await until(lambda: len(letters(store)) == 2 and states(store) == {DeliveryState.SENT})
    assert letters(store)[1].connection == "first"


async def test_a_mended_connection_is_used_at_once(store: Store, server: MailServer) -> None:
    furnish(store, port=CLOSED)
    requests(store, 5)
    async with dispatching(store):
        await until(lambda: {row.reason for row in letters(store)} == {"connection_down"})
        (broken,) = connections(store)
        save_connection(store, replace(broken, port=server.port), who="test")
        await until(lambda: states(store) == {DeliveryState.SENT})
    assert {row.attempts for row in letters(store)} == {1}


async def test_one_letter_at_a_time_tries_a_connection_that_is_down(store: Store, clock: HandClock) -> None:
    async with OddServer({"": [GOODBYE]}) as server:
        furnish(store, port=server.port)
        requests(store, 30)
        async with dispatching(store):
            for _ in range(3):
                await until(lambda: {row.reason for row in letters(store)} == {"connection_down"})
                await until(lambda: {row.state for row in letters(store)} == {0})
                before = server.connections
                clock.forward(hours=1)
                await until(lambda before=before: server.connections > before)
                await until(lambda: all(row.next_at > clock.now or row.state == 0 for row in letters(store)))
                await until(lambda: read_status(store).health[0].circuit == "open")
                assert server.connections == before + 1


async def test_letters_wait_no_longer_than_the_trial_takes(store: Store, clock: HandClock, server: MailServer) -> None:
    async with OddServer({"": [GOODBYE]}) as first:
        furnish(store, port=first.port)
        requests(store, 30)
        async with dispatching(store):
            await until(lambda: {row.reason for row in letters(store)} == {"connection_down"})
            first.answers[""] = [b"220 hello\r\n"]
            clock.forward(seconds=FIRST_PAUSE_S)
            await until(lambda: states(store) == {DeliveryState.SENT})
    assert len(first.letters) == 30


async def test_a_letter_that_breaks_every_connection_dies(store: Store, clock: HandClock) -> None:
    async with OddServer({".": [GOODBYE]}) as server:
        furnish(store, port=server.port)
        save_sending(store, replace(SENDING, max_attempts=2), "test")
        requests(store)
        for attempt in (1, 2):
            await dispatch(store)
            (row,) = letters(store)
            assert (row.attempts, row.reason) == (attempt, "lost")
            clock.forward(hours=1)
        assert row.state == DeliveryState.DEAD.value
        assert len(server.letters) == 2


async def test_silent_mode_lets_the_exceptions_through(store: Store, server: MailServer) -> None:
    furnish(store, port=server.port)
    save_silent_mode(store, SilentMode(SilentState.EXCEPTIONS, ("olga@example.org",)), "test")
    emit(store, lines(event()))
    summary = await dispatch(store)
    assert (summary.sent, summary.held) == (1, 1)
    assert [letter.rcpt_to for letter in server.letters] == ["olga@example.org"]
    (held,) = page(store, state=DeliveryState.HELD)
    assert (held.recipient_address, held.reason) == ("ivanov@example.org", "silent_mode")
    save_silent_mode(store, SilentMode(), "test")
    assert (await dispatch(store)).sent == 1


async def test_silent_mode_stops_letters_that_are_in_hand(store: Store, server: MailServer) -> None:
    furnish(store, port=server.port)
    server.delay_s = 0.3
    requests(store, 100)
    async with dispatching(store):
        await until(lambda: server.letters)
        save_silent_mode(store, SilentMode(SilentState.ON), "test")
        await until(lambda: states(store) == {DeliveryState.SENT, DeliveryState.HELD})
    assert len(server.letters) < 50
    assert len(server.letters) == sum(row.state == DeliveryState.SENT for row in letters(store))


async def test_letters_are_held_until_the_sending_parameters_are_complete(store: Store, server: MailServer) -> None:
    furnish(store, port=server.port)
    save_sending(store, replace(SENDING, sender_name=""), "test")
    requests(store, 3)
    async with dispatching(store):
        await until(lambda: {row.reason for row in letters(store)} == {"sending_parameters"})
        save_sending(store, SENDING, "test")
        await until(lambda: states(store) == {DeliveryState.SENT})
    assert len(server.letters) == 3


async def test_a_letter_that_cannot_be_made_does_not_stop_the_others(
    store: Store, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(store, port=server.port)
    requests(store, 3)
    made = mailing.Mailing.envelope

    def envelope(self: mailing.Mailing, letter: Any) -> Any:
        if letter.id == letters(store)[1].id:
            raise LookupError("no such thing")
        return made(self, letter)

    monkeypatch.setattr(mailing.Mailing, "envelope", envelope)
    assert (await dispatch(store)).sent == 2
    assert letters(store)[1].reason == "internal"


async def test_batches_keep_to_their_interval(store: Store, clock: HandClock, server: MailServer) -> None:
    furnish(store, port=server.port)
    save_sending(store, replace(SENDING, batch_size=4, batch_interval_s=60), "test")
    requests(store, 10)
    async with dispatching(store):
        for sent in (4, 8, 10):
            await until(lambda sent=sent: sum(row.state == DeliveryState.SENT for row in letters(store)) == sent)
            assert len(server.letters) == sent
            clock.forward(seconds=61)


async def test_a_fault_of_the_dispatcher_itself_ends_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(store, port=CLOSED)

    def broken(*_: object) -> Awaitable[None]:
        raise LookupError("a mistake of ours")

    monkeypatch.setattr("dispatch.sender.Sender._room", broken)
    with pytest.raises(ExceptionGroup):
        async with asyncio.timeout(10):
            await dispatch(store)


async def test_an_escalation_overtakes_the_letters_in_hand(store: Store, server: MailServer) -> None:
    furnish(store, port=server.port)
    server.delay_s = 0.04
    requests(store, 120)
    async with dispatching(store):
        await until(lambda: len(server.letters) > 8)
        late = event("request.deadline", 500)
        late["data"]["deadline"] = {
            "kind": "resolution", "due": late["time"], "threshold": "request:resolution:at_due:0"
        }  # fmt: skip
        emit(store, lines(late))
        before = len(server.letters)
        await until(lambda: any("RP-500" in str(one.message["Subject"]) for one in server.letters))
        after = len(server.letters)
        await until(lambda: len(server.letters) >= 122)
    assert after - before < 80  # of the others, 110 were still to go


async def test_a_mailbox_that_hangs_holds_up_nobody_else(store: Store, server: MailServer) -> None:
    furnish(store, port=server.port)
    server.slow = {"olga@example.org": 1.0}
    requests(store, 3)
    others = (event(number=number, responsible=None, team=None, client="john@example.org") for number in range(3, 60))
    emit(store, lines(*others))
    await dispatch(store)
    order = [one.rcpt_to for one in server.letters]
    assert order.count("olga@example.org") == 3
    assert set(order[:-3]) == {"john@example.org"}
