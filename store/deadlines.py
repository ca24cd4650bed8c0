"""Deadlines of objects: how they run, pause, move and end as events tell of them. Times are µs since the epoch.

The due time is the desk's. Where a status stops a deadline for a while, its due time moves by the pause, unless the
desk says a new one. `follow` is pure; the tables are at the end.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, select, update

from store import bulk, tables
from store.calendar import WorkCalendar
from store.cards import DeadlineSettings, StatusRules
from store.engine import Store
from store.settings import company_in, deadline_settings_in
from store.types import to_micros
from store.vocabulary import PAUSED_STATUSES, TERMINAL_STATUSES, DeadlineKind, DeadlineState, PauseMoves

STANDARD = StatusRules(tuple(sorted(PAUSED_STATUSES)), tuple(sorted(TERMINAL_STATUSES)))
COLUMNS = (
    "object_key", "object_type", "kind", "started", "due", "since", "expires", "state", "stopped_at", "pauses",
    "acknowledged_at", "acknowledged_by", "next_at",
)  # fmt: skip
_ON_CONFLICT = "ON CONFLICT (object_key, kind) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in COLUMNS[3:]
)
Named = tuple[str, str, str]
"""A deadline as the desk knows it: the object's type, its id, and the kind."""
_OPEN = frozenset({DeadlineState.RUNNING, DeadlineState.PAUSED})


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that is over. `expires` is when the deadline expires from then on."""

    started: int
    ended: int
    expires: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a deadline ran, [`start`, `end`), and when it would have expired; `end` is open while it runs."""

    start: int
    end: int | None
    expires: int


@dataclass(frozen=True, slots=True)
class Deadline:
    """A deadline of an object.

    Attributes:
        object_key: The object's id in the store; 0 for an object that is not stored.
        started, due: As the desk says. What fires, fires once for each `due`.
        since: From when these hold: a moved deadline has begun before it was moved.
        expires: The due time, moved by pauses.
        stopped_at: Since when it has not run; `None` while it does.
        acknowledged_at: Since when somebody looks after it: nothing is repeated any more.
    """

    object_key: int
    object_type: str
    kind: str
    started: int
    due: int
    since: int
    expires: int
    state: DeadlineState = DeadlineState.RUNNING
    stopped_at: int | None = None
    pauses: tuple[Pause, ...] = ()
    acknowledged_at: int | None = None
    acknowledged_by: str = ""
    id: int = 0

    @property
    def open(self) -> bool:
        """Whether it is neither met nor ended."""
        return self.state in _OPEN

    def stretches(self) -> list[Stretch]:
        """The times in which it ran, in order."""
        starts = [(self.since, self.due), *((pause.ended, pause.expires) for pause in self.pauses)]
        ends = [*(pause.started for pause in self.pauses), self.stopped_at]
        return [Stretch(start, end, expires) for (start, expires), end in zip(starts, ends, strict=True)]


@dataclass(frozen=True, slots=True)
class Said:
    """What an event says of a deadline. Without a `due` it says nothing of when, without both it takes it away."""

    due: int | None = None
    started: int | None = None
    met: int | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Said":
        """From the event's `deadlines`, whose times are ISO texts."""
        return cls(*(_micros(given.get(name)) for name in ("due", "started", "met")))


@dataclass(frozen=True)
class Pace:
    """How deadlines run on a desk: which statuses stop them, and by how much a pause moves them."""

    settings: DeadlineSettings
    read_calendar: Callable[[], WorkCalendar]

    @classmethod
    def read(cls, connection: Connection) -> "Pace":
        """As the settings say."""
        return cls(deadline_settings_in(connection), lambda: WorkCalendar.of(company_in(connection)))

    @classmethod
    def of(cls, settings: DeadlineSettings, calendar: WorkCalendar) -> "Pace":
        """As settings say that are read already."""
        return cls(settings, lambda: calendar)

    @cached_property
    def calendar(self) -> WorkCalendar:
        """The working calendar; read only when a pause is counted in working time."""
        return self.read_calendar()

    def state(self, object_type: str, kind: str, status: str) -> DeadlineState:
        """What a status makes of a deadline that is not met. A status nobody has named is a running one."""
        rules = self.settings.statuses.get(object_type, STANDARD)
        if status in rules.ended:
            return DeadlineState.ENDED
        # A planned start is an appointment: an object that waits for it waits in a status that stops the others.
        if status in rules.paused and kind != DeadlineKind.PLANNED_START:
            return DeadlineState.PAUSED
        return DeadlineState.RUNNING

    def moved(self, expires: int, paused: int, resumed: int) -> int:
        """When a deadline expires after a pause."""
        if self.settings.pause is PauseMoves.NOTHING:
            return expires
        if self.settings.pause is PauseMoves.TIME:
            return expires + resumed - paused
        worked = self.calendar.worked
        return self.calendar.moment(worked(resumed) + worked(expires) - worked(paused))


def follow(before: Deadline | None, new: Deadline, said: Said, at: int, pace: Pace) -> Deadline:
    """A deadline after an event.

    Args:
        before: As it was, if it was there.
        new: As it would be if the event were the first to tell of it: `state` is that of the object's status.
        said: What the desk says of it.
        at: When the event happened.
        pace: How deadlines run.
    """
    if said.due is None and said.met is None:
        # Taken away, or never there: nothing is to be told of it.
        new = replace(new, state=DeadlineState.ENDED)
    elif said.met is not None:
        new, at = replace(new, state=DeadlineState.MET), said.met
    if before is None or (said.due is not None and (new.started, new.due) != (before.started, before.due)):
        since = new.started if before is None else at
        return replace(new, since=since, expires=new.due, stopped_at=None if _runs(new) else since)
    if new.state is before.state:
        return before
    if not _runs(before) and not _runs(new):
        return replace(before, state=new.state)
    latest = before.pauses[-1].ended if before.pauses else before.since
    if before.stopped_at is None:
        return replace(before, state=new.state, stopped_at=max(at, latest))
    # Clocks of a desk may disagree: a pause does not end before it began.
    at = max(at, before.stopped_at)
    if before.stopped_at == before.since and not before.pauses:
        # It has not run yet: a task that is planned waits for its start, and its due time was set knowing that.
        return replace(before, state=new.state, stopped_at=None, since=at)
    expires = before.expires
    if before.kind != DeadlineKind.PLANNED_START:
        expires = pace.moved(expires, before.stopped_at, at)
    pauses = (*before.pauses, Pause(before.stopped_at, at, expires))
    return replace(before, state=new.state, stopped_at=None, pauses=pauses, expires=expires)


def _runs(deadline: Deadline) -> bool:
    return deadline.state is DeadlineState.RUNNING


def _micros(text: str | None) -> int | None:
    return to_micros(datetime.fromisoformat(text)) if text else None


class Deadlines:
    """The deadlines of some objects while events are merged into them."""

    def __init__(self, connection: Connection, keys: Sequence[int]) -> None:
        self._connection = connection
        self._before = {(one.object_key, one.kind): one for one in deadlines_of(connection, keys)}
        self._now = dict(self._before)
        self._pace: Pace | None = None

    def follow(
        self, object_key: int, object_type: str, status: str | None, given: Mapping[str, Any], at: int, since: int
    ) -> None:
        """Take an event in.

        Args:
            object_key: The object's id.
            object_type: Its type.
            status: Its status from now on; `None` when it is deleted.
            given: Its `deadlines`, merged with what was said before.
            at: When the event happened.
            since: Since when it has its status: where a deadline began if the desk does not say so.
        """
        for kind, words in given.items():
            before = self._now.get((object_key, kind))
            said = Said.of(words or {})
            if before is None and said.due is None:
                continue
            after = self._after(before, object_key, object_type, kind, status, said, at, since)
            self._now[object_key, kind] = after

    def _after(
        self, before: Deadline | None, object_key: int, object_type: str, kind: str, status: str | None, said: Said,
        at: int, since: int,
    ) -> Deadline:  # fmt: skip
        self._pace = self._pace or Pace.read(self._connection)
        due = before.due if said.due is None and before else said.due or 0
        started = said.started
        if started is None:
            started = before.started if before and before.due == due else since
        state = DeadlineState.ENDED if status is None else self._pace.state(object_type, kind, status)
        new = Deadline(object_key, object_type, kind, min(started, due), due, at, due, state)
        return follow(before, new, said, at, self._pace)

    @property
    def now(self) -> list[Deadline]:
        """The deadlines as the events taken in have left them."""
        return list(self._now.values())

    def write(self, now: int) -> None:
        """Write those that changed; the clock looks at them at once."""
        changed = [one for key, one in self._now.items() if one is not self._before.get(key)]
        write_in(self._connection, changed, now)


def write_in(connection: Connection, deadlines: Iterable[Deadline], now: int) -> None:
    """Write deadlines; the clock looks at those that are open at once."""
    rows = [
        (
            one.object_key, one.object_type, one.kind, one.started, one.due, one.since, one.expires, one.state.value,
            one.stopped_at, bulk.as_json([[p.started, p.ended, p.expires] for p in one.pauses]),
            one.acknowledged_at, one.acknowledged_by, now if one.open else None,
        )
        for one in deadlines
    ]  # fmt: skip
    bulk.insert_rows(connection, tables.deadline, COLUMNS, rows, _ON_CONFLICT)


def deadlines_of(connection: Connection, keys: Sequence[int]) -> list[Deadline]:
    """The deadlines of some objects (by id in the store), in the order they were made."""
    table = tables.deadline
    if not keys:
        return []
    query = select(table).where(table.c.object_key.in_(keys)).order_by(table.c.id)
    return [to_deadline(row) for row in connection.execute(query)]


def to_deadline(row: Row[Any]) -> Deadline:
    """A deadline from its row."""
    return Deadline(
        row.object_key, row.object_type, row.kind, row.started, row.due, row.since, row.expires,
        DeadlineState(row.state), row.stopped_at, tuple(Pause(*pause) for pause in row.pauses), row.acknowledged_at,
        row.acknowledged_by, row.id,
    )  # fmt: skip


def acknowledge(store: Store, deadlines: Sequence[Named], who: str) -> int:
    """Note that somebody looks after open deadlines: nothing is repeated of them. Gives of how many it is new."""
    return store.write(lambda connection: _acknowledge(connection, deadlines, to_micros(store.clock()), who))


def withdraw(store: Store, deadlines: Sequence[Named]) -> int:
    """Take acknowledgements back; repeats go on. Gives how many there were."""
    return store.write(lambda connection: _acknowledge(connection, deadlines, None, ""))


def _acknowledge(connection: Connection, deadlines: Sequence[Named], at: int | None, who: str) -> int:
    d, o = tables.deadline, tables.object_
    wanted = set(deadlines)
    names = {(object_type, object_id) for object_type, object_id, _ in wanted}
    found = {key[2]: key[:2] for key in bulk.known_keys(connection, o, ("type", "external_id"), list(names), ("id",))}
    # Locked like by whoever accepts an event of theirs: it writes deadlines whole.
    connection.execute(select(o.c.id).where(o.c.id.in_(found)).order_by(o.c.id).with_for_update())
    open_ones = [
        one.id
        for one in deadlines_of(connection, list(found))
        if (*found[one.object_key], one.kind) in wanted and one.open and (one.acknowledged_at is None) != (at is None)
    ]
    # The clock looks at once: what is repeated begins again, or ends.
    values = {"acknowledged_at": at, "acknowledged_by": who, "next_at": 0}
    connection.execute(update(d).where(d.c.id.in_(open_ones)).values(**values))
    return len(open_ones)
