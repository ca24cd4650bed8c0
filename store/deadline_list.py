"""Open deadlines as an operator reads them: what has passed on top, longest first, then by the time left.

Paused ones come last: their time does not run, and where they would stand among the others says nothing. Everything
is read over one index, in pages and up to a bound, so that a million deadlines open as fast as ten. Times are µs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, TextClause, func, select, text, tuple_

from store import tables
from store.deadlines import Deadline, Named, to_deadline
from store.engine import Store
from store.types import to_micros
from store.vocabulary import DeadlineState

PAGE = 200
MOST = 1_000
"""So many are counted; what is above is more than that."""
PORTION = 1_000
AT_MOST = 20_000
"""So many are looked at for one page of a search; the next page goes on from there."""
NEAR = 4
"""A deadline is near when less than this part of the time given is left: a quarter, as the first standard warning."""
OPEN = text("deadline.state < 2")
Place = tuple[int, int, int]
"""Where a row stands in the order of all: its state, when it expires, its id."""


class Span(StrEnum):
    """Which deadlines are to be shown."""

    ALL = "all"
    PASSED = "passed"
    HOUR = "hour"
    """Those that expire within the next hour."""
    TODAY = "today"
    """Those that expire from now until midnight."""
    PAUSED = "paused"


class Urgency(StrEnum):
    """How a deadline stands."""

    PASSED = "passed"
    NEAR = "near"
    CALM = "calm"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class DeadlineLine:
    """A deadline in a list, with what is known of its object.

    Attributes:
        responsible: Who is to see to it, by name: the responsible, else the approvers, else nobody.
        people: Their addresses and logins, in lower case.
        team: The team's name, else its code.
    """

    deadline: Deadline
    object_id: str
    number: str
    title: str
    responsible: str
    people: tuple[str, ...]
    team: str
    team_code: str

    @property
    def id(self) -> int:
        """The deadline's own number."""
        return self.deadline.id

    @property
    def place(self) -> Place:
        """Where the page after it begins."""
        return self.deadline.state.value, self.deadline.expires, self.deadline.id

    @property
    def named(self) -> Named:
        """As the desk knows it."""
        return self.deadline.object_type, self.object_id, self.deadline.kind


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines. `following` is where the next ones begin; `None` when there are no more."""

    lines: list[DeadlineLine]
    following: Place | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are in each span, each up to `MOST` and one more."""

    passed: int
    hour: int
    today: int
    paused: int


@dataclass(frozen=True, slots=True)
class Told:
    """A threshold that was reached, from the ledger; `outcome` is that of `dispatch.thresholds.Outcome`."""

    threshold: str
    due: int
    reached_at: int
    outcome: str


@dataclass(frozen=True, slots=True)
class _Stage:
    """The deadlines of one state: each state goes along the index by itself."""

    state: DeadlineState
    more: tuple[ColumnElement[bool], ...] = ()

    @property
    def conditions(self) -> tuple[ColumnElement[bool] | TextClause, ...]:
        """What a query says of them."""
        return (OPEN, tables.deadline.c.state == self.state.value, *self.more)


def left(deadline: Deadline, now: int) -> int:
    """The time left, below 0 when it has passed; of a paused one, what will be left when it goes on."""
    return deadline.expires - (now if deadline.stopped_at is None else deadline.stopped_at)


def urgency(deadline: Deadline, now: int) -> Urgency:
    """How a deadline stands now."""
    if deadline.state is DeadlineState.PAUSED:
        return Urgency.PAUSED
    rest = left(deadline, now)
    if rest <= 0:
        return Urgency.PASSED
    return Urgency.NEAR if rest * NEAR < deadline.due - deadline.started else Urgency.CALM


def page(
    store: Store,
    zone: tzinfo,
    span: Span = Span.ALL,
    *,
    after: Place | None = None,
    limit: int = PAGE,
    admits: Callable[[DeadlineLine], bool] | None = None,
    until: int | None = None,
) -> Page:
    """A page of open deadlines.

    Args:
        store: The store.
        zone: Where midnight is.
        span: Which of them.
        after: Those after this place.
        limit: How many at most.
        admits: What is searched: only those it says yes to. At most `AT_MOST` are looked at, so a page may be short
            though there are more; `following` tells.
        until: Only those that expire by then, if nothing pauses them: none that is paused.
    """
    found: list[DeadlineLine] = []
    stages = _stages(store.clock(), zone, span)
    looked, portion = 0, limit + 1 if admits is None else max(PORTION, limit + 1)
    while True:
        with store.read() as connection:
            lines = _lines(connection, _portion(connection, stages, after, portion, until))
        for place, line in enumerate(lines):
            if admits is None or admits(line):
                found.append(line)
                if len(found) == limit:
                    more = place + 1 < len(lines) or len(lines) == portion
                    return Page(found, line.place if more else None)
        looked += len(lines)
        if len(lines) < portion:
            return Page(found, None)
        after = lines[-1].place
        if looked >= AT_MOST:
            return Page(found, after)


def counts(store: Store, zone: tzinfo) -> Counts:
    """How many there are, up to a bound."""
    now, d = store.clock(), tables.deadline
    numbers: dict[str, int] = {}
    with store.read() as connection:
        for span in (Span.PASSED, Span.HOUR, Span.TODAY, Span.PAUSED):
            (stage,) = _stages(now, zone, span)
            some = select(d.c.id).where(*stage.conditions).limit(MOST + 1).subquery()
            numbers[span.value] = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return Counts(**numbers)


def find(store: Store, number: str) -> list[DeadlineLine]:
    """The open deadlines of the objects with a number, by when they expire."""
    d, o, e = tables.deadline, tables.object_, tables.event
    with store.read() as connection:
        names = select(e.c.object_type, e.c.object_id).where(e.c.object_number == number).distinct()
        wanted = [tuple(row) for row in connection.execute(names)]
        keys = select(o.c.id).where(tuple_(o.c.type, o.c.external_id).in_(wanted))
        query = select(d).where(OPEN, d.c.object_key.in_(keys)).order_by(d.c.expires, d.c.id)
        return _lines(connection, [to_deadline(row) for row in connection.execute(query)])


def told(store: Store, deadline: Deadline) -> list[Told]:
    """What of a deadline's thresholds was reached, in the order of time."""
    f = tables.fired_threshold
    query = select(f).where(f.c.object_key == deadline.object_key).order_by(f.c.reached_at)
    beginning = f"{deadline.object_type}:{deadline.kind}:"
    with store.read() as connection:
        rows = [row for row in connection.execute(query) if row.threshold.startswith(beginning)]
    return [Told(row.threshold, to_micros(row.due), row.reached_at, row.outcome) for row in rows]


def _stages(now: datetime, zone: tzinfo, span: Span) -> list[_Stage]:
    """What a span asks for."""
    d, at = tables.deadline, to_micros(now)
    running, paused = DeadlineState.RUNNING, DeadlineState.PAUSED
    if span is Span.ALL:
        return [_Stage(running), _Stage(paused)]
    if span is Span.PAUSED:
        return [_Stage(paused)]
    if span is Span.PASSED:
        return [_Stage(running, (d.c.expires <= at,))]
    ends = now + timedelta(hours=1) if span is Span.HOUR else _midnight(now, zone)
    return [_Stage(running, (d.c.expires > at, d.c.expires <= to_micros(ends)))]


def _midnight(now: datetime, zone: tzinfo) -> datetime:
    here = now.astimezone(zone)
    return datetime.combine(here.date() + timedelta(days=1), time.min, zone)


def _portion(
    connection: Connection, stages: Sequence[_Stage], after: Place | None, limit: int, until: int | None
) -> list[Deadline]:
    """The next deadlines, in order, without their objects."""
    d = tables.deadline
    found: list[Deadline] = []
    for stage in stages:
        if after is not None and after[0] > stage.state.value:
            continue
        if until is not None and stage.state is DeadlineState.PAUSED:
            continue
        query = select(d).where(*stage.conditions)
        if after is not None and after[0] == stage.state.value:
            query = query.where(tuple_(d.c.expires, d.c.id) > tuple_(*after[1:]))
        if until is not None:
            query = query.where(d.c.expires <= until)
        rows = connection.execute(query.order_by(d.c.expires, d.c.id).limit(limit - len(found)))
        found += [to_deadline(row) for row in rows]
        if len(found) == limit:
            break
    return found


def _lines(connection: Connection, deadlines: Sequence[Deadline]) -> list[DeadlineLine]:
    """Deadlines with their objects, and whoever is to see to them by name."""
    o = tables.object_
    keys = {one.object_key for one in deadlines}
    query = select(o.c.id, o.c.external_id, o.c.number, o.c.data).where(o.c.id.in_(keys))
    objects = {row.id: row for row in connection.execute(query)}
    mentions = {key: _mentions(row.data) for key, row in objects.items()}
    known = _known(connection, {word for found in mentions.values() for word, _ in found})
    t = tables.team
    teams: dict[str, str] = {row.code: row.name for row in connection.execute(select(t.c.code, t.c.name))}
    lines: list[DeadlineLine] = []
    for one in deadlines:
        row = objects[one.object_key]
        people = [known.get(word.lower()) or _Known(name, (word.lower(),)) for word, name in mentions[one.object_key]]
        team = str(row.data.get("team") or "")
        lines.append(
            DeadlineLine(
                one,
                row.external_id,
                row.number,
                str(row.data.get("title") or ""),
                ", ".join(person.name for person in people),
                tuple(key for person in people for key in person.keys),
                teams.get(team) or team,
                team,
            )
        )
    return lines


@dataclass(frozen=True, slots=True)
class _Known:
    """Somebody an object speaks of: a name, and what they are known by, in lower case."""

    name: str
    keys: tuple[str, ...]


def _mentions(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Who is to see to an object: an address or a login, and the name the desk gave."""
    several = data.get("approvers") if not data.get("responsible") else [data["responsible"]]
    found: list[tuple[str, str]] = []
    for mention in cast("list[Any]", several) if isinstance(several, list) else []:
        if isinstance(mention, dict):
            body = cast("dict[str, Any]", mention)
            email, name = str(body.get("email") or ""), str(body.get("name") or "")
            found.append(((email or name).strip(), name or email))
        elif mention:
            found.append((str(mention).strip(), str(mention)))
    return found


def _known(connection: Connection, words: Iterable[str]) -> dict[str, _Known]:
    """Those the directory knows by an address or a login."""
    p = tables.person
    wanted = sorted({spelling for word in words for spelling in (word, word.lower())})
    query = select(p.c.email, p.c.login, p.c.name).where(p.c.email.in_(wanted) | p.c.login.in_(wanted))
    found: dict[str, _Known] = {}
    for row in connection.execute(query):
        keys = tuple(key.lower() for key in (row.email, row.login) if key)
        found |= dict.fromkeys(keys, _Known(row.name or row.email, keys))
    return found
