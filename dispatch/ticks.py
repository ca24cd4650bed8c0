"""The clock: thresholds that were reached become events, which take the same road as all others.

Each open deadline says in `next_at` when the clock must look at it; one index leads to those whose time has come, so a
tick costs what is due, not what exists. What is told, and when to look again, is decided by `dispatch.thresholds`. A
fired threshold is unique per object, threshold and due time, so two clocks, or one that starts again, do no harm.

An event that changes a deadline has the clock look at it at once. When escalations change, the deadlines they watch
are scheduled anew, some at a time between the ticks (`dispatch.scheduling`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, text, update

from dispatch.scheduling import begin, kinds_behind, step
from dispatch.thresholds import LATE, Kind, Occurrence, Outcome, threshold_key
from dispatch.watched import Watched, lock_objects, told_keys
from store import bulk, tables
from store.audit import hold_revision_in, revision_in
from store.deadlines import Deadline, to_deadline
from store.engine import Store
from store.events import NewEvent, accept_in
from store.histogram import Histogram
from store.rules import Rule
from store.types import from_micros, to_micros
from store.vocabulary import EventType

SOURCE = "vestnik.clock"
MICROS = 1_000_000
BATCH = 200
"""Objects looked at in one transaction: others wait for it, so it is short."""
WAITING_CATCH_UP = timedelta(days=7)
"""After a longer silence, days of waiting that were over before are passed over: nobody is helped by them now."""
WAITING_PAUSE = timedelta(seconds=1)
WAITING_KEPT = timedelta(seconds=30)
"""How old what is written of how far it has looked may be: a quiet store is not written to each second. After a restart
so much is looked through again, and the ledger knows what was told of it."""
LATENESS_BOUNDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86400)
FORGET_AFTER = timedelta(days=120)
"""Longer than any catch-up, so that what is forgotten is too old to fire again."""


class Clock:
    """The clock of a dispatcher. Its methods block: call them in a thread, one at a time.

    Attributes:
        lateness: Seconds from the moment a threshold of a deadline was reached until the clock told of it.
        next_at: When it must look next, as the last tick has seen it; `None` when nothing is to come.
    """

    def __init__(self, store: Store) -> None:
        self.lateness = Histogram(LATENESS_BOUNDS)
        self.next_at: datetime | None = None
        self._store = store
        self._watched: Watched | None = None
        self._behind: list[Kind] = []
        self._begun: set[Kind] = set()
        self._waited_at: datetime | None = None

    @property
    def behind(self) -> bool:
        """Whether deadlines must be scheduled anew; `reschedule` does it."""
        return bool(self._behind)

    def tick(self) -> int:
        """Make events of what was reached; gives how many."""
        watched = self._read()
        made = self._tick_waiting(watched.waiting)
        while self.next_at is not None and self.next_at <= self._store.clock():
            looked = self._store.write(lambda con, watched=watched: _look(con, self._store.clock(), watched))
            watched = self._read()
            if looked is None:
                continue  # the settings have just changed
            made += looked.made
            for seconds in looked.late:
                self.lateness.add(seconds)
            if not looked.deadlines:
                break  # another clock has them
        return made

    def _tick_waiting(self, rules: Sequence[Rule]) -> int:
        """Days need not be counted more often than once a second."""
        now = self._store.clock()
        if self._waited_at is not None and timedelta() <= now - self._waited_at < WAITING_PAUSE:
            return 0
        self._waited_at = now
        with self._store.read() as connection:
            if not _is_to_tick_waiting(connection, now, rules):
                return 0
        return self._store.write(lambda connection: _tick_waiting(connection, self._store.clock(), rules))

    def reschedule(self) -> bool:
        """Schedule some deadlines anew; gives whether there are more."""
        watched = self._read()
        for kind in list(self._behind):
            # Once for each change of the settings: a step is to write as little as it can.
            if kind not in self._begun:
                self._begun.add(kind)
                self._store.write(partial(begin, watched=watched, kind=kind))
            if step(self._store, watched, kind):
                return True
            self._behind.remove(kind)
        return False

    def _read(self) -> Watched:
        with self._store.read() as connection:
            if self._watched is None or self._watched.revision != revision_in(connection):
                self._watched = Watched.read(connection)
                self._behind = kinds_behind(connection, self._watched.schedule)
                self._begun.clear()
            found = connection.execute(_first()).scalar()
            self.next_at = None if found is None else from_micros(found)
            return self._watched


@cache
def _first() -> Select[int]:
    return select(func.min(tables.deadline.c.next_at)).where(text("next_at IS NOT NULL"))


def tick(store: Store) -> int:
    """Look once, with all deadlines scheduled as the settings are now; gives how many events were made. Blocking."""
    clock = Clock(store)
    made = clock.tick()
    while clock.behind and clock.reschedule():
        pass
    return made + clock.tick()


def due_count(connection: Connection, now: datetime) -> int:
    """How many deadlines the clock has to look at now, up to a handful: whether there are any is what is asked."""
    d = tables.deadline
    due = select(d.c.id).where(text("next_at IS NOT NULL"), d.c.next_at <= to_micros(now)).limit(1)
    return len(connection.execute(due).all())


@dataclass(frozen=True, slots=True)
class _Looked:
    """At how many deadlines the clock has looked, how many events were made, and how late each threshold was, in s."""

    deadlines: int
    made: int
    late: list[float]


def _look(connection: Connection, now: datetime, watched: Watched) -> _Looked | None:
    """Look at some deadlines whose time has come; `None` when the settings are others by now.

    With other settings it would say of a deadline when to look next without what was just added to them.
    """
    if hold_revision_in(connection) != watched.revision:
        return None
    at, d = to_micros(now), tables.deadline
    due = (text("next_at IS NOT NULL"), d.c.next_at <= at)
    keys = connection.execute(select(d.c.object_key).where(*due).order_by(d.c.next_at).limit(BATCH)).scalars()
    objects = lock_objects(connection, set(keys))
    query = select(d).where(d.c.object_key.in_(objects), *due)
    deadlines = [to_deadline(row) for row in connection.execute(query)]
    told = told_keys(connection, list(objects))
    ledger: list[tuple[Any, ...]] = []
    found: dict[tuple[int, str, int], tuple[NewEvent, float]] = {}
    next_at: list[tuple[int, int | None]] = []
    for one in deadlines:
        thing = objects[one.object_key]
        look = watched.schedule.look(one, to_micros(thing.status_since), told[one.object_key, one.due], at)
        next_at.append((one.id, look.next_at))
        left_out = [reached.key for reached, outcome in look.reached if outcome is Outcome.SUPERSEDED]
        for reached, outcome in look.reached:
            ledger.append((one.object_key, reached.key, one.due, at, reached.reached, outcome.value))
            if outcome is Outcome.FIRED:
                event = clock_event(one, reached, thing.external_id, left_out, now)
                found[one.object_key, reached.key, one.due] = event, (at - reached.reached) / MICROS
    bulk.update_rows(connection, d, ("id", "next_at"), next_at)
    columns = ("object_key", "threshold", "due", "fired_at", "reached_at", "outcome")
    once = "ON CONFLICT DO NOTHING RETURNING object_key, threshold, due"
    fresh = bulk.merge_rows(connection, tables.fired_threshold, columns, ledger, once)
    fired = [found[key] for key in fresh if key in found]
    made = sum(accept_in(connection, now, [event for event, _ in fired])) if fired else 0
    return _Looked(len(deadlines), made, [late for _, late in fired])


def clock_event(one: Deadline, reached: Occurrence, object_id: str, left_out: Sequence[str], now: datetime) -> NewEvent:
    """The event that tells of a threshold, or of a repeat of one; `left_out` as in `event_deadline`."""
    data = {"object": {"id": object_id}, "deadline": event_deadline(one, reached, to_micros(now), left_out)}
    external = f"{reached.key}:{object_id}:{one.due}"
    return NewEvent(SOURCE, external, one.object_type, EventType.DEADLINE.value, object_id, now, data)


def event_deadline(one: Deadline, reached: Occurrence, now: int, left_out: Sequence[str] = ()) -> dict[str, Any]:
    """What an event of the clock says of its deadline.

    `rules` are those it is for; `again` is minutes after the threshold, for a repeat; `reached` is there when it is
    told late; `left_out` are the thresholds it is told instead of.
    """
    said: dict[str, Any] = {
        "kind": one.kind, "due": from_micros(one.expires).isoformat(), "threshold": reached.mark.key,
        "rules": list(reached.codes),
    }  # fmt: skip
    if reached.offset:
        said["again"] = reached.offset
    if now - reached.reached > LATE:
        said["reached"] = from_micros(reached.reached).isoformat()
    if left_out:
        said["left_out"] = list(left_out)
    return said


def _by_key(rules: Sequence[Rule]) -> dict[str, Rule]:
    return {threshold_key(rule): rule for rule in rules}


def _marks(connection: Connection) -> dict[str, datetime]:
    """Up to when was looked, by threshold."""
    found = connection.execute(select(tables.watermark.c.threshold, tables.watermark.c.at))
    return {row.threshold: row.at for row in found}


def _is_to_tick_waiting(connection: Connection, now: datetime, rules: Sequence[Rule]) -> bool:
    """Whether anything is to be written of the rules on days of waiting: a quiet store is left alone."""
    by_key, marks = _by_key(rules), _marks(connection)
    if set(marks) != set(by_key) or any(not timedelta() <= now - at < WAITING_KEPT for at in marks.values()):
        return True
    return any(connection.execute(_waited(rule, marks[key], now).limit(1)).first() for key, rule in by_key.items())


def _tick_waiting(connection: Connection, now: datetime, rules: Sequence[Rule]) -> int:
    """Fire the rules on days of waiting: what fell into (watermark, now]."""
    by_key, marks, made = _by_key(rules), _marks(connection), 0
    for key, rule in by_key.items():
        since = marks.get(key)
        if since is None:
            # A rule that is new starts at its own watermark: what passed before it existed is not its business.
            connection.execute(insert(tables.watermark).values(threshold=key, at=now))
            continue
        made += _fire_waiting(connection, now, key, rule, max(since, now - WAITING_CATCH_UP))
    connection.execute(update(tables.watermark).where(tables.watermark.c.threshold.in_(by_key)).values(at=now))
    if stale := set(marks) - set(by_key):
        # What passes while a rule is off is passed over, so it starts anew when it is switched on.
        connection.execute(delete(tables.watermark).where(tables.watermark.c.threshold.in_(stale)))
    return made


def _waited(rule: Rule, since: datetime, now: datetime) -> Select[*tuple[Any, ...]]:
    """Objects whose days in a status were over in (since, now]."""
    o, days = tables.object_, timedelta(days=rule.waiting_days or 0)
    return select(o.c.id, o.c.external_id, o.c.status_since).where(
        o.c.type == rule.object_type,
        o.c.status.in_(rule.to_status),
        o.c.status_since > since - days,
        o.c.status_since <= now - days,
    )


def _fire_waiting(connection: Connection, now: datetime, key: str, rule: Rule, since: datetime) -> int:
    """Tell of objects that have been in a status for the rule's days since a moment before."""
    days = timedelta(days=rule.waiting_days or 0)
    rows = {row.id: row for row in connection.execute(_waited(rule, since, now))}
    at = to_micros(now)
    ledger = [
        (row.id, key, to_micros(row.status_since), at, to_micros(row.status_since + days), Outcome.FIRED.value)
        for row in rows.values()
    ]
    columns = ("object_key", "threshold", "due", "fired_at", "reached_at", "outcome")
    once = "ON CONFLICT DO NOTHING RETURNING object_key"
    events: list[NewEvent] = []
    for (object_key,) in bulk.merge_rows(connection, tables.fired_threshold, columns, ledger, once):
        row = rows[object_key]
        events.append(waiting_event(rule, row.external_id, to_micros(row.status_since), now))
    return sum(accept_in(connection, now, events)) if events else 0


def waiting_event(rule: Rule, object_id: str, since: int, now: datetime) -> NewEvent:
    """The event that tells of an object that has been in a status for a rule's days, since `since` (µs)."""
    data: dict[str, Any] = {"object": {"id": object_id}, "waiting_days": rule.waiting_days}
    external = f"{threshold_key(rule)}:{object_id}:{since}"
    return NewEvent(SOURCE, external, rule.object_type, rule.event_type.value, object_id, now, data)


def forget(store: Store) -> bool:
    """Empty the ledger of what was reached long ago, for some objects; gives whether there are more. Blocking.

    What is old is looked for in a reading, since no index leads to it: only to delete it others are kept waiting.
    """
    f, before = tables.fired_threshold, store.clock() - FORGET_AFTER
    with store.read() as connection:
        objects = list(connection.execute(select(f.c.object_key).where(f.c.fired_at < before).limit(BATCH)).scalars())
    if objects:
        old = (f.c.object_key.in_(set(objects)), f.c.fired_at < before)
        store.write(lambda connection: connection.execute(delete(f).where(*old)).rowcount)
    return len(objects) == BATCH
