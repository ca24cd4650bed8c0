"""The outbox: claims are leases, settlement, hold and release."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, text

from store import journal, outbox, tables
from store.engine import Store
from store.outbox import Settlement
from store.vocabulary import DeliveryState
from tests.desk import NOON, HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(store: Store) -> Store:
    store.write(lambda connection: fill(connection, 10))
    return store


def fill(connection: Connection, count: int) -> None:
    event = {"source": "s", "external_id": "e", "object_type": "request", "event_type": "added", "object_id": "1"}
    event |= {"object_number": "RP-1", "title": "t", "at": NOON, "accepted_at": NOON, "planned_at": NOON, "data": {}}
    connection.execute(insert(tables.event), [{"id": 1, **event}])
    note = {"id": 1, "event_id": 1, "rule_code": "r", "language": "ru", "subject": "Принтер", "text": "t", "html": "h"}
    connection.execute(insert(tables.notification), [note])
    row = {"notification_id": 1, "event_id": 1, "channel": "email", "recipient_name": "О", "state": 0}
    row |= {"next_at": NOON, "created_at": NOON}
    connection.execute(insert(tables.delivery), [{**row, "recipient_address": f"a{i}@b.ru"} for i in range(count)])


def _claim(store: Store, clock: HandClock, owner: str, limit: int = 100) -> list[int]:
    return [c.id for c in store.write(lambda con: outbox.claim(con, clock(), owner, limit))]


def test_two_dispatchers_never_claim_the_same_letter(store: Store, clock: HandClock) -> None:
    one, two = _claim(store, clock, "one", 6), _claim(store, clock, "two", 6)
    assert len(one) == 6
    assert len(two) == 4
    assert not set(one) & set(two)
    assert _claim(store, clock, "three") == []


def test_no_clock_that_jumps_ends_a_lease(store: Store, clock: HandClock) -> None:
    assert len(_claim(store, clock, "alive")) == 10
    clock.forward(days=400)
    assert _claim(store, clock, "other") == []
    assert store.write(lambda con: outbox.hold_due(con, clock(), "silent_mode")) == 0


def test_some_leases_can_be_kept(store: Store, clock: HandClock) -> None:
    first, second, *_ = _claim(store, clock, "me")
    assert store.write(lambda con: outbox.give_back(con, clock(), "me", but={first, second})) == 8
    assert not {first, second} & set(_claim(store, clock, "me"))


def test_leases_are_given_back_on_leaving(store: Store, clock: HandClock) -> None:
    _claim(store, clock, "leaving")
    assert store.write(lambda con: outbox.give_back(con, clock(), "leaving")) == 10
    assert len(_claim(store, clock, "next")) == 10


def test_a_lost_lease_is_overwritten_only_by_sent(store: Store, clock: HandClock) -> None:
    first, second, *_ = _claim(store, clock, "slow")
    store.write(lambda con: outbox.give_back(con, clock(), "slow"))
    _claim(store, clock, "fast")
    done = [
        Settlement(first, DeliveryState.SENT, clock(), 1, "main", 250, "ok"),
        Settlement(second, DeliveryState.DEAD, clock(), 1, "main", 550, "no", "mailbox_unavailable"),
    ]
    store.write(lambda con: outbox.settle(con, clock(), "slow", done))
    states = {row.id: row.state for row in outbox.page(store)}
    assert states[first] is DeliveryState.SENT
    assert states[second] is DeliveryState.SENDING


def test_attempts_are_recorded_with_the_answer(store: Store, clock: HandClock) -> None:
    first, *_ = _claim(store, clock, "me")
    again = clock() + timedelta(minutes=2)
    done = [Settlement(first, DeliveryState.PENDING, again, 1, "main", 450, "4.2.0 greylisted", "greylisted")]
    store.write(lambda con: outbox.settle(con, clock(), "me", done))
    card = journal.delivery(store, first)
    assert card is not None
    assert [(a.code, a.answer, a.outcome) for a in card.attempts] == [(450, "4.2.0 greylisted", "failed")]
    assert card.next_at == again
    assert first not in _claim(store, clock, "me")
    clock.forward(minutes=3)
    assert first in _claim(store, clock, "me")


def test_of_a_connection_that_fails_the_last_time_is_kept_beside_the_attempts(store: Store, clock: HandClock) -> None:
    first, second, *_ = _claim(store, clock, "me")
    for number in range(3):
        clock.forward(minutes=1)
        down = [
            Settlement(
                key, DeliveryState.PENDING, clock(), 0, "main", None, f"refused {number}", "refused", "connection_down",
                counted=False, transcript=f"-- main:25\n-- refused {number}",
            )
            for key in (first, second)
        ]  # fmt: skip
        store.write(lambda con, down=down: outbox.settle(con, clock(), "me", down))
    clock.forward(minutes=1)
    told = "C: RCPT TO:<a0@b.ru>\nS: 550 нет"
    done = [
        Settlement(first, DeliveryState.DEAD, clock(), 1, "main", 550, "550 нет", "mailbox_unknown", transcript=told)
    ]
    done.append(Settlement(second, DeliveryState.PENDING, clock(), 0, reason="", counted=False))
    store.write(lambda con: outbox.settle(con, clock(), "me", done))
    one, two = (journal.delivery(store, key) for key in (first, second))
    assert one is not None
    assert two is not None
    assert [attempt.transcript for attempt in one.attempts] == [tuple(told.splitlines())]
    assert two.attempts == ()
    for card in (one, two):
        failure = card.connection_failure
        assert failure is not None
        assert (failure.outcome, failure.answer, failure.error_class) == ("connection_failed", "refused 2", "refused")
        assert failure.transcript == ("-- main:25", "-- refused 2")
        assert failure.at == NOON + timedelta(minutes=3)


def test_held_letters_leave_when_their_cause_is_gone(store: Store, clock: HandClock) -> None:
    assert store.write(lambda con: outbox.hold_due(con, clock(), "silent_mode")) == 10
    assert _claim(store, clock, "me") == []
    assert store.write(lambda con: outbox.release(con, clock(), ["no_connection"])) == 0
    assert store.write(lambda con: outbox.release(con, clock(), ["silent_mode"])) == 10
    assert len(_claim(store, clock, "me")) == 10


def test_pages_are_filtered_by_text_regardless_of_case(store: Store) -> None:
    assert len(outbox.page(store, text="принтер")) == 10
    assert [row.id for row in outbox.page(store, text="a3@b")] == [4]
    assert [row.id for row in outbox.page(store, text="d4")] == [4]
    assert [row.id for row in outbox.page(store, text="50%")] == []
    assert [row.id for row in outbox.page(store, before_id=3)] == [2, 1]
    assert outbox.page(store, state=DeliveryState.DEAD) == []


def test_the_claim_uses_the_partial_index(store: Store) -> None:
    query = "SELECT id FROM delivery WHERE delivery.state < 2 AND next_at <= 5 ORDER BY next_at LIMIT 9"
    with store.read() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))  # ten rows are sooner scanned
            plan = connection.execute(text(f"EXPLAIN {query}")).all()
        else:
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
    assert "ix_delivery_due" in str(plan)
