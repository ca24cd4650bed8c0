"""The clock: thresholds become events, once each."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dispatch.intake import emit
from dispatch.ticks import CATCH_UP, forget, tick
from store import tables
from store.engine import Store
from store.rulebook import list_rules, set_enabled
from store.vocabulary import RuleKind
from tests.desk import NOON, HandClock, event, furnish, lines, open_store

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Store:
    store = open_store(tmp_path, clock)
    furnish(store)
    tick(store)
    return store


def request(store: Store, *, number: int = 1, key: str = "", **fields: Any) -> None:
    """A request with four hours for its resolution: a quarter is left after three, they end after four."""
    fields.setdefault("deadlines", {"resolution": {"started": NOON.isoformat(), "due": (NOON + 4 * HOUR).isoformat()}})
    emit(store, lines(event(number=number, key=key, **fields)))


def fired(store: Store) -> list[tuple[str, str]]:
    e = tables.event
    with store.read() as connection:
        rows = connection.execute(select(e).where(e.c.source == "vestnik.clock").order_by(e.c.id)).all()
    return [(row.object_number, row.data["deadline"]["threshold"].partition(":")[2]) for row in rows]


def test_a_threshold_fires_when_it_is_reached_and_once(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=2, minutes=59)
    assert tick(store) == 0
    clock.forward(minutes=1)
    assert tick(store) == 1
    assert tick(store) == 0
    clock.forward(hours=1)
    assert tick(store) == 1
    assert fired(store) == [("RP-1", "resolution:percent_left:25"), ("RP-1", "resolution:at_due:0")]


def test_after_downtime_what_was_missed_fires(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(days=2)
    assert tick(store) == 2


def test_what_is_older_than_the_catch_up_is_passed_over(store: Store, clock: HandClock) -> None:
    request(store)
    clock.now = NOON + 4 * HOUR + CATCH_UP
    assert tick(store) == 0


def test_a_moved_deadline_fires_anew(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=5)
    assert tick(store) == 2
    later = {"resolution": {"started": NOON.isoformat(), "due": (NOON + 8 * HOUR).isoformat()}}
    request(store, key="moved", deadlines=later)
    clock.forward(hours=1)
    assert tick(store) == 1
    assert fired(store)[-1] == ("RP-1", "resolution:percent_left:25")


@pytest.mark.parametrize("status", ["resolved", "deferred"])
def test_a_request_that_does_not_run_fires_nothing(store: Store, clock: HandClock, status: str) -> None:
    request(store)
    request(store, key="stopped", status=status)
    clock.forward(hours=5)
    assert tick(store) == 0


def test_what_passes_while_a_rule_is_off_is_passed_over(store: Store, clock: HandClock) -> None:
    codes = [rule.code for rule in list_rules(store, RuleKind.ESCALATION)]
    request(store)
    set_enabled(store, codes, False, "test")
    tick(store)
    clock.forward(hours=5)
    set_enabled(store, codes, True, "test")
    assert tick(store) == 0
    request(store, number=2, deadlines={"resolution": {"due": (clock.now + HOUR).isoformat()}})
    clock.forward(hours=2)
    tick(store)
    assert {number for number, _ in fired(store)} == {"RP-2"}


def test_a_clock_that_looks_again_at_the_same_time_fires_nothing_twice(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=5)
    before = clock.now - 5 * HOUR
    assert tick(store) == 2
    # As a second clock would see it, which began its look before the first one ended.
    store.write(lambda connection: connection.execute(tables.watermark.update().values(at=before)))
    assert tick(store) == 0


def test_the_ledger_forgets_what_is_long_past(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=5)
    tick(store)
    store.write(lambda connection: forget(connection, clock.now + HOUR))
    with store.read() as connection:
        assert connection.execute(select(tables.fired_threshold)).all() == []
