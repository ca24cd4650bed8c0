"""Accepting events: duplicates are dropped, and each event is merged with what was last seen of its object.

The merged event is what is stored, so planning it later, or again, needs nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Row, Select, Update, and_, bindparam, select, text, update

from store import bulk, event_keys, tables
from store.deadlines import Deadlines
from store.types import to_micros
from store.vocabulary import EventType
from store.wakeups import bring_events

Data = dict[str, Any]
URGENT_EVENTS = "event.planned_at IS NULL AND event.event_type = 'deadline'"
"""The partial index's own words, of events that are planned before all others."""


def part(data: Data, name: str) -> Data:
    """The mapping under a name; empty where there is none."""
    return cast("Data", data.get(name) or {})


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that was read and found well-formed.

    Attributes:
        data: `object` (as sent), `changes`, `actor`, `comment`, and for the clock's own `deadline`, `waiting_days`.
            Deadlines in `object` carry aware datetimes as ISO text.
    """

    source: str
    external_id: str
    object_type: str
    event_type: str
    object_id: str
    at: datetime
    data: Data


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An accepted event, merged, as the planner takes it; `accepted_at` is `None` where it is only tried."""

    id: int
    source: str
    external_id: str
    object_type: str
    event_type: str
    object_id: str
    object_number: str
    title: str
    at: datetime
    data: Data
    accepted_at: datetime | None = None


@dataclass(slots=True)
class _Seen:
    """An object while a batch of events is merged into it."""

    key: int
    status: str
    status_since: datetime
    data: Data
    seen_at: datetime


def accept_in(connection: Connection, now: datetime, events: Sequence[NewEvent]) -> list[bool]:
    """Store events in order; gives for each whether it was new (else it is a duplicate)."""
    keys = [(event.source, event.external_id) for event in events]
    known = accepted_keys(connection, keys)
    fresh: list[NewEvent] = []
    outcome: list[bool] = []
    for key, event in zip(keys, events, strict=True):
        outcome.append(key not in known)
        if key not in known:
            known.add(key)
            fresh.append(event)
    if fresh:
        _store(connection, now, fresh)
        bring_events(connection)
    return outcome


def accepted_keys(connection: Connection, keys: Sequence[tuple[str, str]]) -> set[tuple[Any, ...]]:
    """Those of some pairs of source and id that are known: an event with one of them is a duplicate."""
    known = bulk.known_keys(connection, tables.event, ("source", "external_id"), list(set(keys)))
    # In this order: an event that is being removed is found in one of the two.
    return known | event_keys.removed_in(connection, [key for key in set(keys) if key not in known])


def merge(event: NewEvent, seen: Data | None) -> tuple[Data, Data]:
    """The merged event and the object as it is from now on. Pure: neither argument is changed."""
    given = part(event.data, "object")
    last = seen or {}
    merged: Data = {**last, **{name: value for name, value in given.items() if value is not None}}
    for name in ("attributes", "deadlines"):
        merged[name] = {**part(last, name), **part(given, name)}
    changes: Data = {name: dict(change) for name, change in part(event.data, "changes").items()}
    for name in ("status", "responsible"):
        if event.event_type == f"{name}_changed":
            change = changes.setdefault(name, {})
            change.setdefault("from", last.get(name))
            if change.get("to") is not None and name not in given:
                merged[name] = change["to"]
            change.setdefault("to", merged.get(name))
    told = event.event_type == EventType.RESPONSIBLE_CHANGED and _same_person(
        last.get("announced"), merged.get("responsible")
    )
    if event.event_type == EventType.ADDED:
        merged["announced"] = merged.get("responsible")
    elif event.event_type == EventType.RESPONSIBLE_CHANGED:
        merged["announced"] = None
    extra = {name: value for name, value in event.data.items() if name not in {"object", "changes"}}
    return {
        **extra,
        "object": {k: v for k, v in merged.items() if k != "announced"},
        "changes": changes,
        "told_at_added": told,
    }, merged


def unplanned(connection: Connection, limit: int, after: int = 0) -> list[StoredEvent]:
    """Accepted events that wait for the planner: those of deadlines first, then the oldest; with ids above `after`."""
    urgent = _unplanned(connection, limit, after, urgent=True)
    others = _unplanned(connection, limit - len(urgent), after, urgent=False) if len(urgent) < limit else []
    return [*urgent, *others]


def _unplanned(connection: Connection, limit: int, after: int, *, urgent: bool) -> list[StoredEvent]:
    rows = bulk.fetch_rows(connection, _waiting(urgent=urgent), {"after": after, "most": limit})
    return sorted((StoredEvent(*row) for row in rows), key=lambda event: event.id)


@cache
def _waiting(*, urgent: bool) -> Select[*tuple[Any, ...]]:
    e = tables.event
    waiting = text(URGENT_EVENTS) if urgent else and_(e.c.planned_at.is_(None), e.c.event_type != EventType.DEADLINE)
    columns = (
        e.c.id, e.c.source, e.c.external_id, e.c.object_type, e.c.event_type, e.c.object_id, e.c.object_number,
        e.c.title, e.c.at, e.c.data, e.c.accepted_at,
    )  # fmt: skip
    return select(*columns).where(waiting, e.c.id > bindparam("after")).order_by(e.c.id).limit(bindparam("most"))


def to_stored(row: Row[Any]) -> StoredEvent:
    """An event from its row."""
    return StoredEvent(
        row.id, row.source, row.external_id, row.object_type, row.event_type, row.object_id, row.object_number,
        row.title, row.at, row.data,
    )  # fmt: skip


def take_planned(connection: Connection, now: datetime, ids: Sequence[int]) -> set[int]:
    """Mark events as planned; gives those that nobody else has planned meanwhile."""
    dialect = connection.dialect.name
    free, take = _taking(dialect)
    given = {"ids": bulk.id_list(dialect, ids)}
    if dialect != "sqlite":
        return set(connection.execute(take.returning(tables.event.c.id), {**given, "now": now}).scalars())
    # A transaction that writes is alone here, and the rows of a RETURNING come one by one.
    taken = {row[0] for row in bulk.fetch_rows(connection, free, given)}
    connection.execute(take, {**given, "now": now})
    return taken


@cache
def _taking(dialect: str) -> tuple[Select[*tuple[Any, ...]], Update]:
    """What gives those of some events that wait for the planner, and what marks them as planned."""
    e = tables.event
    free = and_(bulk.among_given(dialect, e.c.id), e.c.planned_at.is_(None))
    return select(e.c.id).where(free), update(e).where(free).values(planned_at=bindparam("now"))


def as_stored(event: NewEvent, seen: Data | None, key: int = 0) -> StoredEvent:
    """An event merged but not stored, for the dry run."""
    data, merged = merge(event, seen)
    return StoredEvent(
        key, event.source, event.external_id, event.object_type, event.event_type, event.object_id,
        *_titles(event, merged), event.at, data,
    )  # fmt: skip


def _titles(event: NewEvent, merged: Data) -> tuple[str, str]:
    return str(merged.get("number") or event.object_id), str(merged.get("title") or "")


def last_seen(connection: Connection, object_type: str, object_id: str) -> Data | None:
    """What was last seen of an object."""
    table = tables.object_
    query = select(table.c.data).where(table.c.type == object_type, table.c.external_id == object_id)
    return connection.execute(query).scalar_one_or_none()


def _store(connection: Connection, now: datetime, events: Sequence[NewEvent]) -> None:
    keys = list(dict.fromkeys((event.object_type, event.object_id) for event in events))
    objects = _read_objects(connection, set(keys))
    fresh = [key for key in keys if key not in objects]
    ids = dict(zip(fresh, bulk.reserve_ids(connection, tables.object_, len(fresh)), strict=True))
    deadlines = Deadlines(connection, [seen.key for seen in objects.values() if seen.data.get("deadlines")])
    accepted_at = to_micros(now)
    rows: list[tuple[Any, ...]] = []
    for event in events:
        key = (event.object_type, event.object_id)
        seen = objects.get(key)
        data, merged = merge(event, seen.data if seen else None)
        status = str(merged.get("status") or "")
        since = event.at if seen is None or seen.status != status else seen.status_since
        objects[key] = now_seen = _Seen(seen.key if seen else ids[key], status, since, merged, event.at)
        if merged["deadlines"]:
            _follow(deadlines, event, now_seen)
        rows.append(
            (
                event.source, event.external_id, event.object_type, event.event_type, event.object_id,
                *_titles(event, merged), to_micros(event.at), accepted_at, bulk.as_json(data),
            )
        )  # fmt: skip
    columns = (
        "source", "external_id", "object_type", "event_type", "object_id", "object_number", "title", "at",
        "accepted_at", "data",
    )  # fmt: skip
    bulk.insert_rows(connection, tables.event, columns, rows)
    _write_objects(connection, objects, fresh)
    deadlines.write(accepted_at)


def _follow(deadlines: Deadlines, event: NewEvent, seen: _Seen) -> None:
    status = None if event.event_type == EventType.DELETED else seen.status
    at, since = to_micros(event.at), to_micros(seen.status_since)
    deadlines.follow(seen.key, event.object_type, status, seen.data["deadlines"], at, since)


def _read_objects(connection: Connection, keys: set[tuple[str, str]]) -> dict[tuple[str, str], _Seen]:
    table = tables.object_
    found = bulk.known_keys(connection, table, ("type", "external_id"), list(keys), also=("id",))
    if not found:
        return {}
    dialect = connection.dialect.name
    given = {"ids": bulk.id_list(dialect, [key[2] for key in found])}
    return {(row[0], row[1]): _Seen(*row[2:]) for row in bulk.fetch_rows(connection, _known_objects(dialect), given)}


@cache
def _known_objects(dialect: str) -> Select[*tuple[Any, ...]]:
    o = tables.object_
    query = select(o.c.type, o.c.external_id, o.c.id, o.c.status, o.c.status_since, o.c.data, o.c.seen_at)
    # Locked until the merged object is written, in one order: two that merge at once would forget what one said.
    return query.where(bulk.among_given(dialect, o.c.id)).order_by(o.c.id).with_for_update()


def _write_objects(
    connection: Connection, objects: dict[tuple[str, str], _Seen], fresh: Sequence[tuple[str, str]]
) -> None:
    table = tables.object_
    columns = ("id", "type", "external_id", "number", "status", "status_since", "seen_at", "data")
    new = set(fresh)
    known = [key for key in objects if key not in new]
    bulk.update_rows(connection, table, columns, [_object_row(key, objects[key]) for key in known])
    bulk.insert_rows(connection, table, columns, [_object_row(key, objects[key]) for key in fresh])


def _object_row(key: tuple[str, str], seen: _Seen) -> tuple[Any, ...]:
    number = str(seen.data.get("number") or key[1])
    times = (to_micros(seen.status_since), to_micros(seen.seen_at))
    return (seen.key, *key, number, seen.status, *times, bulk.as_json(seen.data))


def _same_person(one: object, other: object) -> bool:
    return one is not None and other is not None and _person_key(one) == _person_key(other)


def _person_key(person: object) -> str:
    if isinstance(person, dict):
        return str(cast("Data", person).get("email") or "").lower()
    return str(person).lower()
