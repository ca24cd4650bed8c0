"""The clock: thresholds that were reached become events, which take the same road as all others.

Each open deadline says in `next_at` when the clock must look at it; one index leads to those whose time has come, so a
tick costs what is due, not what exists. What is told, and when to look again, is decided by `dispatch.thresholds`. A
fired threshold is unique per object, threshold and due time, so two clocks, or one that starts again, do no harm.

An event that changes a deadline has the clock look at it at once. When escalations change, the deadlines they watch
are scheduled anew, some at a time beside the ticks (`Clock.reschedule`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select, text, update

from dispatch.thresholds import (
    LATE,
    Kind,
    Mark,
    Occurrence,
    Outcome,
    Schedule,
    moment_sql,
    statuses_token,
    threshold_key,
)
from store import bulk, tables
from store.audit import hold_revision_in, revision_in
from store.calendar import WorkCalendar
from store.deadlines import STANDARD, Deadline, Pace, Said, deadlines_of, follow, to_deadline, write_in
from store.engine import Store
from store.events import NewEvent, accept_in
from store.rulebook import armed_rules_in, waiting_rules_in
from store.rules import Rule
from store.settings import company_in, deadline_settings_in
from store.types import from_micros, to_micros
from store.vocabulary import EventType

SOURCE = "vestnik.clock"
BATCH = 200
"""Objects looked at in one transaction: others wait for it, so it is short."""
STEP = 2_000
"""Deadlines scheduled anew in one transaction, where the database does it."""
COMPUTED_STEP = 250
"""The same where it is computed."""
URGENT = timedelta(minutes=5)
"""What a new rule has to tell of within this time is scheduled before all else."""
MOST_URGENT = 1_000
MAX_ID = 2**63 - 1
LATER = "state < 2 AND (next_at IS NULL OR next_at > new.column2)"
"""Deadlines that the clock would look at later than is asked."""
WAITING_CATCH_UP = timedelta(days=7)
"""After a longer silence, days of waiting that were over before are passed over: nobody is helped by them now."""
WAITING_PAUSE = timedelta(seconds=1)
FORGET_AFTER = timedelta(days=120)
"""Longer than any catch-up, so that what is forgotten is too old to fire again."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What the clock goes by, read in one snapshot."""

    revision: int
    schedule: Schedule
    waiting: tuple[Rule, ...]

    @classmethod
    def read(cls, connection: Connection) -> "Watched":
        """As the settings are now."""
        rules = [(rule, to_micros(armed_at)) for rule, armed_at in armed_rules_in(connection)]
        schedule = Schedule(rules, WorkCalendar.of(company_in(connection)), deadline_settings_in(connection))
        return cls(revision_in(connection), schedule, tuple(waiting_rules_in(connection)))


class Clock:
    """The clock of a dispatcher. Its methods block: call them in a thread, one at a time."""

    def __init__(self, store: Store) -> None:
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
        made = self._tick_waiting(self._read().waiting)
        while True:
            watched = self._read()
            with self._store.read() as connection:
                if not due_count(connection, self._store.clock()):
                    return made
            looked = self._store.write(lambda con, watched=watched: _look(con, self._store.clock(), watched))
            if looked is None:
                continue  # the settings have just changed
            made += looked.made
            if not looked.deadlines:
                return made  # another clock has them

    def _tick_waiting(self, rules: Sequence[Rule]) -> int:
        """Days need not be counted more often than once a second."""
        now = self._store.clock()
        if self._waited_at is not None and timedelta() <= now - self._waited_at < WAITING_PAUSE:
            return 0
        self._waited_at = now
        return self._store.write(lambda connection: _tick_waiting(connection, self._store.clock(), rules))

    def next_at(self) -> datetime | None:
        """When it must look next; `None` when nothing is to come."""
        with self._store.read() as connection:
            query = select(func.min(tables.deadline.c.next_at)).where(text("next_at IS NOT NULL"))
            found = connection.execute(query).scalar()
        return None if found is None else from_micros(found)

    def reschedule(self) -> bool:
        """Schedule some deadlines anew; gives whether there are more."""
        watched = self._read()
        for kind in list(self._behind):
            # Once for each change of the settings: a step is to write as little as it can.
            if kind not in self._begun:
                self._begun.add(kind)
                self._store.write(partial(_begin, watched=watched, kind=kind))
            if _step(self._store, watched, kind):
                return True
            self._behind.remove(kind)
        return False

    def _read(self) -> Watched:
        with self._store.read() as connection:
            if self._watched is None or self._watched.revision != revision_in(connection):
                self._watched = Watched.read(connection)
                self._behind = _kinds_behind(connection, self._watched.schedule)
                self._begun.clear()
            return self._watched


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
    """At how many deadlines the clock has looked, and how many events were made."""

    deadlines: int
    made: int


def _look(connection: Connection, now: datetime, watched: Watched) -> _Looked | None:
    """Look at some deadlines whose time has come; `None` when the settings are others by now.

    With other settings it would say of a deadline when to look next without what was just added to them.
    """
    if hold_revision_in(connection) != watched.revision:
        return None
    at, d = to_micros(now), tables.deadline
    due = (text("next_at IS NOT NULL"), d.c.next_at <= at)
    keys = connection.execute(select(d.c.object_key).where(*due).order_by(d.c.next_at).limit(BATCH)).scalars()
    objects = _lock(connection, set(keys))
    query = select(d).where(d.c.object_key.in_(objects), *due)
    deadlines = [to_deadline(row) for row in connection.execute(query)]
    told = _ledger(connection, list(objects))
    ledger: list[tuple[Any, ...]] = []
    found: dict[tuple[int, str, int], NewEvent] = {}
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
                found[one.object_key, reached.key, one.due] = event
    bulk.update_rows(connection, d, ("id", "next_at"), next_at)
    columns = ("object_key", "threshold", "due", "fired_at", "reached_at", "outcome")
    once = "ON CONFLICT DO NOTHING RETURNING object_key, threshold, due"
    fresh = bulk.merge_rows(connection, tables.fired_threshold, columns, ledger, once)
    events = [found[key] for key in fresh if key in found]
    return _Looked(len(deadlines), sum(accept_in(connection, now, events)) if events else 0)


def _lock(connection: Connection, keys: set[int]) -> dict[int, Any]:
    """The objects, locked like by whoever accepts an event of theirs; those that others hold are left for later."""
    o = tables.object_
    query = select(o.c.id, o.c.external_id, o.c.status, o.c.status_since).where(o.c.id.in_(keys)).order_by(o.c.id)
    return {int(row.id): row for row in connection.execute(query.with_for_update(skip_locked=True))}


def _ledger(connection: Connection, keys: Sequence[int]) -> defaultdict[tuple[int, int], set[str]]:
    """The thresholds that are in the ledger, by object and due time."""
    table = tables.fired_threshold
    found: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    query = select(table.c.object_key, table.c.due, table.c.threshold).where(table.c.object_key.in_(keys))
    for row in connection.execute(query):
        found[row.object_key, to_micros(row.due)].add(row.threshold)
    return found


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


def _kinds_behind(connection: Connection, schedule: Schedule) -> list[Kind]:
    """Kinds of deadlines that are not scheduled as they should be."""
    table = tables.clock_schedule
    known = {(row.object_type, row.kind): row for row in connection.execute(select(table))}

    def behind(kind: Kind) -> bool:
        row = known.get(kind)
        return row is None or row.after_id is not None or not set(schedule.tokens(kind)) <= set(row.marks)

    return [kind for kind in {*schedule.kinds, *known} if behind(kind)]


def _begin(connection: Connection, watched: Watched, kind: Kind) -> None:
    """Note what deadlines of a kind are yet to be scheduled by.

    What is watched no more needs no scheduling: the clock looks once in vain.
    """
    if hold_revision_in(connection) != watched.revision:
        return
    table, tokens = tables.clock_schedule, watched.schedule.tokens(kind)
    here = (table.c.object_type == kind[0], table.c.kind == kind[1])
    row = connection.execute(select(table).where(*here).with_for_update()).one_or_none()
    known = [statuses_token(STANDARD)] if row is None else row.marks
    new = sorted(set(tokens) - set(known))
    if row is None:
        todo = {"marks": known, "pending": new, "after_id": 0 if new else None}
        connection.execute(insert(table).values(object_type=kind[0], kind=kind[1], **todo))
    elif not new:
        connection.execute(update(table).where(*here).values(marks=tokens, pending=[], after_id=None))
    elif row.after_id is None or not set(new) <= set(row.pending):
        connection.execute(update(table).where(*here).values(pending=new, after_id=0))


@dataclass(frozen=True, slots=True)
class _Job:
    """Deadlines of a kind that are scheduled by what is new, from one id to another."""

    schedule: Schedule
    kind: Kind
    marks: tuple[str, ...]
    pending: tuple[str, ...]
    after_id: int

    def here(self, table: Table) -> tuple[ColumnElement[bool], ...]:
        return table.c.object_type == self.kind[0], table.c.kind == self.kind[1]

    @property
    def new(self) -> list[Mark]:
        return self.schedule.marks_of(self.kind, self.pending)

    @property
    def computed(self) -> bool:
        """Whether the database cannot do it alone: working time, and what statuses mean, are ours to compute."""
        return any(mark.working for mark in self.new) or any(word.startswith("statuses") for word in self.pending)


def _step(store: Store, watched: Watched, kind: Kind) -> bool:
    """Schedule the next deadlines of a kind by what is new; gives whether there were any to be scheduled.

    It only ever has the clock look sooner: what an event has changed meanwhile it has the clock look at anyway, and to
    look in vain costs little.
    """
    d, table, schedule = tables.deadline, tables.clock_schedule, watched.schedule
    with store.read() as connection:
        here = (table.c.object_type == kind[0], table.c.kind == kind[1], table.c.after_id.is_not(None))
        row = connection.execute(select(table).where(*here)).one_or_none()
        if row is None:
            return False
        job = _Job(schedule, kind, tuple(row.marks), tuple(row.pending), row.after_id)
        step = COMPUTED_STEP if job.computed else STEP
        ids = select(d.c.id).where(*job.here(d), text("state < 2"), d.c.id > job.after_id).order_by(d.c.id)
        end = connection.execute(ids.offset(step - 1).limit(1)).scalar()
        computed = _computed(connection, job, end) if job.computed else None
        urgent = _urgent(connection, job, store.clock()) if job.after_id == 0 and not job.computed else []

    def write(connection: Connection) -> None:
        if hold_revision_in(connection) != watched.revision:
            return
        if computed is None:
            bulk.update_rows(connection, d, ("id", "next_at"), urgent, only=LATER)
            for mark in job.new:
                _sooner(connection, job, mark, end)
        else:
            bulk.update_rows(connection, d, ("id", "next_at"), computed.sooner, only=LATER)
            _restate(connection, store.clock(), Pace.of(schedule.settings, schedule.calendar), computed.other_state)
        done: dict[str, Any] = {"after_id": end}
        if end is None:
            # What is watched no more is forgotten: should it come again, it is new.
            known = {*job.marks, *job.pending}
            done |= {"marks": [word for word in schedule.tokens(kind) if word in known], "pending": []}
        connection.execute(update(table).where(*job.here(table), table.c.after_id == job.after_id).values(**done))

    store.write(write)
    return True


def _urgent(connection: Connection, job: _Job, now: datetime) -> list[tuple[int, int]]:
    """Deadlines that what is new falls into soon, and when: reading them all holds nobody up, writing them would."""
    found: list[tuple[int, int]] = []
    for mark in job.new:
        moment, armed = moment_sql(mark), min(one.armed_at for one in mark.watchers)
        query = (
            f"SELECT id, {moment} FROM deadline WHERE object_type = :object_type AND kind = :kind AND state < 2"  # noqa: S608 - numbers of ours
            f" AND {moment} > :armed AND {moment} <= :soon ORDER BY 2 LIMIT {MOST_URGENT}"
        )
        values = {"object_type": job.kind[0], "kind": job.kind[1], "armed": armed, "soon": to_micros(now + URGENT)}
        found += [(row[0], row[1]) for row in connection.execute(text(query), values)]
    return found


def _sooner(connection: Connection, job: _Job, mark: Mark, end: int | None) -> None:
    """Have the clock look when a threshold is: for any that a rule of it is armed for, be it past or to come."""
    moment, armed = moment_sql(mark), min(one.armed_at for one in mark.watchers)
    where = (
        f"object_type = :object_type AND kind = :kind AND state < 2 AND id > :after AND id <= :end"
        f" AND {moment} > :armed AND (next_at IS NULL OR next_at > {moment})"
    )
    values = {"object_type": job.kind[0], "kind": job.kind[1], "after": job.after_id, "armed": armed}
    statement = text(f"UPDATE deadline SET next_at = {moment} WHERE {where}")  # noqa: S608 - numbers and names of ours
    connection.execute(statement, {**values, "end": MAX_ID if end is None else end})


@dataclass(frozen=True, slots=True)
class _Computed:
    """When to look at deadlines (by id), and the objects whose deadlines run or not against what settings say."""

    sooner: list[tuple[int, int]]
    other_state: list[int]


def _computed(connection: Connection, job: _Job, end: int | None) -> _Computed:
    """Read deadlines and compute when to look at them, outside of the transaction that writes."""
    d, o = tables.deadline, tables.object_
    query = select(d, o.c.status, o.c.status_since).join(o, o.c.id == d.c.object_key)
    until = d.c.id <= (MAX_ID if end is None else end)
    rows = connection.execute(query.where(*job.here(d), text("deadline.state < 2"), d.c.id > job.after_id, until)).all()
    told = _ledger(connection, [row.object_key for row in rows])
    pace, marks = Pace.of(job.schedule.settings, job.schedule.calendar), job.new
    found = _Computed([], [])
    for row in rows:
        one = to_deadline(row)
        if pace.state(*job.kind, row.status) is not one.state:
            found.other_state.append(one.object_key)
        soon = job.schedule.next_at(one, to_micros(row.status_since), told[one.object_key, one.due], marks)
        if soon is not None and (row.next_at is None or soon < row.next_at):
            found.sooner.append((one.id, soon))
    return found


def _restate(connection: Connection, now: datetime, pace: Pace, keys: Sequence[int]) -> None:
    """Have deadlines run or pause as the settings now say of the status of their object."""
    if not keys:
        return
    statuses = {key: row.status for key, row in _lock(connection, set(keys)).items()}
    changed: list[Deadline] = []
    for one in deadlines_of(connection, list(statuses)):
        new = replace(one, state=pace.state(one.object_type, one.kind, statuses[one.object_key]))
        if one.open and new.state is not one.state:
            changed.append(follow(one, new, Said(one.due, one.started), to_micros(now), pace))
    write_in(connection, changed, to_micros(now))


def _tick_waiting(connection: Connection, now: datetime, rules: Sequence[Rule]) -> int:
    """Fire the rules on days of waiting: what fell into (watermark, now]."""
    by_key = {threshold_key(rule): rule for rule in rules}
    found = connection.execute(select(tables.watermark.c.threshold, tables.watermark.c.at))
    marks: dict[str, datetime] = {row.threshold: row.at for row in found}
    made = 0
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


def _fire_waiting(connection: Connection, now: datetime, key: str, rule: Rule, since: datetime) -> int:
    """Tell of objects that have been in a status for the rule's days since a moment before."""
    o, days = tables.object_, timedelta(days=rule.waiting_days or 0)
    query = select(o.c.id, o.c.external_id, o.c.status_since).where(
        o.c.type == rule.object_type,
        o.c.status.in_(rule.to_status),
        o.c.status_since > since - days,
        o.c.status_since <= now - days,
    )
    rows = {row.id: row for row in connection.execute(query)}
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


def forget(connection: Connection, now: datetime) -> None:
    """Empty the ledger of what was reached long ago."""
    table = tables.fired_threshold
    connection.execute(table.delete().where(table.c.fired_at < now - FORGET_AFTER))
