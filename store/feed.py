"""The live feed: deliveries as lines, and the watch that tells when to look again."""

import math
import sqlite3
import time
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Row, Select, select

from store import tables
from store.cards import Acknowledgement, FeedRow
from store.engine import Store
from store.vocabulary import Channel, DeliveryState
from store.wakeups import Listener

LOOK_S = 1.0
"""On PostgreSQL one looks again after so many seconds even without being told."""


def rows_query() -> Any:
    """The join behind a line, a `Select`; add conditions, order and limit."""
    d, n, e, a = tables.delivery, tables.notification, tables.event, tables.acknowledgement
    return (
        select(
            d.c.id, d.c.created_at, d.c.channel, d.c.recipient_name, d.c.recipient_address, d.c.state, d.c.reason,
            d.c.attempts, n.c.subject, n.c.rule_code,
            e.c.object_type, e.c.object_number, e.c.event_type, e.c.external_id,
            a.c.who.label("seen_by"), a.c.at.label("seen_at"), a.c.note.label("seen_note"),
        )
        .join(n, n.c.id == d.c.notification_id)
        .join(e, e.c.id == d.c.event_id)
        .outerjoin(a, a.c.delivery_id == d.c.id)
    )  # fmt: skip


def to_row(row: Row[Any]) -> FeedRow:
    """A line from the row of `rows_query`."""
    return FeedRow(
        id=row.id,
        created_at=row.created_at,
        object_type=row.object_type,
        object_number=row.object_number,
        event_type=row.event_type,
        subject=row.subject,
        channel=Channel(row.channel),
        recipient_name=row.recipient_name,
        recipient_address=row.recipient_address,
        state=DeliveryState(row.state),
        reason=row.reason,
        attempts=row.attempts,
        rule_code=row.rule_code,
        event_key=row.external_id,
        acknowledged=None if row.seen_at is None else Acknowledgement(row.seen_by, row.seen_at, row.seen_note),
    )


def latest(store: Store, limit: int = 200, before_id: int | None = None) -> list[FeedRow]:
    """The newest lines, newest first; `before_id` pages back."""
    d = tables.delivery
    query = rows_query().order_by(d.c.id.desc()).limit(limit)
    return _read(store, query if before_id is None else query.where(d.c.id < before_id))


def after(store: Store, last_id: int, limit: int = 500) -> list[FeedRow]:
    """Lines above `last_id`, oldest first."""
    d = tables.delivery
    return _read(store, rows_query().where(d.c.id > last_id).order_by(d.c.id).limit(limit))


def by_ids(store: Store, ids: Sequence[int]) -> list[FeedRow]:
    """The lines with these ids as they are now, oldest first."""
    d = tables.delivery
    return _read(store, rows_query().where(d.c.id.in_(ids)).order_by(d.c.id))


def _read(store: Store, query: Select[Any]) -> list[FeedRow]:
    with store.read() as connection:
        return [to_row(row) for row in connection.execute(query)]


class Watch:
    """Tells whether anything was committed since it was last asked. For one thread only; never blocks.

    On SQLite it asks `PRAGMA data_version` on a connection of its own, which changes when another connection
    commits (2 µs). On PostgreSQL it listens for the writers' notifications; should none come through (the server
    is being started anew, or a connection pooler stands between), it says yes every `LOOK_S` seconds.
    """

    def __init__(self, store: Store) -> None:
        on_server = store.engine.dialect.name == "postgresql"
        self._connection = None if on_server else store.engine.raw_connection()
        self._listener = Listener(store.submit) if on_server else None
        self._seen: int | None = None
        self._looked_at = -math.inf

    @property
    def listening(self) -> bool:
        """Whether a commit would be heard of at once; on SQLite always."""
        return self._listener is None or self._listener.listening

    def changed(self) -> bool:
        """Whether to look again; true the first time."""
        return self._version_changed() if self._listener is None else self._told(self._listener)

    def fileno(self) -> int | None:
        """What becomes readable when it is time to look; `None` where one has to look by the clock."""
        return self._listener.fileno() if self._listener is not None else None

    def unplanned(self) -> bool:
        """Whether events wait for the planner; on PostgreSQL, whether some may have come since this was asked last."""
        if self._listener is not None:
            brought, self._listener.events = self._listener.events, False
            return brought
        if self._connection is None:
            return True
        cursor = self._connection.cursor()
        cursor.execute("SELECT EXISTS (SELECT 1 FROM event WHERE planned_at IS NULL)")
        found = bool(cast("tuple[int]", cursor.fetchone())[0])
        cursor.close()
        return found

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._listener is not None:
            self._listener.close()

    def _version_changed(self) -> bool:
        if self._connection is None:
            return False
        try:
            cursor = self._connection.cursor()
            cursor.execute("PRAGMA data_version")
            version: int = cast("tuple[int]", cursor.fetchone())[0]
            cursor.close()
        except sqlite3.Error:
            return True  # whoever looks hears what is wrong with the store
        changed = version != self._seen
        self._seen = version
        return changed

    def _told(self, listener: Listener) -> bool:
        told, now = listener.told(), time.monotonic()
        if told or now - self._looked_at >= LOOK_S:
            self._looked_at = now
            listener.events |= not told
            listener.connect()
            return True
        return False
