"""The steps of the housekeeping: short, one after the other by one at a time, and gone on with where one is killed."""

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import func, insert, select

from store import audit, housekeeping, tables
from store.engine import Store
from store.housekeeping import LEASE, WHAT, Housekeeping, NotAloneError, state_in
from store.vocabulary import DeliveryState
from tests.desk import NOON, HandClock
from tests.store.kept_house import consistent, days_ago, events, go_on, index, keep, keep_house
from tests.store.letters import Letter, write

SENT = DeliveryState.SENT


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a step of a few milliseconds would be ten events, whatever is asked."""
    monkeypatch.setattr(housekeeping, "HOLD_S", 1.0)


def test_a_killed_run_is_gone_on_with_and_told_of_once(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "MOST", 2)
    monkeypatch.setattr(housekeeping, "FIRST", 2)
    monkeypatch.setattr(housekeeping, "LEAST", 2)
    store.write(lambda con: write(con, [Letter(at=days_ago(90)) for _ in range(9)]))
    index(store)
    keep(store, events_days=30)
    killed = Housekeeping(store, "killed")
    for _ in range(3):
        assert killed.step()
    left = len(events(store))
    assert 1 < left < 9
    consistent(store)
    with pytest.raises(NotAloneError, match="killed is at it"):
        Housekeeping(store, "me").step()
    clock.now += LEASE + timedelta(seconds=1)
    assert keep_house(store).result.events == 8
    with pytest.raises(NotAloneError):
        go_on(killed)
    consistent(store)
    (told,) = audit.page(store, what=WHAT)
    assert (told.who, told.after) == ("vestnik", {"events": 8, "deliveries": 8})
    with store.read() as connection:
        state = state_in(connection, clock.now)
    assert (state.holder, state.run) == ("", None)
    assert state.last is not None
    assert (state.last.started, state.last.ended, state.last.events) == (NOON, clock.now, 8)
    keep_house(store)
    assert len(audit.page(store, what=WHAT)) == 1, "a run that removed nothing is not told of"


def test_what_gave_up_is_gone_on_with_at_once(store: Store) -> None:
    stopped = Housekeeping(store, "stopped")
    stopped.step()
    store.write(stopped.give_up_in)
    keep_house(store)
    with pytest.raises(NotAloneError):
        go_on(stopped)


def test_who_looks_long_and_finds_nothing_is_not_taken_for_dead(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "STRETCH", 1)
    monkeypatch.setattr(housekeeping, "RENEW_S", -1)
    store.write(lambda con: write(con, [Letter(state=DeliveryState.HELD, at=days_ago(90)) for _ in range(6)]))
    keep(store, events_days=30)
    slow = Housekeeping(store, "slow")
    slow.step()
    for _ in range(4):
        clock.now += LEASE * 0.9
        assert slow.step()
        with pytest.raises(NotAloneError):
            Housekeeping(store, "me").step()
    assert go_on(slow).result.idle


def test_a_step_is_as_long_as_it_may_be(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(lambda con: write(con, [Letter(at=days_ago(90)) for _ in range(60)]))
    keep(store, events_days=30)
    work, left = Housekeeping(store, "me"), [60]
    while work.step():
        if len(left) == 2:
            monkeypatch.setattr(housekeeping, "HOLD_S", 0)
        if (now := len(events(store))) != left[-1]:
            left.append(now)
    removed = [before - after for before, after in pairwise(left)]
    assert removed == [10, 20, 10, 10, 9], "twice as many while it is quick, ten where it is slow"


def test_of_an_event_told_to_many_the_letters_go_some_at_a_time(store: Store) -> None:
    d, letters = tables.delivery, 35
    old = days_ago(90)
    store.write(lambda con: write(con, [Letter(at=old)] * 2))
    row = {"event_id": 1, "notification_id": 1, "channel": "email", "recipient_name": "", "state": SENT.value}
    times = {"next_at": old, "created_at": old, "sent_at": old}
    more = [{**row, **times, "id": n, "recipient_address": f"p{n}@example.org"} for n in range(10, 10 + letters - 1)]
    store.write(lambda con: con.execute(insert(d), more).rowcount)
    store.write(lambda con: write(con, [Letter()], 100))
    index(store)
    keep(store, events_days=30)
    work, left = Housekeeping(store, "me"), [letters]
    while work.step():
        consistent(store)
        with store.read() as connection:
            count = select(func.count()).select_from(d).where(d.c.event_id == 1)
            left.append(connection.execute(count).scalar_one())
    assert max(before - after for before, after in pairwise(left)) == 20
    assert left[-1] == 0
    assert (work.result.events, work.result.deliveries) == (2, letters + 1)
    assert events(store) == [100]
