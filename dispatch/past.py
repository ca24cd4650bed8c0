"""What escalations would tell of what was reached before they were switched on, if somebody has them tell it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, literal_column, or_, select, text

from dispatch.thresholds import Kind, Mark, Outcome, Schedule, moment_sql
from dispatch.watched import told_keys
from store import tables
from store.calendar import WorkCalendar
from store.deadlines import to_deadline
from store.engine import Store
from store.rulebook import armed_among, armed_rules_in
from store.settings import company_in, deadline_settings_in
from store.types import to_micros
from store.vocabulary import CatchUp

MOST = 10_000
"""Nobody needs a larger number to answer the question, and each deadline has to be computed."""
STEP = 1_000


@dataclass(frozen=True, slots=True)
class Past:
    """What would be told now.

    Attributes:
        since: What was reached from then on would be told.
        deadlines: Of how many deadlines, `MOST` at most.
        more: Whether there are more; how many was not counted.
        policy: The catch-up policy: with `none` nothing is told late.
    """

    since: datetime
    deadlines: int
    more: bool
    policy: CatchUp

    @property
    def count(self) -> str:
        """The number as it is shown: `17`, `10,000+`."""
        return f"{self.deadlines:,}+" if self.more else f"{self.deadlines:,}"


def look_back(store: Store, codes: Sequence[str]) -> Past:
    """Of how many open deadlines escalations would tell now, as far back as the catch-up goes. Blocking.

    Args:
        store: The store; nothing is changed.
        codes: Escalations that are on.

    Raises:
        SettingsError: A code is unknown, or is none of an escalation that is on.
    """
    now = store.clock()
    with store.read() as connection:
        settings = deadline_settings_in(connection)
        since, armed = now - timedelta(days=settings.catch_up_days), armed_rules_in(connection)
        chosen = {rule.code for rule, _ in armed_among(armed, codes)}
        rules = [(rule, to_micros(min(at, since) if rule.code in chosen else at)) for rule, at in armed]
        schedule = Schedule(rules, WorkCalendar.of(company_in(connection)), settings)
    found = 0
    for kind in schedule.kinds:
        marks = [mark for mark in schedule.marks(kind) if chosen & {one.code for one in mark.watchers}]
        if not marks:
            continue
        for told in _told(store, schedule, kind, marks, to_micros(now)):
            if not told & chosen:
                continue
            if found == MOST:
                return Past(since, found, more=True, policy=settings.catch_up)
            found += 1
    return Past(since, found, more=False, policy=settings.catch_up)


def _told(store: Store, schedule: Schedule, kind: Kind, marks: Sequence[Mark], now: int) -> Iterator[set[str]]:
    """The codes of the rules that would tell of each deadline now. Each step is a snapshot of its own."""
    d, o, after = tables.deadline, tables.object_, 0
    wanted = (d.c.object_type == kind[0], d.c.kind == kind[1], text("deadline.state < 2"), _reached(marks, now))
    query = select(d, o.c.status_since).join(o, o.c.id == d.c.object_key).where(*wanted).order_by(d.c.id).limit(STEP)
    while True:
        with store.read() as connection:
            rows = connection.execute(query.where(d.c.id > after)).all()
            told = told_keys(connection, [row.object_key for row in rows])
        for row in rows:
            look = schedule.look(to_deadline(row), to_micros(row.status_since), told[row.object_key, row.due], now)
            yield {code for one, outcome in look.reached if outcome is Outcome.FIRED for code in one.codes}
        if len(rows) < STEP:
            return
        after = rows[-1].id


def _reached(marks: Sequence[Mark], now: int) -> ColumnElement[bool]:
    """Which deadlines may have reached one of these: pauses only ever move a deadline to later.

    In working time that is not said in SQL: all that have begun are computed.
    """
    return or_(*(_may_be_reached(mark, now) for mark in marks))


def _may_be_reached(mark: Mark, now: int) -> ColumnElement[bool]:
    if mark.working:
        return tables.deadline.c.started <= now
    return literal_column(moment_sql(mark, "due"), BigInteger) <= now
