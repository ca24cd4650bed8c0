"""Accepting events: duplicates are dropped, and each event is merged with what was last seen of its object.

The merged event is what is stored, so planning it later, or again, needs nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from store import tables
from store.vocabulary import PAUSED_STATUSES, TERMINAL_STATUSES, DeadlineKind, EventType

Data = dict[str, Any]


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
    """An accepted event, merged, as the planner takes it."""

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


@dataclass(slots=True)
class _Seen:
    """An object while a batch of events is merged into it."""

    key: int | None
    status: str
    status_since: datetime
    data: Data
    seen_at: datetime


def accept_in(connection: Connection, now: datetime, events: Sequence[NewEvent]) -> list[bool]:
    """Store events in order; gives for each whether it was new (else it is a duplicate)."""
    keys = [(event.source, event.external_id) for event in events]
    known: set[tuple[str, str]] = set()
    columns = tuple_(tables.event.c.source, tables.event.c.external_id)
    for row in connection.execute(
        select(tables.event.c.source, tables.event.c.external_id).where(columns.in_(set(keys)))
    ):
        known.add((row.source, row.external_id))
    fresh: list[NewEvent] = []
    outcome: list[bool] = []
    for key, event in zip(keys, events, strict=True):
        outcome.append(key not in known)
        if key not in known:
            known.add(key)
            fresh.append(event)
    if fresh:
        _store(connection, now, fresh)
    return outcome


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


def unplanned(connection: Connection, limit: int) -> list[StoredEvent]:
    """Accepted events that wait for the planner, oldest first."""
    table = tables.event
    query = select(table).where(table.c.planned_at.is_(None)).order_by(table.c.id).limit(limit)
    return [
        StoredEvent(
            r.id,
            r.source,
            r.external_id,
            r.object_type,
            r.event_type,
            r.object_id,
            r.object_number,
            r.title,
            r.at,
            r.data,
        )
        for r in connection.execute(query.with_for_update(skip_locked=True))
    ]


def as_stored(event: NewEvent, seen: Data | None, key: int = 0) -> StoredEvent:
    """An event merged but not stored, for the dry run."""
    data, merged = merge(event, seen)
    number, title = str(merged.get("number") or event.object_id), str(merged.get("title") or "")
    return StoredEvent(
        key,
        event.source,
        event.external_id,
        event.object_type,
        event.event_type,
        event.object_id,
        number,
        title,
        event.at,
        data,
    )


def last_seen(connection: Connection, object_type: str, object_id: str) -> Data | None:
    """What was last seen of an object."""
    table = tables.object_
    query = select(table.c.data).where(table.c.type == object_type, table.c.external_id == object_id)
    return connection.execute(query).scalar_one_or_none()


def _store(connection: Connection, now: datetime, events: Sequence[NewEvent]) -> None:
    objects = _read_objects(connection, {(event.object_type, event.object_id) for event in events})
    rows: list[Data] = []
    for event in events:
        seen = objects.get((event.object_type, event.object_id))
        stored = as_stored(event, seen.data if seen else None)
        _, merged = merge(event, seen.data if seen else None)
        status = str(merged.get("status") or "")
        since = event.at if seen is None or seen.status != status else seen.status_since
        objects[event.object_type, event.object_id] = _Seen(seen.key if seen else None, status, since, merged, event.at)
        rows.append(
            {
                "source": event.source,
                "external_id": event.external_id,
                "object_type": event.object_type,
                "event_type": event.event_type,
                "object_id": event.object_id,
                "object_number": stored.object_number,
                "title": stored.title,
                "at": event.at,
                "accepted_at": now,
                "data": stored.data,
            }
        )
    connection.execute(insert(tables.event), rows)
    deleted = {(e.object_type, e.object_id) for e in events if e.event_type == EventType.DELETED}
    _write_objects(connection, objects, deleted)


def _read_objects(connection: Connection, keys: set[tuple[str, str]]) -> dict[tuple[str, str], _Seen]:
    table = tables.object_
    # Locked until the merged object is written, in one order: two that merge at once would forget what one said.
    query = select(table).where(tuple_(table.c.type, table.c.external_id).in_(keys))
    query = query.order_by(table.c.id).with_for_update()
    return {
        (row.type, row.external_id): _Seen(row.id, row.status, row.status_since, row.data, row.seen_at)
        for row in connection.execute(query)
    }


def _write_objects(
    connection: Connection, objects: dict[tuple[str, str], _Seen], deleted: set[tuple[str, str]]
) -> None:
    table = tables.object_
    fresh: list[tuple[tuple[str, str], _Seen]] = []
    for key, seen in objects.items():
        values = {
            "number": str(seen.data.get("number") or key[1]),
            "status": seen.status,
            "status_since": seen.status_since,
            "seen_at": seen.seen_at,
            "data": seen.data,
        }
        if seen.key is None:
            fresh.append((key, seen))
        else:
            connection.execute(update(table).where(table.c.id == seen.key).values(**values))
    if fresh:
        rows = [
            {
                "type": kind,
                "external_id": external,
                "number": str(seen.data.get("number") or external),
                "status": seen.status,
                "status_since": seen.status_since,
                "seen_at": seen.seen_at,
                "data": seen.data,
            }
            for (kind, external), seen in fresh
        ]
        # Asking for the ids in the order of the rows would insert them one by one; their own key finds them as well.
        statement = insert(table).returning(table.c.type, table.c.external_id, table.c.id)
        for kind, external, new in connection.execute(statement, rows):
            objects[kind, external].key = new
    _write_deadlines(connection, objects, deleted)


def _write_deadlines(
    connection: Connection, objects: dict[tuple[str, str], _Seen], deleted: set[tuple[str, str]]
) -> None:
    rows: list[Data] = []
    for (object_type, external), seen in objects.items():
        for kind, deadline in part(seen.data, "deadlines").items():
            if not deadline or not deadline.get("due"):
                continue
            due = datetime.fromisoformat(deadline["due"])
            started = datetime.fromisoformat(deadline["started"]) if deadline.get("started") else seen.status_since
            gone = (object_type, external) in deleted
            rows.append(
                {
                    "object_key": seen.key,
                    "object_type": object_type,
                    "kind": kind,
                    "started": min(started, due),
                    "due": due,
                    "running": not gone and not deadline.get("met") and runs(kind, seen.status),
                }
            )
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(tables.deadline)
    changed = {name: statement.excluded[name] for name in ("started", "due", "running")}
    connection.execute(statement.on_conflict_do_update(index_elements=["object_key", "kind"], set_=changed), rows)


def runs(kind: str, status: str) -> bool:
    """Whether a deadline of this kind runs in this status."""
    if status in TERMINAL_STATUSES:
        return False
    return kind == DeadlineKind.PLANNED_START or status not in PAUSED_STATUSES


def _same_person(one: object, other: object) -> bool:
    return one is not None and other is not None and _person_key(one) == _person_key(other)


def _person_key(person: object) -> str:
    if isinstance(person, dict):
        return str(cast("Data", person).get("email") or "").lower()
    return str(person).lower()
