"""The clock against a naive one: whatever deadlines, pauses and rules do, the same thresholds are told.

The naive clock knows no index, no schedule and no stretches: it walks from slot to slot and asks of each whether a
threshold is reached. All times fall on slots, so that both may be compared to the letter.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select

from dispatch.intake import emit
from dispatch.ticks import Clock
from store import tables
from store.cards import Company, DeadlineSettings
from store.deadlines import acknowledge
from store.engine import Store
from store.rulebook import save_rule, set_enabled
from store.rules import Repeat, Rule, Threshold
from store.settings import save_company, save_deadline_settings
from store.vocabulary import CatchUp, Channel, DeadlineKind, EventType, PauseMoves, Role, RuleKind
from store.working_hours import WEEKDAYS
from tests.desk import HandClock, event, lines, new_store_file

SLOT = timedelta(minutes=5)
START = datetime.fromisoformat("2026-11-19T12:00:00+00:00")
"""A Thursday: what is counted in working time goes over the weekend."""
BEFORE, SLOTS = 24 * 12, 12 * 24 * 6
"""Slots before the start that deadlines may have begun in, and all slots after it."""
OPENS, CLOSES = 9 * 12, 18 * 12
HOURS = "09:00-18:00"
STATES = {"in_progress": "running", "deferred": "paused", "resolved": "ended"}
CODES = ("a", "b", "c")


def _works(slot: int) -> bool:
    at = START + slot * SLOT
    return at.weekday() < 5 and OPENS <= (at.hour * 60 + at.minute) // 5 < CLOSES


WORKED = {-BEFORE * 9: 0}
"""Working slots before a slot, counted one by one."""
for _slot in range(-BEFORE * 9 + 1, SLOTS * 3):
    WORKED[_slot] = WORKED[_slot - 1] + _works(_slot - 1)
FIRST = {count: slot for slot, count in reversed(WORKED.items())}
"""By working slots the first slot before which so many were."""


@dataclass(frozen=True)
class Act:
    """What happens on the desk at a slot: `gap` slots after what happened before."""

    gap: int
    what: Literal["deadline", "status", "met", "switch", "change", "acknowledge", "tick", "restart"]
    thing: int = 1
    number: int = 0


@dataclass
class Span:
    """A deadline of the naive clock. `slots` says of each slot whether it ran in it, and when it expired then."""

    started: int
    due: int
    state: str
    expires: int
    slots: dict[int, tuple[bool, int]] = field(default_factory=dict[int, tuple[bool, int]])
    acknowledged: bool = False
    stopped: int | None = None
    told: set[str] = field(default_factory=set[str])


THRESHOLDS = (
    Threshold("at_due"), Threshold("percent_left", 25), Threshold("percent_left", 50), Threshold("minutes_before", 40),
    Threshold("minutes_after", 60), Threshold("percent_left", 50, working_time=True),
    Threshold("minutes_before", 120, working_time=True), Threshold("minutes_after", 60, working_time=True),
)  # fmt: skip
REPEATS = (None, None, Repeat(30, 2), Repeat(60, 3, until_status_change=True))
RULES = st.tuples(st.sampled_from(THRESHOLDS), st.sampled_from(REPEATS))
ACTS = st.builds(
    Act,
    st.sampled_from([0, 1, 4, 8, 12, 12, 24, 30, 100]),
    st.sampled_from(
        ["deadline"] * 3 + ["status"] * 8 + ["met", "switch", "change", "acknowledge", "restart"] + ["tick"] * 8
    ),
    st.sampled_from([1, 1, 2]),
    st.integers(0, 11),
)


class Naive:
    """What the clock should do, done slot by slot."""

    def __init__(self, card: DeadlineSettings) -> None:
        self.card = card
        self.spans: dict[int, Span] = {}
        self.before: dict[tuple[int, int], set[str]] = {}
        self.status: dict[int, tuple[str, int]] = {}
        self.rules: dict[str, tuple[Rule, int]] = {}

    def live(self, slot: int) -> None:
        """Note how each deadline stands in a slot."""
        for span in self.spans.values():
            span.slots[slot] = (span.state == "running", span.expires)

    def tick(self, slot: int) -> set[tuple[int, int, str, tuple[str, ...]]]:
        found: set[tuple[int, int, str, tuple[str, ...]]] = set()
        for thing, span in self.spans.items():
            if span.state in {"running", "paused"}:
                found |= {(thing, span.due, *one) for one in self._told(thing, span, slot)}
        return found

    def _told(self, thing: int, span: Span, now: int) -> Iterator[tuple[str, tuple[str, ...]]]:
        reached: dict[str, tuple[int, int, set[str]]] = {}
        for code, (rule, armed) in self.rules.items():
            if rule.enabled:
                for key, moment, at in self._of(thing, span, rule, armed, now):
                    reached.setdefault(key, (at, moment, set()))[2].add(code)
        fresh = {key: one for key, one in reached.items() if key not in span.told}
        span.told |= set(fresh)
        latest = max((one[:2] for one in fresh.values()), default=(0, 0))
        for key, (at, moment, codes) in fresh.items():
            if now - at > 7 * 24 * 12:
                continue
            late = now > moment
            if late and self.card.catch_up is CatchUp.NONE and now > at:
                continue
            if late and self.card.catch_up is not CatchUp.ALL and (at, moment) < latest:
                continue
            yield key, tuple(sorted(codes))

    def _of(self, thing: int, span: Span, rule: Rule, armed: int, now: int) -> Iterator[tuple[str, int, int]]:
        threshold = rule.threshold
        assert threshold is not None
        key = f"request:resolution:{threshold.kind}:{threshold.value}" + (":working" if threshold.working_time else "")
        if self._moment(rule, span, span.due, 0) <= span.started:
            return
        first = self._reached(rule, span, 0, now)
        if first is None or armed >= first[1]:
            return
        yield key, *first
        again = rule.repeat
        if again is None or span.acknowledged:
            return
        if again.until_status_change and self.status[thing][1] > first[1]:
            return
        for number in range(1, again.times + 1):
            offset = number * again.every_minutes
            if (one := self._reached(rule, span, offset, now)) is not None:
                yield f"{key}+{offset}", *one

    def _reached(self, rule: Rule, span: Span, offset: int, now: int) -> tuple[int, int] | None:
        for slot in sorted(span.slots):
            running, expires = span.slots[slot]
            moment = self._moment(rule, span, expires, offset)
            if running and slot <= now and moment <= slot:
                return moment, slot
        return None

    def _moment(self, rule: Rule, span: Span, expires: int, offset: int) -> int:
        threshold = rule.threshold
        assert threshold is not None
        given = span.due - span.started
        if threshold.working_time:
            given = WORKED[span.due] - WORKED[span.started]
        minutes = {
            "at_due": 0, "percent_left": -given * 5 * threshold.value // 100, "minutes_before": -threshold.value,
            "minutes_after": threshold.value,
        }[threshold.kind]  # fmt: skip
        slots = (minutes + offset) // 5
        return FIRST[WORKED[expires] + slots] if threshold.working_time else expires + slots


class Both:
    """The store and the naive clock, told the same."""

    def __init__(self, store: Store, clock: HandClock, card: DeadlineSettings) -> None:
        self.store, self.clock, self.naive = store, clock, Naive(card)
        self.clocks = [Clock(store), Clock(store)]
        self.slot, self.count, self.seen = 0, 0, 0
        self.clock.now = START

    def to(self, slot: int) -> None:
        while self.slot < slot:
            self.slot += 1
            self.naive.live(self.slot)
        self.clock.now = START + self.slot * SLOT

    def say(self, thing: int, **fields: Any) -> None:
        self.count += 1
        document = event("request.status_changed", thing, f"{self.count}", **fields)
        emit(self.store, lines({**document, "time": self.clock.now.isoformat()}))

    def act(self, act: Act) -> None:
        self.to(self.slot + act.gap)
        getattr(self, f"_{act.what}")(act.thing, act.number)
        self.naive.live(self.slot)

    def _deadline(self, thing: int, number: int) -> None:
        started = max(self.slot - (number % 4) * 24, -BEFORE) // 4 * 4
        due = started + 4 * (3, 12, 30, 72)[number // 3]
        status, since = self.naive.status.get(thing, ("in_progress", self.slot))
        self.naive.status[thing] = (status, since)
        words = {"started": _at(started), "due": _at(due)}
        self.say(thing, status=status, deadlines={"resolution": words})
        old = self.naive.spans.get(thing)
        if old is not None and (old.started, old.due) == (started, due):
            if old.state == "met":
                self._turn(thing, STATES[status])
            return
        if old is not None:
            self.naive.before[thing, old.due] = old.told
        span = Span(started, due, STATES[status], due, told=self.naive.before.get((thing, due), set()))
        span.stopped = None if span.state == "running" else self.slot
        if old is None and span.state == "running":
            span.slots = dict.fromkeys(range(started, self.slot), (True, due))
        self.naive.spans[thing] = span

    def _status(self, thing: int, number: int) -> None:
        status = ("in_progress", "deferred", "in_progress", "deferred", "in_progress", "resolved")[number % 6]
        if thing not in self.naive.spans:
            return
        before, since = self.naive.status[thing]
        self.naive.status[thing] = (status, self.slot if status != before else since)
        self.say(thing, status=status)
        if self.naive.spans[thing].state != "met":
            self._turn(thing, STATES[status])

    def _turn(self, thing: int, state: str) -> None:
        span = self.naive.spans[thing]
        if span.state == "running" and state != "running":
            span.stopped = self.slot
        elif span.state != "running" and state == "running":
            assert span.stopped is not None
            if not any(ran for ran, _ in span.slots.values()):
                pass  # what has not run yet is not moved
            elif self.naive.card.pause is PauseMoves.TIME:
                span.expires += self.slot - span.stopped
            elif self.naive.card.pause is PauseMoves.WORKING_TIME:
                span.expires = FIRST[WORKED[self.slot] + WORKED[span.expires] - WORKED[span.stopped]]
        span.state = state

    def _met(self, thing: int, number: int) -> None:
        del number
        if thing in self.naive.spans:
            self.say(thing, deadlines={"resolution": {"met": self.clock.now.isoformat()}})
            self._turn(thing, "met")

    def _switch(self, thing: int, number: int) -> None:
        del thing
        code = CODES[number % 3]
        rule, armed = self.naive.rules[code]
        set_enabled(self.store, [code], not rule.enabled, "test")
        self.naive.rules[code] = (replace(rule, enabled=not rule.enabled), armed if rule.enabled else self.slot)

    def _change(self, thing: int, number: int) -> None:
        del thing
        code = CODES[number % 3]
        rule, armed = self.naive.rules[code]
        threshold = Threshold("minutes_before", 20 * (1 + number // 3))
        changed = replace(rule, threshold=threshold)
        save_rule(self.store, changed, "test")
        self.naive.rules[code] = (changed, self.slot if rule.enabled and threshold != rule.threshold else armed)

    def _acknowledge(self, thing: int, number: int) -> None:
        del number
        acknowledge(self.store, [("request", str(thing), "resolution")], "olga")
        span = self.naive.spans.get(thing)
        if span is not None and span.state in {"running", "paused"}:
            span.acknowledged = True

    def _restart(self, thing: int, number: int) -> None:
        del thing, number
        self.clocks = [Clock(self.store), Clock(self.store)]

    def _tick(self, thing: int, number: int) -> None:
        del thing
        self.naive.live(self.slot)
        clock = self.clocks[number % 2]
        clock.tick()
        while clock.behind and clock.reschedule():
            pass
        clock.tick()
        assert self.fired() == self.naive.tick(self.slot)

    def fired(self) -> set[tuple[int, int, str, tuple[str, ...]]]:
        e = tables.event
        query = select(e).where(e.c.source == "vestnik.clock", e.c.id > self.seen).order_by(e.c.id)
        with self.store.read() as connection:
            rows = connection.execute(query).all()
        self.seen = max((row.id for row in rows), default=self.seen)
        found = set[tuple[int, int, str, tuple[str, ...]]]()
        for row in rows:
            said = row.data["deadline"]
            key = said["threshold"] + (f"+{said['again']}" if "again" in said else "")
            due = int(row.external_id.rpartition(":")[2])
            slot = (due - int(START.timestamp()) * 1_000_000) // (300 * 1_000_000)
            found.add((int(row.object_id), slot, key, tuple(sorted(said["rules"]))))
        assert len(found) == len(rows)
        return found


def _at(slot: int) -> str:
    return (START + slot * SLOT).isoformat()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, HandClock]]:
    clock = HandClock(START)
    store = Store.open(new_store_file(tmp_path_factory.mktemp("clock") / "vestnik.db"), clock=clock)
    save_company(store, Company("ACME", working_hours={str(day): HOURS for day in WEEKDAYS[:5]}), "test")
    yield store, clock
    store.close()


def _empty(store: Store) -> None:
    kept = (tables.fired_threshold, tables.clock_schedule, tables.deadline, tables.event, tables.object_, tables.rule)

    def work(connection: Connection) -> None:
        for table in kept:
            connection.execute(delete(table))

    store.write(work)


def begun(desk: tuple[Store, HandClock], rules: list[tuple[Threshold, Repeat | None]], card: DeadlineSettings) -> Both:
    """The store and the naive clock at the start, with these escalations."""
    store, clock = desk
    _empty(store)
    clock.now = START
    save_deadline_settings(store, card, "test")
    both = Both(store, clock, card)
    for code, (threshold, repeat) in zip(CODES, rules, strict=True):
        rule = Rule(
            code, RuleKind.ESCALATION, {"ru": "Своё", "en": "Own"}, "request", EventType.DEADLINE, Channel.EMAIL,
            (Role.RESPONSIBLE,), "deadline.staff", deadline=DeadlineKind.RESOLUTION, threshold=threshold,
            repeat=repeat, standard=False,
        )  # fmt: skip
        save_rule(store, rule, "test")
        both.naive.rules[code] = (rule, 0)
    return both


@pytest.mark.no_cover  # Hypothesis goes many times where the others have been
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rules=st.lists(RULES, min_size=3, max_size=3),
    acts=st.lists(ACTS, min_size=20, max_size=50),
    pause=st.sampled_from(PauseMoves),
    catch_up=st.sampled_from(CatchUp),
)
def test_the_same_thresholds_are_told(
    desk: tuple[Store, HandClock],
    rules: list[tuple[Threshold, Repeat | None]],
    acts: list[Act],
    pause: PauseMoves,
    catch_up: CatchUp,
) -> None:
    both = begun(desk, rules, DeadlineSettings(pause=pause, catch_up=catch_up))
    for act in (Act(0, "deadline", 1, 4), *acts):
        if both.slot + act.gap < SLOTS:
            both.act(act)
    both.act(Act(12, "tick"))
