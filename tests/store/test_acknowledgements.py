"""Acknowledged deliveries: once, by whoever was first, until it is taken back; on both engines."""

import pytest

from store import audit, feed, journal
from store.acknowledgements import acknowledge, put_back, withdraw
from store.cards import Acknowledgement
from store.engine import Store
from tests.desk import NOON, HandClock
from tests.store.test_outbox import fill


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(store: Store) -> Store:
    store.write(lambda connection: fill(connection, 5))
    return store


def seen(store: Store) -> dict[int, Acknowledgement | None]:
    return {row.id: row.acknowledged for row in feed.latest(store)}


def test_who_was_first_has_acknowledged_it(store: Store, clock: HandClock) -> None:
    before = audit.settings_revision(store)
    assert acknowledge(store, [3, 2, 3, 99], "olga", "звоню\nпровайдеру \x1b[31m") == [2, 3]
    clock.forward(minutes=1)
    assert acknowledge(store, [1, 2], "ivan") == [1]
    first = Acknowledgement("olga", NOON, "звоню провайдеру [31m")
    assert seen(store) == {1: Acknowledgement("ivan", clock.now), 2: first, 3: first, 4: None, 5: None}
    card = journal.delivery(store, 2)
    assert card is not None
    assert card.row.acknowledged == first
    newest, older = audit.page(store, what="deliveries")
    assert (newest.who, newest.after) == ("ivan", {"ids": ["D1"], "note": ""})
    assert (older.who, older.after) == ("olga", {"ids": ["D2", "D3"], "note": first.note})
    assert audit.settings_revision(store) == before, "no dispatcher need read its settings anew"


def test_it_can_be_taken_back_and_made_again(store: Store) -> None:
    acknowledge(store, [1, 2], "olga")
    assert withdraw(store, [2, 3], "ivan") == {2: Acknowledgement("olga", NOON)}
    assert withdraw(store, [2], "ivan") == {}
    assert [key for key, found in seen(store).items() if found] == [1]
    assert audit.page(store, what="deliveries")[0].after == {"ids": ["D2"]}
    assert acknowledge(store, [2], "ivan") == [2]


def test_what_was_withdrawn_is_put_back_as_it_was(store: Store, clock: HandClock) -> None:
    acknowledge(store, [1, 2, 3], "olga", "звоню")
    clock.forward(minutes=1)
    acknowledge(store, [4], "ivan")
    before = seen(store)
    clock.forward(minutes=1)
    gone = withdraw(store, [1, 2, 4, 5], "anna")
    assert gone == {key: before[key] for key in (1, 2, 4)}
    acknowledge(store, [2], "pjotr")
    meanwhile = seen(store)[2]
    steps: list[tuple[int, int]] = []
    assert put_back(store, gone, "anna", lambda done, of: not steps.append((done, of))) == [1, 4]
    assert seen(store) == before | {2: meanwhile}, "whoever took it meanwhile keeps it"
    assert steps[-1] == (3, 3)
    entry = audit.page(store, what="deliveries")[0]
    assert (entry.who, entry.what, entry.after) == ("anna", "deliveries:undo_withdraw", {"ids": ["D1", "D4"]})
    assert put_back(store, gone | {99: Acknowledgement("olga", NOON)}, "anna") == []
    assert audit.page(store, what="deliveries")[0] == entry


def test_many_are_acknowledged_in_portions_and_can_be_stopped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.acknowledgements.PORTION", 1_000)
    store.write(lambda connection: connection.exec_driver_sql(
        "INSERT INTO delivery (notification_id, event_id, channel, recipient_name, recipient_address, state, reason,"
        " attempts, next_at, created_at, connection, answer) SELECT notification_id, event_id, channel, recipient_name,"
        " recipient_address, state, reason, attempts, next_at, created_at, connection, answer FROM delivery,"
        " (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT i FROM n) AS many"
    ))  # fmt: skip
    ids = [row.id for row in feed.latest(store, limit=5_000)]
    assert len(ids) == 2_505
    steps: list[tuple[int, int]] = []

    def stop(done: int, of: int) -> bool:
        steps.append((done, of))
        return done < 2_000

    assert len(acknowledge(store, ids, "olga", progress=stop)) == 2_000
    assert steps == [(0, 2_505), (1_000, 2_505), (2_000, 2_505)]
    assert len(acknowledge(store, ids, "olga")) == 505
