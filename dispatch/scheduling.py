"""Scheduling deadlines anew when escalations change, so that the clock looks at each in time.

A step at a time, by what is new alone; what is done stands in the store, so that a clock that starts again goes on.
Nobody schedules by settings that are no longer those of the store.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, insert, select, text, update

from dispatch.thresholds import Kind, Mark, Schedule, moment_sql, statuses_token
from dispatch.watched import Watched, lock_objects, told_keys
from store import bulk, tables
from store.audit import hold_revision_in
from store.deadlines import STANDARD, Deadline, Pace, Said, deadlines_of, follow, to_deadline, write_in
from store.engine import Store
from store.journal import MAX_ID
from store.types import to_micros

STEP = 2_000
"""Deadlines scheduled anew in one transaction, where the database does it."""
COMPUTED_STEP = 250
"""The same where it is computed."""
URGENT = timedelta(minutes=5)
"""What a new rule has to tell of within this time is scheduled before all else."""
MOST_URGENT = 1_000
LATER = "state < 2 AND (next_at IS NULL OR next_at > new.column2)"
"""Deadlines that the clock would look at later than is asked."""


def kinds_behind(connection: Connection, schedule: Schedule) -> list[Kind]:
    """Kinds of deadlines that are not scheduled as they should be."""
    table = tables.clock_schedule
    known = {(row.object_type, row.kind): row for row in connection.execute(select(table))}

    def behind(kind: Kind) -> bool:
        row = known.get(kind)
        return row is None or row.after_id is not None or not set(schedule.tokens(kind)) <= set(row.marks)

    return [kind for kind in {*schedule.kinds, *known} if behind(kind)]


def begin(connection: Connection, watched: Watched, kind: Kind) -> None:
    """Note what deadlines of a kind are yet to be scheduled by.

    What is watched no more needs no scheduling: the clock looks once in vain.
    """
    if hold_revision_in(connection) != watched.revision:
        return
    table, tokens = tables.clock_schedule, watched.schedule.tokens(kind)
    here = _of(table, kind)
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

    @property
    def new(self) -> list[Mark]:
        return self.schedule.marks_of(self.kind, self.pending)

    @property
    def computed(self) -> bool:
        """Whether the database cannot do it alone: working time, and what statuses mean, are ours to compute."""
        return any(mark.working for mark in self.new) or any(word.startswith("statuses") for word in self.pending)


def step(store: Store, watched: Watched, kind: Kind) -> bool:
    """Schedule the next deadlines of a kind by what is new; gives whether there were any to be scheduled.

    It only ever has the clock look sooner: what an event has changed meanwhile it has the clock look at anyway, and to
    look in vain costs little.
    """
    d, table, schedule = tables.deadline, tables.clock_schedule, watched.schedule
    with store.read() as connection:
        row = connection.execute(select(table).where(*_of(table, kind), table.c.after_id.is_not(None))).one_or_none()
        if row is None:
            return False
        job = _Job(schedule, kind, tuple(row.marks), tuple(row.pending), row.after_id)
        size = COMPUTED_STEP if job.computed else STEP
        ids = select(d.c.id).where(*_of(d, job.kind), text("state < 2"), d.c.id > job.after_id).order_by(d.c.id)
        end = connection.execute(ids.offset(size - 1).limit(1)).scalar()
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
        connection.execute(update(table).where(*_of(table, kind), table.c.after_id == job.after_id).values(**done))

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
    rows = connection.execute(
        query.where(*_of(d, job.kind), text("deadline.state < 2"), d.c.id > job.after_id, until)
    ).all()
    told = told_keys(connection, [row.object_key for row in rows])
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
    statuses = {key: row.status for key, row in lock_objects(connection, set(keys)).items()}
    changed: list[Deadline] = []
    for one in deadlines_of(connection, list(statuses)):
        new = replace(one, state=pace.state(one.object_type, one.kind, statuses[one.object_key]))
        if one.open and new.state is not one.state:
            changed.append(follow(one, new, Said(one.due, one.started), to_micros(now), pace))
    write_in(connection, changed, to_micros(now))


def _of(table: Table, kind: Kind) -> tuple[ColumnElement[bool], ...]:
    """The rows of a kind of deadline."""
    return table.c.object_type == kind[0], table.c.kind == kind[1]
