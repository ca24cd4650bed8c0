"""What rules have done lately: counters by rule and day, and what an administrator is to look at.

The counters are written with the plan. To count decisions instead would read some fifteen rows an event, of a store
that keeps every event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, case, delete, exists, func, select

from store import bulk, tables
from store.engine import Store
from store.types import EPOCH, to_micros

MONTH_DAYS = 30
"""Days of which the counts are shown, the present one among them."""
KEPT_DAYS = 90
"""Days that are kept, the present one among them; of the time before, only when a rule last told anybody."""
_COLUMNS = (
    "rule_code", "day", "matched", "fired", "notifications", "unaddressed", "shadowed", "shadowed_by", "last_at",
)  # fmt: skip
_COUNTS = ("matched", "fired", "notifications", "unaddressed", "shadowed")
_ADD = ", ".join(
    [
        *(f"{name} = rule_day.{name} + excluded.{name}" for name in _COUNTS),
        "shadowed_by = CASE WHEN excluded.shadowed_by = '' THEN rule_day.shadowed_by ELSE excluded.shadowed_by END",
        "last_at = COALESCE(excluded.last_at, rule_day.last_at)",
    ]
)


@dataclass(slots=True)
class RuleCount:
    """What events have led to, by one rule.

    Attributes:
        matched: Events for which it was not left out: its statuses, its condition and so on fitted.
        fired: Of these, how many told anybody.
        notifications: How many were told.
        unaddressed: Events of which nobody was told, because nobody in its roles had an address that works.
        shadowed: Events of which nobody was told, because another rule had told them all.
        shadowed_by: The rule that did so last.
    """

    matched: int = 0
    fired: int = 0
    notifications: int = 0
    unaddressed: int = 0
    shadowed: int = 0
    shadowed_by: str = ""


class Mark(StrEnum):
    """Why a rule that is on may need looking at."""

    NEVER = "never"
    """No event has matched for as long as is kept; nor was the rule changed in that time."""
    NOT_YET = "not_yet"
    """No event has matched, but the store or the rule as it is now is younger than that."""
    UNADDRESSED = "unaddressed"
    """It matched in the last month and told nobody, mostly because nobody had an address."""
    SHADOWED = "shadowed"
    """It matched in the last month and told nobody, mostly because other rules had told them all."""


@dataclass(frozen=True, slots=True)
class RuleStats:
    """What a rule has done. Counts are of the last 30 days and mean what they do in `RuleCount`.

    Attributes:
        last_at: When it last told anybody, however long ago.
    """

    last_at: datetime | None = None
    matched: int = 0
    fired: int = 0
    notifications: int = 0
    unaddressed: int = 0
    shadowed: int = 0
    shadowed_by: str = ""
    mark: Mark | None = None


def day_of(moment: datetime) -> int:
    """The day of a moment: days since the epoch, in UTC."""
    return (moment - EPOCH).days


def count_in(connection: Connection, now: datetime, counts: Mapping[str, RuleCount]) -> None:
    """Add to the counters of the present day, within a transaction.

    Rules go in one order, so that dispatchers that count the same ones at the same time wait and do not deadlock.
    """
    rows = [
        (
            code, day_of(now), one.matched, one.fired, one.notifications, one.unaddressed, one.shadowed,
            one.shadowed_by, to_micros(now) if one.fired else None,
        )
        for code, one in sorted(counts.items())
    ]  # fmt: skip
    bulk.insert_rows(connection, tables.rule_day, _COLUMNS, rows, f"ON CONFLICT (rule_code, day) DO UPDATE SET {_ADD}")


def prune_in(connection: Connection, now: datetime) -> None:
    """Delete the days that are not kept; the last one on which a rule told anybody stays."""
    table = tables.rule_day
    later = table.alias()
    told_since = exists().where(
        later.c.rule_code == table.c.rule_code, later.c.day > table.c.day, later.c.last_at.is_not(None)
    )
    old = table.c.day <= day_of(now) - KEPT_DAYS
    connection.execute(delete(table).where(old, table.c.last_at.is_(None) | told_since))


def read_stats(store: Store) -> dict[str, RuleStats]:
    """What each rule has done, by its code."""
    with store.read() as connection:
        return stats_in(connection, store.clock())


def stats_in(connection: Connection, now: datetime) -> dict[str, RuleStats]:
    """Like `read_stats`, within a transaction."""
    table, today = tables.rule_day, day_of(now)
    month, kept = table.c.day > today - MONTH_DAYS, table.c.day > today - KEPT_DAYS
    sums = [func.sum(case((month, table.c[name]), else_=0)).label(name) for name in _COUNTS]
    query = select(
        table.c.rule_code, func.max(table.c.last_at).label("last_at"),
        func.sum(case((kept, table.c.matched), else_=0)).label("known"), *sums,
    ).group_by(table.c.rule_code)  # fmt: skip
    counted = {row.rule_code: row for row in connection.execute(query)}
    by = select(table.c.rule_code, table.c.shadowed_by).where(month, table.c.shadowed_by != "").order_by(table.c.day)
    shadows = {row.rule_code: row.shadowed_by for row in connection.execute(by)}
    rules = connection.execute(select(tables.rule.c.code, tables.rule.c.enabled)).all()
    young = _young(connection, now)
    return {
        code: _stats(counted.get(code), shadows.get(code, ""), enabled, young is None or code in young)
        for code, enabled in rules
    }


def _stats(row: Any, shadowed_by: str, enabled: bool, young: bool) -> RuleStats:  # noqa: FBT001
    if row is None:
        return RuleStats(mark=(Mark.NOT_YET if young else Mark.NEVER) if enabled else None)
    counts = {name: int(getattr(row, name)) for name in _COUNTS}
    mark = _mark(row, counts, young=young) if enabled else None
    return RuleStats(last_at=row.last_at, **counts, shadowed_by=shadowed_by, mark=mark)


def _mark(row: Any, counts: Mapping[str, int], *, young: bool) -> Mark | None:
    if not row.known:
        return None if young else Mark.NEVER
    unaddressed, shadowed = counts["unaddressed"], counts["shadowed"]
    if counts["fired"] or not (unaddressed or shadowed):
        return None
    return Mark.UNADDRESSED if unaddressed >= shadowed else Mark.SHADOWED


def _young(connection: Connection, now: datetime) -> set[str] | None:
    """Rules that were added or changed in the days that are kept; `None` where the store itself is younger."""
    event, rule, audit = tables.event, tables.rule, tables.audit
    since = now - timedelta(days=KEPT_DAYS)
    first = connection.execute(select(event.c.accepted_at).order_by(event.c.id).limit(1)).scalar_one_or_none()
    if first is None or first > since:
        return None
    query = select(rule.c.code).join(audit, audit.c.what == "rule:" + rule.c.code).where(audit.c.at > since)
    return set(connection.execute(query).scalars())
