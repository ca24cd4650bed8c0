"""A clock that jumps, by a day forward and by hours back, while letters are in hand, wait to go again, or lie ahead."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from dispatch import daemon
from dispatch.circuit import FIRST_PAUSE_S
from dispatch.intake import emit
from dispatch.jumps import Jumps
from dispatch.limits import Limits
from dispatch.planner import Planner
from store import tables
from store.clock_jumps import put_back_in
from store.engine import Store
from store.limits import Learned
from store.settings import connections, save_connection, save_sending
from store.storms import gather
from store.types import to_micros
from store.vocabulary import DeliveryState
from tests.desk import NOON, SENDING, HandClock, event, furnish, lines, open_store, raise_limits
from tests.dispatch.test_sender import CLOSED, card, dispatching, requests
from tests.mail_server import MailServer
from tests.store.test_outbox import fill

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def desk(tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(daemon, "JUMPS_S", 0.01)
    store = open_store(tmp_path, clock)
    raise_limits(store)
    yield store
    store.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path) as server:
        yield server


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody here
            await asyncio.sleep(0.01)


def rows(store: Store) -> list[Any]:
    d = tables.delivery
    with store.read() as connection:
        return list(connection.execute(select(d).where(d.c.channel == "email").order_by(d.c.id)))


def waits_s(store: Store) -> list[float]:
    """Seconds until each letter is due."""
    return [(row.next_at - store.clock()).total_seconds() for row in rows(store)]


async def test_letters_in_hand_go_once_however_the_clock_jumps(
    desk: Store, clock: HandClock, server: MailServer
) -> None:
    furnish(desk, port=server.port)
    server.delay_s = 0.05
    requests(desk, 30)
    async with dispatching(desk):
        for place, jump in enumerate((timedelta(days=1), -HOUR, timedelta(days=400), -timedelta(days=2)), 1):
            await until(lambda place=place: len(server.letters) >= 5 * place)
            clock.now += jump
            requests(desk, 1, first=100 + place)
        await until(lambda: {row.state for row in rows(desk)} == {DeliveryState.SENT.value})
    arrived = Counter(str(letter.message["Message-ID"]) for letter in server.letters)
    assert len(arrived) == 34
    assert set(arrived.values()) == {1}


async def test_a_letter_that_waits_to_go_again_waits_no_longer_when_the_clock_is_put_back(
    desk: Store, clock: HandClock, server: MailServer
) -> None:
    furnish(desk, port=server.port)
    save_sending(desk, replace(SENDING, pause_s=120), "test")
    server.answers = ["450 4.2.0 later"]
    requests(desk)
    async with dispatching(desk):
        await until(lambda: rows(desk) and rows(desk)[0].attempts == 1)
        (wait,) = waits_s(desk)
        assert 60 <= wait <= 240
        clock.now -= HOUR
        await until(lambda: wait - 1 <= waits_s(desk)[0] <= wait)
        clock.forward(seconds=wait)
        await until(lambda: len(server.letters) == 1)


async def test_a_connection_that_is_down_is_tried_in_time_when_the_clock_is_put_back(
    desk: Store, clock: HandClock, server: MailServer
) -> None:
    furnish(desk, port=CLOSED)
    requests(desk)
    async with dispatching(desk):
        await until(lambda: rows(desk) and rows(desk)[0].reason == "connection_down")
        clock.now -= HOUR
        await until(lambda: max(waits_s(desk)) <= FIRST_PAUSE_S)
        save_connection(desk, card("other", server.port, priority=2), who="test")
        (first,) = [one for one in connections(desk) if one.name == "main"]
        assert first.port == CLOSED
        clock.forward(seconds=FIRST_PAUSE_S)
        await until(lambda: len(server.letters) == 1)


async def test_what_was_made_before_the_clock_was_put_back_goes_though_nobody_was_there(
    desk: Store, clock: HandClock, server: MailServer
) -> None:
    furnish(desk, port=server.port)
    requests(desk, 3)
    Planner(desk).plan_now()
    clock.now -= HOUR
    async with dispatching(desk):
        await until(lambda: len(server.letters) == 3)


def test_what_is_due_by_the_clock_stays_and_what_waits_for_a_while_moves(store: Store, clock: HandClock) -> None:
    d, s, line = tables.delivery, tables.storm, tables.deadline
    store.write(lambda connection: fill(connection, 3))
    emit(store, lines(event(deadlines={"resolution": {"started": NOON.isoformat(), "due": NOON.isoformat()}})))

    def set_up(connection: Any) -> None:
        for key, reason, minutes in ((1, "", 10), (2, "working_hours", 600), (3, "", -5)):
            moment = NOON + timedelta(minutes=minutes)
            connection.execute(update(d).where(d.c.id == key).values(reason=reason, next_at=moment))
        gather(connection, NOON + timedelta(minutes=10), {"olga@example.org"})
        connection.execute(update(line).values(next_at=to_micros(NOON)))

    store.write(set_up)
    clock.now -= HOUR
    by = HOUR + timedelta(seconds=1)
    assert store.write(lambda connection: put_back_in(connection, clock(), by, "host"))
    assert not store.write(lambda connection: put_back_in(connection, clock(), by, "host")), "another one did"
    with store.read() as connection:
        due = {row.id: row.next_at - clock() for row in connection.execute(select(d.c.id, d.c.next_at))}
        digest = connection.execute(select(s.c.until)).scalar_one() - clock()
        looked_at = connection.execute(select(line.c.next_at)).scalar_one()
    assert due == {1: timedelta(minutes=10, seconds=-1), 2: timedelta(hours=11), 3: timedelta()}
    assert digest == timedelta(minutes=10, seconds=-1)
    assert looked_at == to_micros(clock())


def test_only_going_back_is_a_jump_back() -> None:
    clock, seconds = HandClock(), iter([0.0, 1.0, 2.0, 3.0, 4.0])
    jumps = Jumps(clock, lambda: next(seconds))
    clock.forward(days=1)
    assert jumps.back() is None
    clock.forward(seconds=-1)
    assert jumps.back() is None, "so much is nothing"
    clock.forward(hours=-1)
    assert jumps.back() == HOUR + timedelta(seconds=1)
    assert jumps.back() is None


def test_what_was_learned_of_a_server_fades_when_the_clock_is_put_back() -> None:
    limits = Limits(Learned(rate_limit=60, rate_limit_at=NOON), NOON)
    limits.put_back(NOON - HOUR)
    assert limits.per_minute == 60
    limits.refresh(NOON)
    assert limits.per_minute is None
    assert limits.learned.rate_limit_at == NOON - HOUR
