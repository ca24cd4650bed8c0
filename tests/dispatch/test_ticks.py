"""The clock: thresholds become events, once each."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from dispatch.intake import emit
from dispatch.ticks import FORGET_AFTER, Clock, _look, forget, tick
from dispatch.watched import Watched
from store import tables
from store.cards import StatusRules
from store.deadlines import acknowledge, withdraw
from store.engine import Store
from store.rulebook import list_rules, save_rule, set_enabled
from store.rules import Repeat, Rule, Threshold
from store.settings import deadline_settings_in, save_deadline_settings
from store.vocabulary import CatchUp, DeadlineKind, PauseMoves, RuleKind
from tests.desk import NOON, HandClock, event, furnish, lines

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(store_url: str, clock: HandClock) -> Iterator[Store]:
    store = Store.open(store_url, clock=clock)
    furnish(store)
    tick(store)
    yield store
    store.close()


def request(store: Store, *, number: int = 1, key: str = "", time: datetime = NOON, **fields: Any) -> None:
    """A request with four hours for its resolution: a quarter is left after three, they end after four."""
    fields.setdefault("deadlines", {"resolution": {"started": NOON.isoformat(), "due": (NOON + 4 * HOUR).isoformat()}})
    emit(store, lines({**event(number=number, key=key, **fields), "time": time.isoformat()}))


def clocked(store: Store) -> list[dict[str, Any]]:
    """What the clock's events say of their deadlines."""
    e = tables.event
    with store.read() as connection:
        found = connection.execute(select(e.c.data).where(e.c.source == "vestnik.clock").order_by(e.c.id)).scalars()
        return [data["deadline"] for data in found]


def escalations(store: Store, prefix: str) -> list[Rule]:
    return [rule for rule in list_rules(store, RuleKind.ESCALATION) if rule.code.startswith(prefix)]


def set_deadlines(store: Store, **changed: Any) -> None:
    """Change how deadlines run."""
    with store.read() as connection:
        card = deadline_settings_in(connection)
    save_deadline_settings(store, replace(card, **changed), "test")


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


def test_after_downtime_the_latest_threshold_is_told_as_late(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(days=2)
    assert tick(store) == 1
    (told,) = clocked(store)
    assert told["threshold"] == "request:resolution:at_due:0"
    assert told["reached"] == (NOON + 4 * HOUR).isoformat()
    assert told["left_out"] == ["request:resolution:percent_left:25"]
    clock.forward(days=1)
    assert tick(store) == 0


@pytest.mark.parametrize(("policy", "thresholds"), [(CatchUp.ALL, ["percent_left:25", "at_due:0"]), (CatchUp.NONE, [])])
def test_what_is_told_after_downtime_is_a_setting(
    store: Store, clock: HandClock, policy: CatchUp, thresholds: list[str]
) -> None:
    set_deadlines(store, catch_up=policy)
    request(store)
    clock.forward(days=2)
    assert tick(store) == len(thresholds)
    assert [key for _, key in fired(store)] == [f"resolution:{key}" for key in thresholds]


def test_what_is_older_than_the_catch_up_is_passed_over(store: Store, clock: HandClock) -> None:
    request(store)
    clock.now = NOON + 4 * HOUR + timedelta(days=7, seconds=1)
    assert tick(store) == 0
    with store.read() as connection:
        outcomes = connection.execute(select(tables.fired_threshold.c.outcome)).scalars().all()
    assert outcomes == ["too_old", "too_old"]


def test_thresholds_of_one_moment_are_no_catch_up(store: Store, clock: HandClock) -> None:
    rule = next(
        rule for rule in list_rules(store, RuleKind.ESCALATION) if rule.code.startswith("request.resolution.25")
    )
    own = replace(rule, code="own", standard=False, threshold=Threshold("minutes_before", 59))
    save_rule(store, own, "test")
    request(store)
    clock.forward(hours=3, seconds=60)
    assert tick(store) == 2


def test_a_deadline_that_was_over_when_it_was_first_told_of_is_told_as_late(store: Store, clock: HandClock) -> None:
    clock.forward(hours=5)
    request(store)
    assert tick(store) == 1
    assert fired(store) == [("RP-1", "resolution:at_due:0")]


def test_a_deadline_moved_past_its_thresholds_tells_the_latest(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=1)
    sooner = {"resolution": {"started": NOON.isoformat(), "due": (NOON + 1.2 * HOUR).isoformat()}}
    request(store, key="moved", deadlines=sooner, time=clock.now)
    assert tick(store) == 1
    clock.forward(minutes=12)
    assert tick(store) == 1
    assert fired(store) == [("RP-1", "resolution:percent_left:25"), ("RP-1", "resolution:at_due:0")]


def test_a_threshold_before_the_deadline_began_is_none(store: Store, clock: HandClock) -> None:
    rule = next(
        rule for rule in list_rules(store, RuleKind.ESCALATION) if rule.code.startswith("request.resolution.25")
    )
    save_rule(store, replace(rule, code="own", standard=False, threshold=Threshold("minutes_before", 300)), "test")
    request(store)
    assert tick(store) == 0
    clock.forward(hours=3)
    assert tick(store) == 1


def test_a_moved_deadline_fires_anew(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=3)
    assert tick(store) == 1
    clock.forward(hours=1)
    assert tick(store) == 1
    later = {"resolution": {"started": NOON.isoformat(), "due": (NOON + 8 * HOUR).isoformat()}}
    clock.forward(hours=1)
    request(store, key="moved", deadlines=later, time=clock.now)
    clock.forward(hours=1)
    assert tick(store) == 1
    assert fired(store)[-1] == ("RP-1", "resolution:percent_left:25")


@pytest.mark.parametrize("status", ["resolved", "deferred"])
def test_a_request_that_does_not_run_fires_nothing(store: Store, clock: HandClock, status: str) -> None:
    request(store)
    request(store, key="stopped", status=status)
    clock.forward(hours=5)
    assert tick(store) == 0


def test_a_pause_moves_the_deadline_and_what_was_told_stays_told(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=3)
    assert tick(store) == 1
    clock.forward(minutes=30)
    request(store, key="deferred", status="deferred", time=clock.now)
    clock.forward(hours=10)
    assert tick(store) == 0
    request(store, key="resumed", status="in_progress", time=clock.now)
    clock.forward(minutes=29)
    assert tick(store) == 0
    clock.forward(minutes=1)
    assert tick(store) == 1
    assert fired(store) == [("RP-1", "resolution:percent_left:25"), ("RP-1", "resolution:at_due:0")]
    assert clocked(store)[-1]["due"] == clock.now.isoformat()


def test_a_pause_and_its_end_that_come_together_count(store: Store, clock: HandClock) -> None:
    clock.forward(hours=3)
    span = {"deadlines": {"resolution": {"started": NOON.isoformat(), "due": (NOON + 4 * HOUR).isoformat()}}}
    steps = [("added", "registered", 0), ("paused", "waiting_client", 1), ("resumed", "in_progress", 3)]
    documents = [
        event("request.status_changed" if key != "added" else "request.added", 1, key, status=status, **span)
        for key, status, _ in steps
    ]
    for document, (_, _, hours) in zip(documents, steps, strict=True):
        document["time"] = (NOON + hours * HOUR).isoformat()
    emit(store, lines(*documents))
    clock.forward(hours=1, minutes=59)
    assert tick(store) == 0
    clock.forward(minutes=1)
    assert tick(store) == 1


def test_what_was_reached_before_a_pause_is_told_in_it(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=3, minutes=10)
    request(store, key="deferred", status="deferred", time=clock.now)
    assert tick(store) == 1


def test_a_due_time_of_the_desks_ends_the_moving(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=1)
    request(store, key="deferred", status="deferred", time=clock.now)
    clock.forward(hours=1)
    own = {"resolution": {"started": NOON.isoformat(), "due": (NOON + 6 * HOUR).isoformat()}}
    request(store, key="resumed", status="in_progress", deadlines=own, time=clock.now)
    clock.now = NOON + 6 * HOUR - timedelta(seconds=1)
    tick(store)
    assert [key for _, key in fired(store)] == ["resolution:percent_left:25"]
    clock.forward(seconds=1)
    tick(store)
    assert [key for _, key in fired(store)] == ["resolution:percent_left:25", "resolution:at_due:0"]


def test_where_pauses_move_nothing_the_due_time_stays(store: Store, clock: HandClock) -> None:
    set_deadlines(store, pause=PauseMoves.NOTHING)
    request(store)
    clock.forward(hours=1)
    request(store, key="deferred", status="deferred", time=clock.now)
    clock.forward(hours=2, minutes=59)
    request(store, key="resumed", status="in_progress", time=clock.now)
    clock.forward(minutes=1)
    tick(store)
    assert fired(store)[-1] == ("RP-1", "resolution:at_due:0")


def test_statuses_that_pause_are_a_setting_that_holds_for_what_is_there(store: Store, clock: HandClock) -> None:
    request(store, status="with_supplier")
    assert tick(store) == 0
    clock.forward(hours=1)
    set_deadlines(store, statuses={"request": StatusRules(("with_supplier",), ("closed",))})
    tick(store)
    clock.forward(hours=9)
    assert tick(store) == 0
    set_deadlines(store, statuses={})
    assert tick(store) == 0
    clock.forward(hours=2)
    assert tick(store) == 1
    clock.forward(hours=1)
    assert tick(store) == 1


def test_a_met_deadline_is_quiet_though_its_due_time_is_not_said_again(store: Store, clock: HandClock) -> None:
    request(store)
    request(store, key="met", deadlines={"resolution": {"met": (NOON + HOUR).isoformat()}})
    clock.forward(hours=5)
    assert tick(store) == 0


def test_a_deadline_taken_away_is_quiet(store: Store, clock: HandClock) -> None:
    request(store)
    request(store, key="taken", deadlines={"resolution": None})
    clock.forward(hours=5)
    assert tick(store) == 0


@pytest.fixture
def repeating(store: Store) -> Store:
    """At the due time, and every half an hour after, three times."""
    codes = [rule.code for rule in list_rules(store, RuleKind.ESCALATION)]
    set_enabled(store, codes, False, "test")
    rule = next(rule for rule in list_rules(store, RuleKind.ESCALATION) if rule.threshold == Threshold("at_due"))
    again = replace(rule, code="own", object_type="request", standard=False, enabled=True, repeat=Repeat(30, 3))
    save_rule(store, replace(again, deadline=DeadlineKind.RESOLUTION), "test")
    tick(store)
    request(store)
    return store


def test_it_is_told_again_so_many_times(repeating: Store, clock: HandClock) -> None:
    made: list[int] = []
    for _ in range(60):
        clock.forward(minutes=10)
        if tick(repeating):
            made.append((clock.now - NOON) // timedelta(minutes=1))
    assert made == [240, 270, 300, 330]
    assert [told.get("again") for told in clocked(repeating)] == [None, 30, 60, 90]


def test_an_acknowledged_deadline_is_not_told_of_again(repeating: Store, clock: HandClock) -> None:
    clock.forward(hours=4)
    assert tick(repeating) == 1
    assert acknowledge(repeating, [("request", "1", "resolution")], "ivanov") == 1
    clock.forward(hours=3)
    assert tick(repeating) == 0
    assert withdraw(repeating, [("request", "1", "resolution")]) == 1
    assert tick(repeating) == 1
    assert clocked(repeating)[-1]["again"] == 90


def test_a_new_due_time_has_not_been_acknowledged(repeating: Store, clock: HandClock) -> None:
    clock.forward(hours=4)
    tick(repeating)
    acknowledge(repeating, [("request", "1", "resolution")], "ivanov")
    later = {"resolution": {"started": NOON.isoformat(), "due": (NOON + 8 * HOUR).isoformat()}}
    request(repeating, key="moved", deadlines=later, time=clock.now)
    clock.forward(hours=4)
    assert tick(repeating) == 1
    clock.forward(minutes=30)
    assert tick(repeating) == 1


def test_repeats_may_end_with_the_status(repeating: Store, clock: HandClock) -> None:
    rule = next(rule for rule in list_rules(repeating) if rule.code == "own")
    save_rule(repeating, replace(rule, repeat=Repeat(30, 3, until_status_change=True)), "test")
    clock.forward(hours=4)
    assert tick(repeating) == 1
    clock.forward(minutes=30)
    assert tick(repeating) == 1
    clock.forward(minutes=10)
    request(repeating, key="begun", status="in_progress", time=clock.now)
    clock.forward(hours=1)
    assert tick(repeating) == 0


def test_the_event_names_the_rules_that_waited(store: Store, clock: HandClock) -> None:
    at_due = [
        rule.code for rule in list_rules(store, RuleKind.ESCALATION) if rule.code.startswith("request.resolution.due")
    ]
    set_enabled(store, at_due[:1], False, "test")
    request(store)
    clock.forward(hours=4, minutes=10)
    set_enabled(store, at_due[:1], True, "test")
    tick(store)
    assert clocked(store)[-1]["rules"] == sorted(at_due[1:])


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


def test_two_clocks_fire_nothing_twice(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=4)
    assert tick(store) == 1
    # As a second clock would find it, which computed when to look before the first one told.
    store.write(lambda connection: connection.execute(tables.deadline.update().values(next_at=0)))
    assert tick(store) == 0


def test_a_clock_that_goes_by_old_settings_looks_at_nothing(store: Store, clock: HandClock) -> None:
    request(store)
    with store.read() as connection:
        old = Watched.read(connection)
    save_rule(store, replace(escalations(store, "request.resolution.25")[0], code="own", standard=False), "test")
    store.write(lambda connection: connection.execute(tables.deadline.update().values(next_at=0)))
    assert store.write(lambda connection: _look(connection, clock(), old)) is None
    with store.read() as connection:
        assert connection.execute(select(tables.deadline.c.next_at)).scalar() == 0
        new = Watched.read(connection)
    looked = store.write(lambda connection: _look(connection, clock(), new))
    assert looked is not None
    assert looked.deadlines == 1


def test_a_clock_put_back_fires_nothing_twice(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=3)
    assert tick(store) == 1
    clock.forward(hours=-2)
    assert tick(store) == 0
    clock.forward(hours=2)
    assert tick(store) == 0
    clock.forward(hours=1)
    assert tick(store) == 1


def test_the_ledger_forgets_what_is_long_past(store: Store, clock: HandClock) -> None:
    request(store)
    clock.forward(hours=5)
    tick(store)
    clock.now += FORGET_AFTER + HOUR
    assert not forget(store)
    with store.read() as connection:
        assert connection.execute(select(tables.fired_threshold)).all() == []


def test_a_quiet_store_is_not_written_to_each_second(store: Store, clock: HandClock) -> None:
    def marks() -> set[datetime]:
        with store.read() as connection:
            return set(connection.execute(select(tables.watermark.c.at)).scalars())

    assert [rule for rule in list_rules(store) if rule.waiting_days], "there is something to look for"
    the_clock = Clock(store)
    clock.forward(seconds=40)
    the_clock.tick()
    begun = marks()
    assert begun == {clock.now}
    for _ in range(20):
        clock.forward(seconds=1)
        the_clock.tick()
    assert marks() == begun
    clock.forward(seconds=10)
    the_clock.tick()
    assert marks() == {clock.now}


@pytest.mark.parametrize("anew", [False, True], ids=["goes on", "begins anew"])
def test_days_that_are_over_are_told_once_by_a_clock_that_writes_seldom(
    store: Store, clock: HandClock, anew: bool
) -> None:
    rule = next(rule for rule in list_rules(store) if rule.waiting_days)
    emit(store, lines({**event(f"{rule.object_type}.added", status=rule.to_status[0]), "time": NOON.isoformat()}))
    the_clock, told = Clock(store), 0
    clock.forward(days=rule.waiting_days or 0, seconds=-15)
    the_clock.tick()
    for _ in range(60):
        clock.forward(seconds=1)
        the_clock = Clock(store) if anew else the_clock
        told += the_clock.tick()
    assert told == 1
