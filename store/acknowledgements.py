"""Acknowledged deliveries: somebody has seen to them. Every console sees it in the feed; nothing else follows."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from sqlalchemy import Connection, delete, select

from store import bulk, tables
from store.audit import record_deed
from store.cards import Acknowledgement
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
    words = clean_line(note).strip()[:MAX_NOTE]
    found: list[int] = []

    def change(connection: Connection, portion: list[int]) -> list[int]:
        now = store.clock()
        new = _insert(connection, dict.fromkeys(portion, Acknowledgement(who, now, words)))
        if new:
            record_deed(connection, now, who, "deliveries:acknowledge", None, {"ids": named(new), "note": words})
        return new

    for portion in portions(ids, progress):
        found += store.write(lambda connection, portion=portion: change(connection, portion))
    return found


def withdraw(
    store: Store, ids: Sequence[int], who: str, progress: Progress | None = None
) -> dict[int, Acknowledgement]:
    """Take acknowledgements back, whoever made them; gives those there were, by delivery. Blocking."""
    a = tables.acknowledgement
    found: dict[int, Acknowledgement] = {}

    def change(connection: Connection, portion: list[int]) -> dict[int, Acknowledgement]:
        statement = delete(a).where(a.c.delivery_id.in_(portion)).returning(a.c.delivery_id, a.c.who, a.c.at, a.c.note)
        rows = sorted(connection.execute(statement).all())
        gone = {row.delivery_id: Acknowledgement(row.who, row.at, row.note) for row in rows}
        if gone:
            record_deed(connection, store.clock(), who, "deliveries:withdraw", None, {"ids": named(list(gone))})
        return gone

    for portion in portions(ids, progress):
        found |= store.write(lambda connection, portion=portion: change(connection, portion))
    return found


def put_back(
    store: Store, withdrawn: Mapping[int, Acknowledgement], who: str, progress: Progress | None = None
) -> list[int]:
    """Undo a withdrawal: each acknowledgement is as it was, with who made it, when, and the note. Blocking.

    Args:
        store: The store.
        withdrawn: What `withdraw` gave.
        who: Who puts them back.
        progress: Is told how far it is.

    Returns:
        Deliveries that have theirs again; what somebody has acknowledged meanwhile stays as that one did.
    """
    found: list[int] = []

    def change(connection: Connection, portion: list[int]) -> list[int]:
        back = _insert(connection, {key: withdrawn[key] for key in portion})
        if back:
            record_deed(connection, store.clock(), who, "deliveries:undo_withdraw", None, {"ids": named(back)})
        return back

    for portion in portions(list(withdrawn), progress):
        found += store.write(lambda connection, portion=portion: change(connection, portion))
    return found


def _insert(connection: Connection, wanted: Mapping[int, Acknowledgement]) -> list[int]:
    """Write acknowledgements of deliveries that there are and that have none; gives those deliveries."""
    a, d = tables.acknowledgement, tables.delivery
    there = connection.execute(select(d.c.id).where(d.c.id.in_(wanted)).order_by(d.c.id)).scalars()
    rows = [(key, to_micros(wanted[key].at), wanted[key].who, wanted[key].note) for key in there]
    end = "ON CONFLICT (delivery_id) DO NOTHING RETURNING delivery_id"
    made = bulk.merge_rows(connection, a, ("delivery_id", "at", "who", "note"), rows, end)
    return sorted(int(row[0]) for row in made)


def named(ids: Sequence[int]) -> list[str]:
    """Deliveries as people call them."""
    return [f"D{key}" for key in ids]
