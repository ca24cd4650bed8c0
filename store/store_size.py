"""How large a store is, how it grows, and when a limit will be reached.

On SQLite what is removed becomes free pages of the file, which new rows fill before the file grows: so what counts is
the pages in use, to the byte. On PostgreSQL rows that were removed become free within their tables, once autovacuum has
been there, and no view tells how much; it is taken from how wide the rows of an event are, as the server counts them
for its planner, and from how many events there are: so it is right within some percent.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, select, text

from store import bulk, tables
from store.engine import Store, sqlite_path
from store.types import EPOCH

KEPT_DAYS = 400
"""So long it is kept how large the store was: a year, and the month before."""
GROWTH_DAYS = 30
"""Growth is what was added over so many days at most: a month has its Mondays and its holidays."""
GROWING = frozenset({"event", "decision", "notification", "delivery", "attempt", "delivery_search"})
"""Tables that hold what came of events, of which most of a store is."""
_ON_SERVER = text("""
SELECT c.relname AS name, pg_total_relation_size(c.oid) AS total, pg_relation_size(c.oid) AS main, c.reltuples AS rows,
    (SELECT coalesce(sum(avg_width), 0) FROM pg_stats w WHERE w.schemaname = n.nspname AND w.tablename = c.relname)
        AS width,
    (SELECT coalesce(sum(rows), 0) FROM row_count WHERE row_count.name = 'event') AS events
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = current_schema()
""")
_ROW = 36
"""Bytes of a row beside its columns on PostgreSQL: its header (24), its pointer (4), and rounding."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a store is now, in bytes.

    Attributes:
        size: Of its file, or of its tables on a server.
        used: Of that, what is in use; the rest is filled before the store grows.
    """

    size: int
    used: int

    @property
    def free(self) -> int:
        """What is filled before the store grows."""
        return self.size - self.used


@dataclass(frozen=True, slots=True)
class Outgrowth:
    """How a store does for room.

    Attributes:
        size: How large it is.
        per_day: By how many bytes what is in use grows a day; `None` where it has not been watched for a day.
        disk_free: Bytes that are free where its file is; `None` where that is a server.
        limit: The most it may hold, `None` where there is no limit.
    """

    size: Size
    per_day: int | None
    disk_free: int | None
    limit: int | None

    @property
    def full_in(self) -> timedelta | None:
        """When there will be no room on the disk, as it grows now; `None` where that is not known, or never."""
        return None if self.disk_free is None else self._until(self.size.free + self.disk_free)

    @property
    def at_limit_in(self) -> timedelta | None:
        """When the limit will be reached, as it grows now; `None` where that is not known, or never."""
        return None if self.limit is None else self._until(max(self.limit - self.size.used, 0))

    def _until(self, room: int) -> timedelta | None:
        if self.per_day is None or self.per_day <= 0:
            return None
        return timedelta(days=min(room / self.per_day, timedelta.max.days / 2))


def size_in(connection: Connection) -> Size:
    """How large the store is."""
    if connection.dialect.name == "postgresql":
        return _on_server(connection.execute(_ON_SERVER).all())
    pages, free, page = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return Size(pages * page, (pages - free) * page)


def note_in(connection: Connection, now: datetime) -> None:
    """Keep how large the store is today, in place of what was kept of today before."""
    s, day, found = tables.store_size, (now - EPOCH).days, size_in(connection)
    end = "ON CONFLICT (day) DO UPDATE SET size = excluded.size, used = excluded.used"
    bulk.insert_rows(connection, s, ("day", "size", "used"), [(day, found.size, found.used)], end)
    connection.execute(delete(s).where(s.c.day < day - KEPT_DAYS))


def growth_in(connection: Connection, now: datetime) -> int | None:
    """By how many bytes a day what is in use has grown of late; `None` before two days are known."""
    s = tables.store_size
    since = (now - EPOCH).days - GROWTH_DAYS
    days = connection.execute(select(s.c.day, s.c.used).where(s.c.day >= since).order_by(s.c.day)).all()
    return _slope([(row.day, row.used) for row in days])


def outgrowth(store: Store, limit: int | None) -> Outgrowth:
    """How a store does for room. Blocking, a millisecond or two.

    Args:
        store: The store.
        limit: The most it may hold, in bytes.
    """
    with store.read() as connection:
        size, per_day = size_in(connection), growth_in(connection, store.clock())
    path = sqlite_path(store.url)
    return Outgrowth(size, per_day, None if path is None else shutil.disk_usage(path.absolute().parent).free, limit)


def _on_server(tables_there: Sequence[Row[Any]]) -> Size:
    """What the tables of a server hold, from how many rows there are to an event and how wide they are.

    Those are as the server last looked at them; how many events there are is known to one. So what was removed a moment
    ago is not removed twice for want of an autovacuum.
    """
    seen = next((row.rows for row in tables_there if row.name == tables.event.name), 0)
    used = 0.0
    for row in tables_there:
        known = row.name in GROWING and seen > 0 and row.rows > 0 and min(row.width, row.main) > 0
        live = int(row.events) * row.rows / seen * (int(row.width) + _ROW) / row.main if known else 1.0
        used += row.total * min(live, 1.0)
    return Size(sum(int(row.total) for row in tables_there), int(used))


def _slope(days: Sequence[tuple[int, int]]) -> int | None:
    if len(days) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    (first, before), (last, after) = days[0], days[-1]
    return (after - before) // (last - first)
