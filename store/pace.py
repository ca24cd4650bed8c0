"""Letters that are sent again so many a minute keep that pace when they were held meanwhile."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, select, update

from store import bulk, tables
from store.types import to_micros
from store.vocabulary import DeliveryState

PACED = "paced"
"""Why a letter waits that is sent again together with others, so many a minute."""
PORTION = 1_000
"""Letters whose times are written at a time."""


def due_at(start: datetime, place: int, per_minute: int) -> datetime:
    """When the letter at a place, counted from 0, is due."""
    return start + timedelta(minutes=place / per_minute)


def spread_again(connection: Connection, now: datetime, held: ColumnElement[bool]) -> int:
    """Let the held letters of paced retries go, at their pace and behind those of the same retry that are yet to go.

    To put them back in their old places would send them beside the others, at twice the pace; to move all the others
    would write many letters that nothing was wrong with.

    Args:
        connection: Of a transaction.
        now: The earliest moment one is due.
        held: What is to be said of the held letters that may go; the others of those stay held.

    Returns:
        How many letters were let go. They are pending.
    """
    if not _found(connection, held):
        return 0
    m, letters = tables.letter_move, 0
    for number, ids in sorted(_found(connection, held, lock=True).items()):
        move = connection.execute(select(m.c.until, m.c.per_minute).where(m.c.id == number).with_for_update()).one()
        start = now if move.until <= now else due_at(move.until, 1, move.per_minute)
        dues = [due_at(start, place, move.per_minute) for place in range(len(ids))]
        _write(connection, number, ids, dues)
        connection.execute(update(m).where(m.c.id == number).values(until=dues[-1]))
        letters += len(ids)
    return letters


def _found(connection: Connection, held: ColumnElement[bool], *, lock: bool = False) -> dict[int, list[int]]:
    """The held letters of each paced retry, in the order they were due. A letter follows its latest move alone."""
    d, moved, m = tables.delivery, tables.moved_letter, tables.letter_move
    query = (
        select(d.c.id, moved.c.move_id, moved.c.due, m.c.per_minute)
        .join(moved, moved.c.delivery_id == d.c.id)
        .join(m, m.c.id == moved.c.move_id)
        .where(held, m.c.undone_at.is_(None))
        .order_by(d.c.id, moved.c.move_id)
    )
    if lock:
        query = query.with_for_update(of=d)
    last = {row.id: row for row in connection.execute(query)}
    found: dict[int, list[int]] = {}
    for row in sorted(last.values(), key=lambda row: (row.due, row.id)):
        if row.per_minute is not None:
            found.setdefault(row.move_id, []).append(row.id)
    return found


def _write(connection: Connection, number: int, ids: Sequence[int], dues: Iterable[datetime]) -> None:
    d, moved = tables.delivery, tables.moved_letter
    new = [(one, DeliveryState.PENDING.value, PACED, to_micros(due)) for one, due in zip(ids, dues, strict=True)]
    bulk.update_rows(connection, d, ("id", "state", "reason", "next_at"), new)
    due = select(d.c.next_at).where(d.c.id == moved.c.delivery_id).scalar_subquery()
    for start in range(0, len(ids), PORTION):
        mine = moved.c.delivery_id.in_(ids[start : start + PORTION])
        connection.execute(update(moved).where(moved.c.move_id == number, mine).values(due=due))
