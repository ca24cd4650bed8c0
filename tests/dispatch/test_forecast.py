"""The forecast: the letters it counts are those that are then written, when and to whom."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from dispatch.forecast import MINUTE, PORTION, Forecast, Load, forecast
from dispatch.intake import emit
from dispatch.planner import Planner
from dispatch.ticks import Clock, tick
from store import tables
from store.engine import Store
from store.rulebook import list_rules, save_rule
from store.rules import Repeat, Threshold
from store.settings import company, save_company
from store.types import to_micros
from store.vocabulary import Channel, RuleKind
from store.working_hours import WEEKDAYS
from tests.desk import NOON, HandClock, event, furnish, lines, raise_limits
from tests.dispatch.test_ticks import request

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def desk(store: Store) -> Store:
    furnish(store)
    raise_limits(store)
    # As if the standard set had been there for long.
    store.write(lambda con: con.execute(tables.rule.update().values(armed_at=NOON - timedelta(days=100))))
    tick(store)
    return store


def foretold(store: Store, span: timedelta = timedelta(days=1)) -> Forecast:
    return forecast(store, to_micros(store.clock() + span))


def written(store: Store) -> Counter[tuple[int, str, str]]:
    """What the planner wrote of the clock's events: when it may leave, channel, to whom."""
    d, e = tables.delivery, tables.event
    query = select(d, e.c.at).join(e, e.c.id == d.c.event_id).where(e.c.source == "vestnik.clock")
    with store.read() as connection:
        return Counter(
            (to_micros(row.next_at) // MINUTE * MINUTE, row.channel, row.recipient_address or row.recipient_name)
            for row in connection.execute(query)
        )


@pytest.mark.no_cover  # Hypothesis goes many times where the others have been
def test_what_it_counts_is_what_is_then_written(desk: Store, clock: HandClock) -> None:
    code = "request.resolution.25.responsible.email"
    rule = next(one for one in list_rules(desk, RuleKind.ESCALATION) if one.code == code)
    save_rule(desk, replace(rule, code="own", standard=False, threshold=Threshold("minutes_before", 90),
                            repeat=Repeat(30, 2), once_minutes=40), "test")  # fmt: skip
    for number in range(1, 8):
        due = NOON + (number + 1) * HOUR
        words = {"resolution": {"started": NOON.isoformat(), "due": due.isoformat()}}
        request(desk, number=number, deadlines=words, responsible="petrov@example.org" if number % 3 else "ivanov")
    request(desk, number=8, status="waiting_client", deadlines={}, time=NOON - timedelta(days=2.5))
    planner = Planner(desk)
    while planner.plan_now():
        pass
    tick(desk)
    before = written(desk)
    found = foretold(desk)
    ticking = Clock(desk)  # one for all, as a dispatcher has it: the rulebook is read once
    for _ in range(24 * 60):
        clock.forward(minutes=1)
        if ticking.tick():
            planner.plan_now()
    real = written(desk) - before
    told: Counter[tuple[str, bool]] = Counter()
    minutes: Counter[tuple[int, bool]] = Counter()
    for (at, channel, who), count in real.items():
        told[who, channel == Channel.EMAIL] += count
        minutes[at, channel == Channel.EMAIL] += count
    assert len(found.alerts) > 20
    assert {key: load for key, load in found.told.items() if load != Load()} == {
        who: Load(told[who, True], told[who, False]) for who, _ in told
    }
    assert {at: load for at, load in found.minutes.items() if load != Load()} == {
        at: Load(minutes[at, True], minutes[at, False]) for at, _ in minutes
    }
    assert not found.cut


def test_letters_that_keep_to_working_hours_are_seen_where_they_will_leave(desk: Store, clock: HandClock) -> None:
    clock.now = FRIDAY
    hours = {str(day): "09:00-18:00" for day in WEEKDAYS[:5]}
    save_company(desk, replace(company(desk), working_hours=hours, timezone="UTC"), "test")
    for rule in list_rules(desk, RuleKind.ESCALATION):
        if rule.enabled and rule.code.startswith("request.resolution"):
            save_rule(desk, replace(rule, working_hours=True), "test")
    for number in range(1, 4):
        words = {"resolution": {"started": FRIDAY.isoformat(), "due": (FRIDAY + 20 * HOUR).isoformat()}}
        request(desk, number=number, deadlines=words, time=FRIDAY)
    found = foretold(desk, timedelta(days=3))
    monday = to_micros(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    starts = [to_micros(FRIDAY), monday, monday + 60 * MINUTE]
    before, opening, after = found.slots(starts)
    assert before.letters == after.letters == 0
    assert opening.letters == found.total.letters > 0
    assert before.notices == found.total.notices
    soon = foretold(desk, timedelta(days=1))
    assert soon.later == soon.total.letters == opening.letters
    assert sum(load.letters for load in soon.slots(starts[:1])) == 0


def test_letters_in_the_outbox_are_counted_when_their_time_comes(desk: Store) -> None:
    emit(desk, lines(event()))
    Planner(desk).plan_now()
    d = tables.delivery
    later = NOON + 2 * HOUR
    desk.write(lambda connection: connection.execute(d.update().where(d.c.channel == "email").values(next_at=later)))
    found = foretold(desk)
    assert found.queued > 0
    assert found.minutes == {to_micros(later): Load(found.queued, 0)}


def test_it_is_read_in_portions_can_be_stopped_and_says_when_it_is_cut(desk: Store) -> None:
    due = {"resolution": {"started": NOON.isoformat(), "due": (NOON + 2 * HOUR).isoformat()}}
    emit(desk, lines(*(event(number=number, deadlines=due) for number in range(PORTION + 30))))
    tick(desk)
    far: list[tuple[int, int]] = []
    until = to_micros(NOON + 24 * HOUR)
    whole = forecast(desk, until, lambda looked, of: bool(far.append((looked, of))) or True)
    assert far[:2] == [(0, PORTION + 30), (PORTION, PORTION + 30)]
    assert (whole.looked, len(whole.alerts), whole.cut) == (PORTION + 30, 2 * (PORTION + 30), False)
    assert whole.alerts == sorted(whole.alerts, key=lambda one: one.at)
    stopped = forecast(desk, until, lambda looked, of: looked == 0)
    assert (stopped.looked, stopped.cut) == (PORTION, True)
    assert forecast(desk, until, limit=10).cut
