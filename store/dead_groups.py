"""Letters that were given up, by why and by the connection that gave them up: what is mended once is sent again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from store import feed, tables
from store.cards import FeedRow
from store.engine import Store
from store.outbox import DEAD


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Dead letters with one reason over one connection.

    Attributes:
        id: The newest of them.
        reason: The error class, or the reason.
        oldest, newest: When the first and the last of them were made.
        answer: What the server said to the newest.
    """

    id: int
    reason: str
    connection: str
    letters: int
    oldest: datetime
    newest: datetime
    answer: str


def list_groups(store: Store) -> list[DeadGroup]:
    """The groups, the largest first."""
    d = tables.delivery
    query = (
        select(
            d.c.reason, d.c.connection, func.count().label("letters"), func.min(d.c.created_at).label("oldest"),
            func.max(d.c.created_at).label("newest"), func.max(d.c.id).label("id"),
        )
        .where(DEAD)
        .group_by(d.c.reason, d.c.connection)
    )  # fmt: skip
    with store.read() as connection:
        rows = connection.execute(query).all()
        last = select(d.c.id, d.c.answer).where(d.c.id.in_([row.id for row in rows]))
        answers = {row.id: row.answer for row in connection.execute(last)}
    found = [
        DeadGroup(row.id, row.reason, row.connection, row.letters, row.oldest, row.newest, answers.get(row.id, ""))
        for row in rows
    ]
    return sorted(found, key=lambda one: (-one.letters, one.reason, one.connection))


def ids_of(store: Store, reason: str, connection: str | None = None) -> list[int]:
    """The letters of a group, oldest first; without a connection, those over any."""
    d = tables.delivery
    with store.read() as reading:
        return list(reading.execute(select(d.c.id).where(*_of(reason, connection)).order_by(d.c.id)).scalars())


def letters_of(
    store: Store, reason: str, connection: str | None = None, *, before_id: int | None = None, limit: int = 200
) -> list[FeedRow]:
    """The letters of a group as lines, newest first."""
    d = tables.delivery
    query = feed.rows_query().where(*_of(reason, connection)).order_by(d.c.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(d.c.id < before_id)
    with store.read() as reading:
        return [feed.to_row(row) for row in reading.execute(query)]


def _of(reason: str, connection: str | None) -> Sequence[ColumnElement[bool]]:
    d = tables.delivery
    found: list[ColumnElement[bool]] = [DEAD, d.c.reason == reason]  # pyright: ignore[reportAssignmentType]
    return found if connection is None else [*found, d.c.connection == connection]
