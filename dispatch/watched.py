"""What the clock goes by, and what it reads and locks wherever it looks at deadlines."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from dispatch.thresholds import Schedule
from store import tables
from store.audit import revision_in
from store.calendar import WorkCalendar
from store.rulebook import armed_rules_in, waiting_rules_in
from store.rules import Rule
from store.settings import company_in, deadline_settings_in
from store.types import to_micros


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


def lock_objects(connection: Connection, keys: set[int]) -> dict[int, Any]:
    """The objects, locked like by whoever accepts an event of theirs; those that others hold are left for later."""
    o = tables.object_
    query = select(o.c.id, o.c.external_id, o.c.status, o.c.status_since).where(o.c.id.in_(keys)).order_by(o.c.id)
    return {int(row.id): row for row in connection.execute(query.with_for_update(skip_locked=True))}


def told_keys(connection: Connection, keys: Sequence[int]) -> defaultdict[tuple[int, int], set[str]]:
    """The thresholds that are in the ledger, by object and due time."""
    table = tables.fired_threshold
    found: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    query = select(table.c.object_key, table.c.due, table.c.threshold).where(table.c.object_key.in_(keys))
    for row in connection.execute(query):
        found[row.object_key, to_micros(row.due)].add(row.threshold)
    return found
