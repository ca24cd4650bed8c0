"""The clock: thresholds that fell into (watermark, now] become events, which take the same road as all others.

A tick costs what is due, not what exists: one range query per threshold over an index. A fired threshold is
unique per object, threshold and due time, so two clocks, or one that starts again, do no harm.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from dispatch.plan import threshold_key
from store import tables
from store.engine import Store
from store.events import NewEvent, accept_in
from store.rulebook import timed_rules_in
from store.rules import Rule
from store.tables.work import percent_left_sql
from store.types import to_micros
from store.vocabulary import DeadlineKind

SOURCE = "vestnik.clock"
CATCH_UP = timedelta(days=7)
"""After a longer silence, thresholds older than this are passed over: nobody is helped by an alarm of last month."""


def tick(store: Store) -> int:
    """Look at every threshold once; gives how many events were made. Blocking: call it in a thread."""
    return store.write(lambda connection: tick_in(connection, store.clock()))


def tick_in(connection: Connection, now: datetime) -> int:
    """Like `tick`, within a transaction."""
    rules = {threshold_key(rule): rule for rule in timed_rules_in(connection)}
    found = connection.execute(select(tables.watermark.c.threshold, tables.watermark.c.at))
    marks: dict[str, datetime] = {row.threshold: row.at for row in found}
    made = 0
    for key, rule in rules.items():
        since = marks.get(key)
        if since is None:
            # A rule that is new starts at its own watermark: what passed before it existed is not its business.
            connection.execute(insert(tables.watermark).values(threshold=key, at=now))
            continue
        since = max(since, now - CATCH_UP)
        found = (
            _waiting(connection, rule, since, now)
            if rule.waiting_days is not None
            else _due(connection, rule, since, now)
        )
        made += _fire(connection, now, key, rule, found)
    # One statement for all: a tick that finds nothing should cost next to nothing.
    connection.execute(update(tables.watermark).where(tables.watermark.c.threshold.in_(rules)).values(at=now))
    if stale := set(marks) - set(rules):
        # What passes while a rule is off is passed over, so it starts anew when it is switched on.
        connection.execute(delete(tables.watermark).where(tables.watermark.c.threshold.in_(stale)))
    return made


def _due(connection: Connection, rule: Rule, since: datetime, now: datetime) -> Sequence[Any]:
    """Deadlines whose threshold fell into (since, now]. `moment` is the due time of the deadline."""
    threshold, kind = rule.threshold, rule.deadline or DeadlineKind.RESOLUTION
    if threshold is None:
        return ()
    fires = {
        "percent_left": percent_left_sql(threshold.value),
        "minutes_before": f"(due - {threshold.value * 60_000_000})",
        "minutes_after": f"(due + {threshold.value * 60_000_000})",
        "at_due": "due",
    }[threshold.kind]
    d, o = tables.deadline, tables.object_
    query = (
        select(o.c.id, o.c.external_id, d.c.due.label("moment"))
        .join(o, o.c.id == d.c.object_key)
        .where(d.c.object_type == rule.object_type, d.c.kind == kind.value, text("deadline.running"))
        .where(text(f"{fires} > :since AND {fires} <= :now"))
    )
    return connection.execute(query, {"since": to_micros(since), "now": to_micros(now)}).all()


def _waiting(connection: Connection, rule: Rule, since: datetime, now: datetime) -> Sequence[Any]:
    """Objects that have been in a status for the rule's days. `moment` is since when they are."""
    o = tables.object_
    days = timedelta(days=rule.waiting_days or 0)
    query = select(o.c.id, o.c.external_id, o.c.status_since.label("moment")).where(
        o.c.type == rule.object_type,
        o.c.status.in_(rule.to_status),
        o.c.status_since > since - days,
        o.c.status_since <= now - days,
    )
    return connection.execute(query).all()


def _fire(connection: Connection, now: datetime, key: str, rule: Rule, found: Sequence[Any]) -> int:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    events: list[NewEvent] = []
    for row in found:
        values = {"object_key": row.id, "threshold": key, "due": row.moment, "fired_at": now}
        once = dialect.insert(tables.fired_threshold).values(**values).on_conflict_do_nothing()
        if not connection.execute(once).rowcount:
            continue
        data: dict[str, Any] = {"object": {"id": row.external_id}}
        if rule.waiting_days is not None:
            data["waiting_days"] = rule.waiting_days
        else:
            kind = rule.deadline.value if rule.deadline else ""
            data["deadline"] = {"kind": kind, "due": row.moment.isoformat(), "threshold": key}
        external = f"{key}:{row.external_id}:{to_micros(row.moment)}"
        events.append(NewEvent(SOURCE, external, rule.object_type, rule.event_type.value, row.external_id, now, data))
    return sum(accept_in(connection, now, events)) if events else 0


def forget(connection: Connection, before: datetime) -> None:
    """Empty the ledger of thresholds that fired long ago."""
    table = tables.fired_threshold
    connection.execute(table.delete().where(table.c.fired_at < before))
