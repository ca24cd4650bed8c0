"""The counters of the rules: days, marks, what is kept, and two dispatchers at once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, insert, select

from store import tables
from store.engine import Store
from store.rule_stats import KEPT_DAYS, MONTH_DAYS, Mark, RuleCount, RuleStats, count_in, day_of, prune_in, read_stats
from store.rulebook import delete_in, list_rules, save_rule, set_enabled
from tests.desk import NOON, HandClock
from tests.store.test_races import Job, race

CODE = "request.added.client.email"
FIRED = RuleCount(1, 1, 2)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


def count(store: Store, one: RuleCount, code: str = CODE) -> None:
    store.write(lambda connection: count_in(connection, store.clock(), {code: one}))


def mark(store: Store, code: str = CODE) -> Mark | None:
    return read_stats(store)[code].mark


def begin(store: Store) -> None:
    """The store's first event."""
    now = store.clock()
    values = {"source": "d", "external_id": "1", "object_type": "", "event_type": "", "object_id": "", "title": ""}
    values |= {"object_number": "", "at": now, "accepted_at": now, "data": {}}
    store.write(lambda connection: connection.execute(insert(tables.event).values(**values)))


def test_a_month_is_counted_and_the_last_time_is_known_for_longer(store: Store, clock: HandClock) -> None:
    assert read_stats(store)[CODE] == RuleStats(mark=Mark.NOT_YET)
    count(store, FIRED)
    count(store, RuleCount(1))
    clock.forward(days=MONTH_DAYS - 1)
    count(store, FIRED)
    assert read_stats(store)[CODE] == RuleStats(clock.now, 3, 2, 4)
    clock.forward(days=1)
    assert read_stats(store)[CODE] == RuleStats(NOON + timedelta(days=MONTH_DAYS - 1), 1, 1, 2)
    clock.forward(days=KEPT_DAYS)
    assert read_stats(store)[CODE] == RuleStats(NOON + timedelta(days=MONTH_DAYS - 1))


def test_every_rule_has_its_statistics(store: Store) -> None:
    assert read_stats(store).keys() == {rule.code for rule in list_rules(store)}


def test_what_told_nobody_is_marked_by_what_mostly_was_why(store: Store) -> None:
    count(store, RuleCount(3, unaddressed=2, shadowed=1, shadowed_by="other"))
    assert mark(store) is Mark.UNADDRESSED
    count(store, RuleCount(3, shadowed=2))
    assert (mark(store), read_stats(store)[CODE].shadowed_by) == (Mark.SHADOWED, "other")
    count(store, FIRED)
    assert mark(store) is None
    count(store, RuleCount(1), "request.added.responsible.email")
    assert mark(store, "request.added.responsible.email") is None


def test_a_rule_that_is_off_needs_no_looking_at(store: Store) -> None:
    count(store, RuleCount(1, unaddressed=1))
    others = [rule.code for rule in list_rules(store)][:2]
    set_enabled(store, [CODE, *others], False, "test")
    assert {mark(store, code) for code in (CODE, *others)} == {None}


def test_never_is_said_once_the_store_has_seen_as_many_days(store: Store, clock: HandClock) -> None:
    begin(store)
    count(store, FIRED)
    clock.forward(days=KEPT_DAYS - 1)
    assert mark(store, "request.added.responsible.email") is Mark.NOT_YET
    assert mark(store) is None
    clock.forward(days=1)
    assert mark(store, "request.added.responsible.email") is Mark.NEVER
    assert mark(store) is Mark.NEVER


def test_never_is_not_said_of_a_rule_that_was_changed_meanwhile(store: Store, clock: HandClock) -> None:
    begin(store)
    clock.forward(days=KEPT_DAYS)
    rule = next(rule for rule in list_rules(store) if rule.code == CODE)
    save_rule(store, replace(rule, code="own.x", standard=False), "test")
    set_enabled(store, [CODE], False, "test")
    set_enabled(store, [CODE], True, "test")
    assert (mark(store), mark(store, "own.x")) == (Mark.NOT_YET, Mark.NOT_YET)
    clock.forward(days=KEPT_DAYS)
    assert (mark(store), mark(store, "own.x")) == (Mark.NEVER, Mark.NEVER)


def test_old_days_go_and_the_last_one_that_told_anybody_stays(store: Store, clock: HandClock) -> None:
    for one in (FIRED, FIRED, RuleCount(1), RuleCount(1)):
        count(store, one)
        clock.forward(days=1)
    clock.now = NOON + timedelta(days=KEPT_DAYS + 2)
    store.write(lambda connection: prune_in(connection, clock.now))
    with store.read() as connection:
        days = connection.execute(select(tables.rule_day.c.day).order_by(tables.rule_day.c.day)).scalars().all()
    assert days == [day_of(NOON) + 1, day_of(NOON) + 3]


def test_a_rule_of_the_same_code_does_not_inherit_the_counters(store: Store) -> None:
    rule = replace(next(rule for rule in list_rules(store) if rule.code == CODE), code="own.x", standard=False)
    save_rule(store, rule, "test")
    count(store, FIRED, "own.x")
    store.write(lambda connection: delete_in(connection, store, "own.x", "test"))
    save_rule(store, rule, "test")
    assert read_stats(store)["own.x"] == RuleStats(mark=Mark.NOT_YET)


@pytest.fixture
def pair(postgresql_url: str) -> Iterator[tuple[Store, Store]]:
    one, two = Store.open(postgresql_url), Store.open(postgresql_url)
    yield one, two
    two.close()
    one.close()


def test_two_dispatchers_count_the_same_rules_in_one_order_and_lose_nothing(pair: tuple[Store, Store]) -> None:
    codes = ["c", "a", "b"]
    seen: list[str] = []

    def counting(order: list[str]) -> Job[None]:
        def job(connection: Connection) -> None:
            seen.append(order[0])
            count_in(connection, NOON, {code: RuleCount(1, 1, 1) for code in order})

        return job

    race(pair, counting(codes), counting(codes[::-1]))
    assert seen == ["c", "b"]
    with pair[0].read() as connection:
        assert connection.execute(select(func.sum(tables.rule_day.c.fired))).scalar_one() == 6
