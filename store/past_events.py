"""Events that were accepted, read again: for a replay, for a trial, for checks against what really happens.

No index leads from a kind of event to its events; what is read here is bounded by a range of ids instead, which grow
as events are accepted.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, func, select

from store import tables
from store.events import StoredEvent, to_stored

_Query = TypeVar("_Query", bound=Select[*tuple[Any, ...]])
Kind = tuple[str, str]
"""Object type and event type."""
LOOKED_BACK = 200_000
"""The newest so many events are looked through for those of a kind."""


@dataclass(frozen=True, slots=True)
class Glance:
    """An event without its data, to choose by."""

    id: int
    at: datetime
    object_type: str
    event_type: str
    object_number: str
    title: str


def ids_since(connection: Connection, since: datetime) -> tuple[int, int]:
    """The ids after the first and up to the second are those of the events accepted since a moment.

    Found by halving, on the primary key: ids grow as events are accepted.
    """
    table = tables.event
    # One after the other: asked for both at once, SQLite would go through the whole table.
    first, last = (connection.execute(select(end(table.c.id))).scalar() for end in (func.min, func.max))
    if first is None or last is None:
        return 0, 0
    low, high = first - 1, last
    while low < high:
        middle = (low + high) // 2
        query = select(table.c.accepted_at).where(table.c.id > middle).order_by(table.c.id).limit(1)
        if connection.execute(query).scalar_one() < since:
            low = middle + 1
        else:
            high = middle
    return low, last


def of_kinds(connection: Connection, kinds: Collection[Kind], after: int, to: int) -> list[StoredEvent]:
    """Events of some kinds with ids above `after` and up to `to`, oldest first."""
    table = tables.event
    query = select(table).where(table.c.id > after, table.c.id <= to, _is_of(kinds)).order_by(table.c.id)
    return [to_stored(row) for row in connection.execute(query)]


def newest_of(connection: Connection, kind: Kind, limit: int) -> list[Glance]:
    """The newest events of a kind, newest first."""
    table = tables.event
    columns = select(
        table.c.id, table.c.at, table.c.object_type, table.c.event_type, table.c.object_number, table.c.title
    )
    return [Glance(*row) for row in connection.execute(_newest(columns, kind, limit))]


def newest_stored(connection: Connection, kind: Kind, limit: int) -> list[StoredEvent]:
    """Like `newest_of`, with all there is of them."""
    return [to_stored(row) for row in connection.execute(_newest(select(tables.event), kind, limit))]


def with_id(connection: Connection, event_id: int) -> StoredEvent | None:
    """An event by its id in the store."""
    table = tables.event
    row = connection.execute(select(table).where(table.c.id == event_id)).one_or_none()
    return None if row is None else to_stored(row)


def _newest(query: _Query, kind: Kind, limit: int) -> _Query:
    table = tables.event
    newest = select(func.max(table.c.id)).scalar_subquery()
    return query.where(table.c.id > newest - LOOKED_BACK, _is_of([kind])).order_by(table.c.id.desc()).limit(limit)


def _is_of(kinds: Collection[Kind]) -> ColumnElement[bool]:
    """Whether an event is of one of these kinds.

    Put together, so that no engine goes by the index on objects: it would read every event of a type, and sort them.
    """
    table = tables.event
    return (table.c.object_type + "\n" + table.c.event_type).in_(["\n".join(kind) for kind in sorted(kinds)])
