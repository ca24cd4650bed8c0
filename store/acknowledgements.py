"""Acknowledged deliveries: somebody has seen to them. Every console sees it in the feed; nothing else follows."""

import time
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection, delete, select

from store import bulk, tables
from store.audit import record_deed
from store.engine import Store
from store.sanitise import clean_line
from store.types import to_micros

PORTION = 250
"""Ids in one transaction: others write in between."""
PAUSE_S = 0.03
"""Between two of them: a program that waits for the lock of SQLite looks for it only so often."""
MAX_NOTE = 500
"""Characters of a note that are kept."""
Progress = Callable[[int, int], bool]
"""Is told how many of how many were gone over; gives whether to go on."""


def portions(ids: Sequence[int], progress: Progress | None, pause_s: float = PAUSE_S) -> Iterator[list[int]]:
    """Ids in their order and each once, a portion at a time, until they end or `progress` says so."""
    ordered, size = sorted(set(ids)), PORTION
    for start in range(0, len(ordered), size):
        if start:
            time.sleep(pause_s)
        if progress is not None and not progress(start, len(ordered)):
            return
        yield ordered[start : start + size]
    if progress is not None:
        progress(len(ordered), len(ordered))


def acknowledge(
    store: Store, ids: Sequence[int], who: str, note: str = "", progress: Progress | None = None
) -> list[int]:
    """Acknowledge deliveries; gives those that nobody had acknowledged yet. Blocking."""
    a, d, words = tables.acknowledgement, tables.delivery, clean_line(note).strip()[:MAX_NOTE]
    found: list[int] = []

    def change(connection: Connection, portion: list[int]) -> list[int]:
        now = store.clock()
        there = list(connection.execute(select(d.c.id).where(d.c.id.in_(portion)).order_by(d.c.id)).scalars())
        if not there:
            return []
        rows = [(key, to_micros(now), who, words) for key in there]
        end = "ON CONFLICT (delivery_id) DO NOTHING RETURNING delivery_id"
        made = bulk.merge_rows(connection, a, ("delivery_id", "at", "who", "note"), rows, end)
        new = sorted(int(row[0]) for row in made)
        if new:
            record_deed(connection, now, who, "deliveries:acknowledge", None, {"ids": named(new), "note": words})
        return new

    for portion in portions(ids, progress):
        found += store.write(lambda connection, portion=portion: change(connection, portion))
    return found


def withdraw(store: Store, ids: Sequence[int], who: str, progress: Progress | None = None) -> list[int]:
    """Take acknowledgements back, whoever made them; gives the deliveries that had one. Blocking."""
    a = tables.acknowledgement
    found: list[int] = []

    def change(connection: Connection, portion: list[int]) -> list[int]:
        statement = delete(a).where(a.c.delivery_id.in_(portion)).returning(a.c.delivery_id)
        gone = sorted(connection.execute(statement).scalars())
        if gone:
            record_deed(connection, store.clock(), who, "deliveries:withdraw", None, {"ids": named(gone)})
        return gone

    for portion in portions(ids, progress):
        found += store.write(lambda connection, portion=portion: change(connection, portion))
    return found


def named(ids: Sequence[int]) -> list[str]:
    """Deliveries as people call them."""
    return [f"D{key}" for key in ids]
