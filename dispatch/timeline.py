"""The time machine: what the clock has told of an object's deadlines, and what it is going to tell.

What is to come is not guessed: `coming` looks at a deadline as the clock does, at each moment the clock would, and
each event it would make is planned by the one `plan` on the settings as they are. Nothing is stored. It holds as long
as nothing else happens: no event of the desk, no change of settings, a dispatcher that is alive.

Times are µs since the epoch.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from dispatch.plan import Plan
from dispatch.planner import Settings, planned
from dispatch.thresholds import Occurrence, Outcome, Schedule
from dispatch.ticks import clock_event
from dispatch.told import Told
from dispatch.watched import Watched
from store import tables
from store.calendar import WorkCalendar
from store.cards import DecisionCard
from store.deadlines import Deadline, Deadlines, Pace, Said, deadlines_of, follow
from store.engine import Store
from store.events import Data, NewEvent, StoredEvent, as_stored, merge
from store.rulebook import rules_in
from store.rules import Rule
from store.types import from_micros, to_micros
from store.vocabulary import DeadlineState, EventType

MOST = 500
"""Steps foretold of one deadline: a repeat every minute would go on for long."""
ON_AGAIN = "in_progress"
"""The status an object is taken to have where it is assumed that a paused deadline goes on."""
Ledger = Mapping[tuple[int, int], Sequence["Entry"]]
"""What the ledger says, by object (its id in the store) and due time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger: a threshold that was reached, when, when the clock saw to it, and what became of it."""

    key: str
    reached: int
    at: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Coming:
    """What the clock will do.

    Attributes:
        at: When it will: the moment the threshold is reached, or now for one that was reached before.
        left_out: Keys of those it is told instead of.
    """

    deadline: Deadline
    at: int
    occurrence: Occurrence
    outcome: Outcome
    left_out: tuple[str, ...]

    def event(self, object_id: str) -> NewEvent:
        """The event it will make."""
        return clock_event(self.deadline, self.occurrence, object_id, self.left_out, from_micros(self.at))


class Stage(StrEnum):
    """Where a step stands."""

    PAST = "past"
    """It is in the ledger."""
    COMING = "coming"
    ASSUMED = "assumed"
    """It comes if a paused deadline goes on now."""


@dataclass(frozen=True, slots=True)
class Step:
    """A threshold of a deadline, or a repeat of one, that the clock has seen to or will.

    Attributes:
        key: As in the ledger: `request:resolution:percent_left:25`, with `+60` for a repeat an hour later.
        again: Minutes after the threshold, for a repeat; 0 for the threshold itself.
        reached: When it was or will be reached.
        at: When the clock saw to it, or will.
        codes: The rules that wait for it; empty for what is in the ledger, which does not keep them.
        plan: Whom it will tell and whom not; `None` for what is in the ledger, and for what is told to nobody.
    """

    key: str
    again: int
    reached: int
    at: int
    outcome: Outcome
    stage: Stage
    codes: tuple[str, ...] = ()
    plan: Plan | None = None

    @property
    def decisions(self) -> Sequence[DecisionCard]:
        """Who would be told, who would not, and why."""
        return self.plan.decisions if self.plan else ()


@dataclass(frozen=True, slots=True)
class Line:
    """A deadline in time.

    Attributes:
        working: Whether some threshold of its kind is counted in working time.
        past, coming: In the order of time.
        resumed: For a paused one, how it would be if it went on now.
        assumed: What would come of it then.
        cut: There is more to come than is shown.
    """

    deadline: Deadline
    working: bool
    past: tuple[Step, ...]
    coming: tuple[Step, ...]
    resumed: Deadline | None = None
    assumed: tuple[Step, ...] = ()
    cut: bool = False

    @property
    def pauses(self) -> list[tuple[int, int | None]]:
        """From when to when it did not run; the end is open while it is paused."""
        one = self.deadline
        over: list[tuple[int, int | None]] = [(pause.started, pause.ended) for pause in one.pauses]
        paused = one.state is DeadlineState.PAUSED and one.stopped_at is not None
        return [*over, (one.stopped_at, None)] if paused and one.stopped_at is not None else over

    @property
    def steps(self) -> list[Step]:
        """All of them in the order of time; those that are assumed come last."""
        return [*self.past, *self.coming, *self.assumed]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The deadlines of an object in time.

    Attributes:
        now: From when on it is foretold.
        until: Up to when.
        rules: By code.
    """

    object_type: str
    object_id: str
    number: str
    title: str
    status: str
    now: int
    until: int
    lines: tuple[Line, ...]
    calendar: WorkCalendar
    rules: Mapping[str, Rule]


@dataclass(frozen=True, slots=True)
class Thing:
    """An object as it is, or would be; `key` is its id in the store, 0 where it has none."""

    key: int
    type: str
    id: str
    status: str
    status_since: int
    data: Data


def coming(
    schedule: Schedule, deadline: Deadline, status_since: int, told: Iterable[str], now: int, until: int
) -> Iterator[Coming]:
    """What the clock will do about a deadline up to and at `until`, if nothing else happens. Pure.

    Args:
        schedule: The thresholds that are watched.
        deadline: The deadline as it is.
        status_since: Since when its object has its status.
        told: The keys in the ledger for this object and due time.
        now: From when on.
        until: Up to when.
    """
    known, at = set(told), now
    while at <= until:
        look = schedule.look(deadline, status_since, known, at)
        instead = tuple(one.key for one, outcome in look.reached if outcome is Outcome.SUPERSEDED)
        for occurrence, outcome in look.reached:
            known.add(occurrence.key)
            yield Coming(deadline, at, occurrence, outcome, instead)
        if look.next_at is None:
            return
        at = look.next_at


def ledger_of(connection: Connection, keys: Sequence[int]) -> Ledger:
    """The ledger of some objects (by id in the store), in the order in which the thresholds were reached."""
    table = tables.fired_threshold
    found: defaultdict[tuple[int, int], list[Entry]] = defaultdict(list)
    for row in connection.execute(select(table).where(table.c.object_key.in_(keys)).order_by(table.c.reached_at)):
        entry = Entry(row.threshold, row.reached_at, to_micros(row.fired_at), Outcome(row.outcome))
        found[row.object_key, to_micros(row.due)].append(entry)
    return found


def object_called(store: Store, key: str) -> tuple[str, str] | None:
    """Type and id of the object with this number or id; of several the one heard of last. `None`: nobody's."""
    e, o = tables.event, tables.object_
    heard = select(e.c.object_type, e.c.object_id).where((e.c.object_number == key) | (e.c.object_id == key))
    with store.read() as connection:
        row = connection.execute(heard.order_by(e.c.id.desc()).limit(1)).one_or_none()
        if row is None:
            stored = select(o.c.type, o.c.external_id).where((o.c.number == key) | (o.c.external_id == key))
            row = connection.execute(stored.order_by(o.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else (row[0], row[1])


def timeline(store: Store, object_type: str, object_id: str, until: int) -> Timeline | None:
    """The timeline of an object of the store; `None` where there is none of this type and id. Blocking."""
    with store.read() as connection:
        thing = _thing(connection, object_type, object_id)
        if thing is None:
            return None
        deadlines = deadlines_of(connection, [thing.key])
        return Foresight(connection, store).timeline(thing, deadlines, to_micros(store.clock()), until)


def timeline_of(store: Store, events: Sequence[NewEvent], until: int, now: int | None = None) -> list[Timeline]:
    """The timelines of the objects of some events, as if those were accepted now; nothing is stored. Blocking.

    Args:
        store: The store: what is known of the objects, and the settings.
        events: The events, in order.
        until: Up to when it is foretold.
        now: From when on; now where it is not said.
    """
    with store.read() as connection:
        foresight = Foresight(connection, store)
        at = to_micros(store.clock()) if now is None else now
        things: dict[tuple[str, str], _Imagined] = {}
        for event in events:
            name = event.object_type, event.object_id
            if name not in things:
                things[name] = _Imagined(connection, _thing(connection, *name))
            things[name].take(event)
        return [foresight.timeline(one.thing, one.deadlines.now, at, until) for one in things.values() if one.thing]


class _Imagined:
    """An object while events are merged into it that nobody accepts."""

    def __init__(self, connection: Connection, thing: Thing | None) -> None:
        self.thing = thing
        self.deadlines = Deadlines(connection, [thing.key] if thing else [])

    def take(self, event: NewEvent) -> None:
        before = self.thing
        merged = merge(event, before.data if before else None)[1]
        status, at = str(merged.get("status") or ""), to_micros(event.at)
        since = at if before is None or before.status != status else before.status_since
        key = before.key if before else 0
        self.thing = Thing(key, event.object_type, event.object_id, status, since, merged)
        ends = event.event_type == EventType.DELETED
        self.deadlines.follow(key, event.object_type, None if ends else status, merged["deadlines"], at, since)


class Foresight:
    """Foretells with the settings as they are in one snapshot."""

    def __init__(self, connection: Connection, store: Store) -> None:
        self._connection = connection
        self.watched = Watched.read(connection)
        self.settings = Settings.read(connection, store)
        self.rules = {rule.code: rule for rule in rules_in(connection)}
        self._pace = Pace.read(connection)

    def timeline(self, thing: Thing, deadlines: Sequence[Deadline], now: int, until: int) -> Timeline:
        """The timeline of an object with these deadlines."""
        ledger = ledger_of(self._connection, [thing.key] if thing.key else [])
        past = {one.kind: _past(one, ledger.get((thing.key, one.due), ())) for one in deadlines}
        found: list[Coming] = []
        cut: set[str] = set()
        for one in deadlines:
            told = {step.key for step in past[one.kind]}
            found += self._coming(one, thing.status_since, told, now, until, cut)
        steps = self._steps(thing, found, Stage.COMING)
        lines = [
            Line(one, self._works(one), past[one.kind], tuple(steps[one.kind]), cut=one.kind in cut)
            for one in deadlines
        ]
        lines = [self._assume(line, thing, now, until) for line in lines]
        number, title = str(thing.data.get("number") or thing.id), str(thing.data.get("title") or "")
        return Timeline(
            thing.type, thing.id, number, title, thing.status, now, until, tuple(lines),
            self.watched.schedule.calendar, self.rules,
        )  # fmt: skip

    def _coming(
        self, one: Deadline, status_since: int, told: Iterable[str], now: int, until: int, cut: set[str]
    ) -> list[Coming]:
        found: list[Coming] = []
        for step in coming(self.watched.schedule, one, status_since, told, now, until):
            if len(found) == MOST:
                cut.add(one.kind)
                break
            found.append(step)
        return found

    def _works(self, one: Deadline) -> bool:
        return any(mark.working for mark in self.watched.schedule.marks((one.object_type, one.kind)))

    def _steps(self, thing: Thing, found: Sequence[Coming], stage: Stage) -> defaultdict[str, list[Step]]:
        """The steps by kind of deadline, planned in the order in which the clock will make their events."""
        steps: defaultdict[str, list[Step]] = defaultdict(list)
        told = Told(self.settings.rules.seldom)
        ordered = sorted(found, key=lambda one: one.at)
        events = [_event(one, thing) for one in ordered]
        told.read(self._connection, [event for event in events if event])
        for one, event in zip(ordered, events, strict=True):
            what = one.occurrence
            made = planned(event, self.settings, told) if event else None
            step = Step(what.key, what.offset, what.reached, one.at, one.outcome, stage, what.codes, made)
            steps[one.deadline.kind].append(step)
        return steps

    def _assume(self, line: Line, thing: Thing, now: int, until: int) -> Line:
        """With what would come if a paused deadline went on now."""
        one = line.deadline
        if one.state is not DeadlineState.PAUSED:
            return line
        resumed = follow(one, replace(one, state=DeadlineState.RUNNING), Said(one.due, one.started), now, self._pace)
        again = replace(thing, status=ON_AGAIN, status_since=now, data={**thing.data, "status": ON_AGAIN})
        told = {step.key for step in (*line.past, *line.coming)}
        cut: set[str] = set()
        found = self._coming(resumed, now, told, now, until, cut)
        steps = self._steps(again, found, Stage.ASSUMED)[one.kind]
        return replace(line, resumed=resumed, assumed=tuple(steps), cut=line.cut or bool(cut))


def _event(one: Coming, thing: Thing) -> StoredEvent | None:
    """The event the clock will make, merged with its object; `None` where it makes none."""
    return as_stored(one.event(thing.id), thing.data) if one.outcome is Outcome.FIRED else None


def to_thing(row: Any) -> Thing:
    """An object from its row."""
    return Thing(row.id, row.type, row.external_id, row.status, to_micros(row.status_since), row.data)


def _thing(connection: Connection, object_type: str, object_id: str) -> Thing | None:
    o = tables.object_
    row = connection.execute(select(o).where(o.c.type == object_type, o.c.external_id == object_id)).one_or_none()
    return None if row is None else to_thing(row)


def _past(one: Deadline, entries: Sequence[Entry]) -> tuple[Step, ...]:
    """What the ledger says of a deadline; days of waiting are none of its business."""
    ours = f"{one.object_type}:{one.kind}:"
    return tuple(
        Step(entry.key, int(entry.key.partition("+")[2] or 0), entry.reached, entry.at, entry.outcome, Stage.PAST)
        for entry in entries
        if entry.key.startswith(ours)
    )
