"""The forecast: every threshold the whole desk will reach until a moment, and the letters that will come of them.

It foretells like the timeline of one object (`dispatch.timeline`), deadline by deadline; what it costs is bounded by
what is due, which the partial index on `next_at` gives. Days of waiting are foretold as well, and letters that wait
in the outbox for their time are counted. What the limits on letters and silent mode would hold back is not.

It reads in portions, each a short transaction of its own, so nobody waits for it. Times are µs since the epoch.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, func, select, text, tuple_

from dispatch.planner import planned
from dispatch.thresholds import DAY, MINUTE, Outcome, threshold_key
from dispatch.ticks import waiting_event
from dispatch.timeline import MOST, Coming, Foresight, Thing, coming, to_thing
from dispatch.told import Told
from dispatch.watched import told_keys
from store import tables
from store.deadlines import to_deadline
from store.engine import Store
from store.events import StoredEvent, as_stored
from store.rules import Rule
from store.types import from_micros, to_micros
from store.vocabulary import Channel, DeliveryState

PORTION = 250
"""Deadlines or objects read in one transaction."""
MOST_DEADLINES = 20_000
"""Deadlines and waiting objects looked at, those whose time comes first."""
MOST_ALERTS = 100_000

_Key = TypeVar("_Key", int, str)
Progress = Callable[[int, int], bool]
"""Is told how many of how many deadlines were looked at; gives whether to go on."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A threshold that will be reached.

    Attributes:
        kind: The kind of deadline; empty for days of waiting.
        key: As in the ledger, with `+60` for a repeat an hour later.
        again: Minutes after the threshold, for a repeat; 0 for the threshold itself.
        letters, notices: How many will be told by e-mail and in the interface.
    """

    id: int
    at: int
    object_type: str
    object_id: str
    number: str
    title: str
    kind: str
    key: str
    again: int
    letters: int
    notices: int


class Load(NamedTuple):
    """How many letters, and how many notifications of the interface."""

    letters: int = 0
    notices: int = 0


@dataclass(slots=True)
class Forecast:
    """What is to come.

    Attributes:
        alerts: In the order of time.
        minutes: By the start of a minute, what leaves in it: a letter that keeps to working hours when they open.
        told: By address (by name for those who have none), what somebody gets.
        queued: Letters among them that are written already and wait in the outbox.
        looked: Deadlines and waiting objects looked at.
        cut: There are more than were looked at, or it was stopped.
    """

    now: int
    until: int
    alerts: list[Alert] = field(default_factory=list[Alert])
    minutes: dict[int, Load] = field(default_factory=dict[int, Load])
    told: dict[str, Load] = field(default_factory=dict[str, Load])
    queued: int = 0
    looked: int = 0
    cut: bool = False

    def slots(self, starts: Sequence[int]) -> list[Load]:
        """What leaves from each of these moments (ascending) to the next; from the last, all up to the end."""
        found = [Load()] * len(starts)
        place = 0
        for minute, load in sorted(self.minutes.items()):
            if minute >= self.until:
                break
            while place + 1 < len(starts) and minute >= starts[place + 1]:
                place += 1
            found[place] = _sum(found[place], load)
        return found

    @property
    def total(self) -> Load:
        """All letters and notifications."""
        return _sum(*self.minutes.values())

    @property
    def later(self) -> int:
        """Letters among them that leave after the end only: they keep to working hours."""
        return sum(load.letters for minute, load in self.minutes.items() if minute >= self.until)

    def most_told(self, count: int) -> list[tuple[str, Load]]:
        """Who gets most, letters first."""
        return sorted(self.told.items(), key=lambda one: (-one[1].letters, -one[1].notices, one[0]))[:count]


def forecast(
    store: Store, until: int, progress: Progress = lambda _looked, _all: True, limit: int = MOST_DEADLINES
) -> Forecast:
    """What the clock will tell until a moment, if nothing else happens. Blocking; changes nothing.

    Args:
        store: The store.
        until: Up to when.
        progress: Told how far it is, and asked whether to go on.
        limit: Deadlines and waiting objects looked at.
    """
    found = Forecast(to_micros(store.clock()), until)
    with store.read() as connection:
        foresight = Foresight(connection, store)
        due = select(tables.deadline.c.id).where(*_due(until)).limit(limit).subquery()
        count = connection.execute(select(func.count()).select_from(due)).scalar_one()
        _count_queued(connection, found)
    work = _Work(store, foresight, found, limit, count, progress)
    work.deadlines()
    for rule in foresight.watched.waiting:
        work.waiting(rule)
    found.alerts.sort(key=lambda one: (one.at, one.id))
    return found


def _due(until: int) -> tuple[ColumnElement[bool], ...]:
    d = tables.deadline
    # In these words the partial index is found.
    return (text("deadline.next_at IS NOT NULL"), d.c.next_at <= until)  # pyright: ignore[reportReturnType]


def _count_queued(connection: Connection, found: Forecast) -> None:
    """Letters that are written and wait for their time."""
    d = tables.delivery
    times = (d.c.next_at > from_micros(found.now), d.c.next_at <= from_micros(found.until))
    query = select(d.c.next_at, func.count()).where(text("state < 2"), d.c.state == DeliveryState.PENDING.value, *times)
    for at, letters in connection.execute(query.group_by(d.c.next_at)):
        _add(found.minutes, to_micros(at) // MINUTE * MINUTE, Load(letters))
        found.queued += letters


@dataclass(slots=True)
class _Work:
    """The forecast while it is made."""

    store: Store
    foresight: Foresight
    found: Forecast
    limit: int
    count: int
    progress: Progress

    def deadlines(self) -> None:
        """Go over the deadlines whose time comes."""
        d, o = tables.deadline, tables.object_
        after = (-1, 0)
        seen = set[int]()
        while self._goes_on():
            following = tuple_(d.c.next_at, d.c.id) > tuple_(*after)
            query = select(d, o.c.external_id, o.c.status, o.c.status_since, o.c.data).join(o, o.c.id == d.c.object_key)
            query = query.where(*_due(self.found.until), following).order_by(d.c.next_at, d.c.id).limit(PORTION)
            with self.store.read() as connection:
                rows = connection.execute(query).all()
                told = told_keys(connection, [row.object_key for row in rows])
                found: list[tuple[Coming, Thing]] = []
                for row in rows:
                    after = (row.next_at, row.id)
                    # The clock goes on meanwhile: one that it has looked at may come again.
                    if row.id not in seen:
                        seen.add(row.id)
                        found += self._coming(row, told[row.object_key, row.due])
                self._take(connection, found)
            self.found.looked += len(rows)
            if len(rows) < PORTION:
                return
        self.found.cut = True

    def waiting(self, rule: Rule) -> None:
        """Go over the objects that will have been in a status for the days of a rule."""
        o, days = tables.object_, timedelta(days=rule.waiting_days or 0)
        times = (
            o.c.status_since > from_micros(self.found.now) - days,
            o.c.status_since <= from_micros(self.found.until) - days,
        )
        query = select(o).where(o.c.type == rule.object_type, o.c.status.in_(rule.to_status), *times)
        after = (0, 0)
        while self._goes_on():
            following = tuple_(o.c.status_since, o.c.id) > tuple_(*after)
            with self.store.read() as connection:
                portion = query.where(following).order_by(o.c.status_since, o.c.id).limit(PORTION)
                things = [to_thing(row) for row in connection.execute(portion)]
                self._take_waiting(connection, rule, things)
            self.found.looked += len(things)
            if len(things) < PORTION:
                return
            after = (things[-1].status_since, things[-1].key)
        self.found.cut = True

    def _goes_on(self) -> bool:
        here = self.found.looked < self.limit and len(self.found.alerts) < MOST_ALERTS
        return here and self.progress(self.found.looked, max(self.count, self.found.looked))

    def _coming(self, row: Row[Any], told: Collection[str]) -> Iterator[tuple[Coming, Thing]]:
        one = to_deadline(row)
        since = to_micros(row.status_since)
        thing = Thing(one.object_key, one.object_type, row.external_id, row.status, since, row.data)
        schedule, found = self.foresight.watched.schedule, self.found
        for step in islice(coming(schedule, one, since, told, found.now, found.until), MOST):
            if step.outcome is Outcome.FIRED:
                yield step, thing

    def _take(self, connection: Connection, found: list[tuple[Coming, Thing]]) -> None:
        found.sort(key=lambda one: one[0].at)
        events = [as_stored(step.event(thing.id), thing.data) for step, thing in found]
        told = self._told(connection, events)
        for (step, _), event in zip(found, events, strict=True):
            what = step.occurrence
            self._plan(event, told, step.at, (step.deadline.kind, what.key, what.offset))

    def _take_waiting(self, connection: Connection, rule: Rule, things: Sequence[Thing]) -> None:
        days = (rule.waiting_days or 0) * DAY
        events = [
            as_stored(waiting_event(rule, one.id, one.status_since, from_micros(one.status_since + days)), one.data)
            for one in things
        ]
        told = self._told(connection, events)
        for event in events:
            self._plan(event, told, to_micros(event.at), ("", threshold_key(rule), 0))

    def _told(self, connection: Connection, events: Sequence[StoredEvent]) -> Told:
        told = Told(self.foresight.settings.rules.seldom)
        told.read(connection, events)
        return told

    def _plan(self, event: StoredEvent, told: Told, at: int, what: tuple[str, str, int]) -> None:
        """Count whom an event tells, and when."""
        letters = notices = 0
        found = self.found
        for taken in planned(event, self.foresight.settings, told).taken:
            by_mail = taken.rule.channel is Channel.EMAIL
            each, count = Load(1, 0) if by_mail else Load(0, 1), len(taken.recipients)
            letters, notices = letters + each.letters * count, notices + each.notices * count
            leaves = to_micros(taken.not_before) if taken.not_before else at
            _add(found.minutes, leaves // MINUTE * MINUTE, Load(each.letters * count, each.notices * count))
            for who in taken.recipients:
                _add(found.told, who.address or who.name, each)
        about = (event.object_type, event.object_id, event.object_number, event.title)
        found.alerts.append(Alert(len(found.alerts), at, *about, *what, letters, notices))


def _add(loads: dict[_Key, Load], key: _Key, more: Load) -> None:
    loads[key] = _sum(loads.get(key, Load()), more)


def _sum(*loads: Load) -> Load:
    return Load(sum(one.letters for one in loads), sum(one.notices for one in loads))
