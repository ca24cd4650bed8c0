"""What is counted without counting: the states of deliveries, the queue, letters by the minute; right at any time."""

from contextlib import closing
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, delete, event, func, insert, select, text, update

from store import outbox, rates, tables
from store.cards import Flow
from store.engine import Store
from store.moves import Deed, carry_out
from store.outbox import Settlement
from store.rates import SPANS, Span, count_in, slots_in
from store.status import read_status
from store.vocabulary import DeliveryState
from tests.desk import NOON, HandClock
from tests.store.test_outbox import fill

SENT, HELD, DEAD = DeliveryState.SENT, DeliveryState.HELD, DeliveryState.DEAD
HOUR, SIX_HOURS, DAY = SPANS
_PARTIAL = {"ix_delivery_due", "ix_delivery_held", "ix_delivery_dead", "ix_delivery_cancelled", "ix_event_unplanned"}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def more(connection: Connection, count: int, **values: object) -> None:
    row = {"notification_id": 1, "event_id": 1, "channel": "email", "recipient_name": "О", "recipient_address": "a"}
    row |= {"state": 0, "next_at": NOON, "created_at": NOON, **values}
    connection.execute(insert(tables.delivery), [row] * count)


def _agrees(store: Store) -> bool:
    """Whether the status says what is found by looking at every row."""
    d, found = tables.delivery, read_status(store)
    with store.read() as connection:
        by_state = dict(connection.execute(select(d.c.state, func.count()).group_by(d.c.state)).all())
        events = connection.execute(select(func.count()).select_from(tables.event)).scalar_one()
    wanted = {state.word: by_state.get(state.value, 0) for state in DeliveryState}
    return (found.deliveries, found.events) == (wanted, events)


def test_the_status_is_right_after_every_commit_whoever_wrote(store: Store, clock: HandClock) -> None:
    assert _agrees(store)
    store.write(lambda connection: fill(connection, 12))
    assert _agrees(store)
    ids = [one.id for one in store.write(lambda con: outbox.claim(con, clock(), "me", 6))]
    done = [Settlement(key, state, clock(), 1) for key, state in zip(ids, (SENT, SENT, DEAD, HELD), strict=False)]
    store.write(lambda con: outbox.settle(con, clock(), "me", done))
    assert _agrees(store)
    carry_out(store, Deed.RETRY, ids[2:3], "test")
    carry_out(store, Deed.CANCEL, ids[3:4], "test")
    assert read_status(store).deliveries["cancelled"] == 1
    assert _agrees(store)
    with closing(Store.open(store.url)) as other:  # another process, on PostgreSQL with connections of its own
        other.write(lambda connection: more(connection, 7, state=SENT.value))
        store.write(lambda connection: more(connection, 3, state=5))
        assert _agrees(store)
        assert _agrees(other)
    with store.engine.connect() as connection:  # what is taken back was not
        more(connection, 5)
        connection.rollback()
    with pytest.raises(ZeroDivisionError):
        store.write(lambda connection: (more(connection, 5), 1 // 0))
    assert _agrees(store)
    store.write(lambda con: con.execute(delete(tables.delivery).where(tables.delivery.c.id.in_(ids))))
    assert _agrees(store)
    again = text(
        "INSERT INTO event SELECT 2, 's', key, 'request', 'added', '1', 'RP-1', 't', 0, 0, 0, '{}'"
        " FROM (SELECT 'e' AS key UNION SELECT 'f') AS keys WHERE TRUE ON CONFLICT (source, external_id) DO NOTHING"
    )
    store.write(lambda con: con.execute(again))
    assert read_status(store).events == 2
    store.write(lambda con: con.execute(delete(tables.event)))
    assert _agrees(store), "what goes with an event is not counted either"
    assert sum(read_status(store).deliveries.values()) == 0


def test_the_queue_says_what_is_due_what_waits_and_why_letters_are_held(store: Store, clock: HandClock) -> None:
    store.write(lambda connection: fill(connection, 5))
    store.write(lambda connection: more(connection, 4, next_at=NOON + timedelta(hours=1)))
    store.write(lambda connection: more(connection, 2, state=HELD.value, reason="storm_object"))
    store.write(lambda connection: more(connection, 3, state=HELD.value, reason="silent_mode"))
    store.write(lambda connection: outbox.claim(connection, clock(), "me", 2))
    found = read_status(store)
    assert (found.queue.due, found.queue.later, found.queue.in_hand) == (3, 4, 2)
    assert list(found.queue.held.items()) == [("silent_mode", 3), ("storm_object", 2)]
    assert (found.storm, found.oldest_due_at) == (2, NOON)
    clock.forward(hours=2)
    assert read_status(store).queue.due == 7
    store.write(lambda connection: outbox.claim(connection, clock(), "me", 20))
    assert (read_status(store).queue.due, read_status(store).oldest_due_at) == (0, None)


def test_letters_are_counted_where_it_happens(store: Store, clock: HandClock) -> None:
    store.write(lambda connection: fill(connection, 10))
    ids = [one.id for one in store.write(lambda con: outbox.claim(con, clock(), "me", 6))]
    states = (SENT, SENT, DEAD, DeliveryState.PENDING, HELD)
    done = [Settlement(key, state, clock(), 1) for key, state in zip(ids, states, strict=False)]
    store.write(lambda con: outbox.settle(con, clock(), "me", done))
    assert read_status(store).rates.minute == Flow(), "it is the last whole minute"
    assert read_status(store).rates.hour == Flow(2, 1, 1)
    clock.forward(minutes=1)
    store.write(lambda con: outbox.hold_due(con, clock(), "silent_mode"))
    assert (read_status(store).rates.minute, read_status(store).rates.hour) == (Flow(2, 1, 1), Flow(2, 6, 1))
    clock.forward(minutes=59)
    assert (read_status(store).rates.minute, read_status(store).rates.hour) == (Flow(), Flow(0, 5, 0))


def _slots(store: Store, clock: HandClock, span: Span, zone: str) -> list[tuple[datetime, int]]:
    with store.read() as connection:
        found = slots_in(connection, clock(), ZoneInfo(zone), span)
    assert len(found) == span.minutes // span.step
    return [(slot.at, slot.flow.sent) for slot in found if slot.flow.sent]


def test_steps_begin_when_they_do_where_the_company_is(store: Store, clock: HandClock) -> None:
    for minutes in (0, 1, 59, 60, 89, 23 * 60, 25 * 60):
        at = NOON - timedelta(minutes=minutes)
        store.write(lambda con, at=at, minutes=minutes: count_in(con, at, {SENT: minutes + 1}))
    assert _slots(store, clock, HOUR, "Europe/Moscow") == [
        (NOON - timedelta(minutes=59), 60), (NOON - timedelta(minutes=1), 2), (NOON, 1),
    ]  # fmt: skip
    assert _slots(store, clock, SIX_HOURS, "Europe/Moscow") == [
        (NOON - timedelta(minutes=90), 90), (NOON - timedelta(minutes=60), 60 + 61), (NOON - timedelta(minutes=10), 2),
        (NOON, 1),
    ]  # fmt: skip
    half_past = NOON - timedelta(minutes=30)  # in India it is half past five
    assert _slots(store, clock, DAY, "Asia/Kolkata") == [
        (half_past - timedelta(hours=23), 23 * 60 + 1), (half_past - timedelta(hours=1), 90 + 61 + 60), (half_past, 3),
    ]  # fmt: skip


def test_dispatchers_count_together_and_what_is_old_is_forgotten(store: Store, clock: HandClock) -> None:
    for shard in (0, 1):
        row = {"minute": int(NOON.timestamp()) // 60, "state": SENT.value, "shard": shard, "letters": 5}
        store.write(lambda con, row=row: con.execute(insert(tables.letter_rate), [row]))
    assert read_status(store).rates.hour == Flow(10)
    store.write(lambda con: rates.prune_in(con, NOON + timedelta(hours=24)))
    assert read_status(store).rates.hour == Flow(10)
    store.write(lambda con: rates.prune_in(con, NOON + timedelta(days=3)))
    assert read_status(store).rates.hour == Flow()


def test_what_is_asked_every_second_goes_through_no_table(store: Store) -> None:
    """The plans of SQLite, which tells them in words: no statement of the status reads all deliveries or events."""
    if store.engine.dialect.name != "sqlite":
        pytest.skip("plans of PostgreSQL depend on how much there is; the bench measures them")
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    read_status(store)
    event.remove(store.engine, "before_cursor_execute", note)
    with store.read() as connection:
        plans = [
            row[3]
            for statement, parameters in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            if statement.startswith("SELECT")
        ]
    about = [plan for plan in plans if "delivery" in plan or "event" in plan]
    assert about
    assert [plan for plan in about if "INDEX" not in plan] == []
    assert all(plan.partition("INDEX ")[2].split()[0] in _PARTIAL for plan in about)


def test_held_letters_are_let_go_by_reason(store: Store, clock: HandClock) -> None:
    store.write(lambda connection: fill(connection, 3))
    store.write(lambda con: con.execute(update(tables.delivery).values(state=HELD.value, reason="silent_mode")))
    assert store.write(lambda con: outbox.release(con, clock(), ["silent_mode"])) == 3
    assert read_status(store).queue.held == {}
