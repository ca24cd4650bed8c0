"""Deliveries by a filter: pages by id, counts, jumps in time. A million open as fast as a hundred.

No call takes longer than its budget, whatever the filter: what no index leads to is looked through for so long, and
the answer says how far it came, so that the caller can show it, stop, or go on from there.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from store import feed, tables
from store.cards import FeedRow
from store.delivery_traits import DeliveryQuery
from store.delivery_walk import Walk, ends, newest_by
from store.engine import Store

PAGE = 200
BUDGET_S = 0.03
"""A call looks no further after so long; what is begun then is finished, which takes some milliseconds."""
MOST = 10_000
COUNTED = 2_500
"""Rows that are counted at a time."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some deliveries.

    Attributes:
        rows: Nearest first: the newest of those below `before`, the oldest of those above `after`.
        looked_to: The furthest id that was looked at: with it as `before`, or `after`, the next page begins.
        ended: Whether there is nothing beyond it.
    """

    rows: list[FeedRow]
    looked_to: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are; when `capped`, at least so many were found before the bound, or the time, was reached."""

    number: int
    capped: bool


def page(
    store: Store,
    query: DeliveryQuery,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE,
    budget_s: float = BUDGET_S,
) -> Page:
    """The deliveries nearest to an id that are wanted: below `before`, or above `after`; the newest without either.

    A page may be short, or empty, though there are more: `ended` tells.
    """
    with store.read() as connection:
        found, reached, ended = _near(connection, query, before, after, limit, budget_s)
        return Page(_rows(connection, found), reached, ended)


def ids_wanted(
    store: Store,
    query: DeliveryQuery,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE,
    budget_s: float = BUDGET_S,
) -> tuple[list[int], int, bool]:
    """Like `page`, the numbers alone: those found, the furthest one looked at, whether there is nothing beyond it."""
    with store.read() as connection:
        return _near(connection, query, before, after, limit, budget_s)


def _near(
    connection: Connection, query: DeliveryQuery, before: int | None, after: int | None, limit: int, budget_s: float
) -> tuple[list[int], int, bool]:
    end = time.monotonic() + budget_s
    walk = Walk(connection, query)
    if after is None:
        steps, reached = walk.down(None if before is None else before - 1), walk.last + 1
        reached = reached if before is None else min(before, reached)
    else:
        steps, reached = walk.up(after + 1), max(after, walk.first - 1)
    found: list[int] = []
    ended = True
    for ids, looked_to in steps:
        room = limit - len(found)
        found += ids[:room]
        reached = found[-1] if len(ids) >= room else looked_to
        if len(ids) >= room or time.monotonic() > end:
            ended = reached <= walk.first if after is None else reached >= walk.last
            break
    return found, reached, ended


def newest(store: Store, query: DeliveryQuery, limit: int = PAGE, *, before: int | None = None) -> list[FeedRow]:
    """The newest deliveries that are wanted, newest first, however long it takes to find them."""
    rows: list[FeedRow] = []
    while True:
        found = page(store, query, before=before, limit=limit - len(rows))
        rows += found.rows
        if found.ended or len(rows) == limit:
            return rows
        before = found.looked_to


def matching(store: Store, query: DeliveryQuery, ids: Collection[int]) -> set[int]:
    """Those of some deliveries that are wanted, as they are now."""
    if not ids:
        return set()
    with store.read() as connection:
        return set(Walk(connection, query).among(list(ids)))


def count(store: Store, query: DeliveryQuery, most: int = MOST, *, budget_s: float = BUDGET_S) -> Count:
    """How many deliveries are wanted, up to a bound."""
    with store.read() as connection:
        return _count(connection, query, most, budget_s)


def counts(
    store: Store, queries: Sequence[DeliveryQuery], most: int = MOST, *, budget_s: float = BUDGET_S
) -> list[Count]:
    """How many deliveries each of some queries wants, in one snapshot; the budget is for each."""
    with store.read() as connection:
        return [_count(connection, query, most, budget_s) for query in queries]


def bounds(store: Store) -> tuple[int, int] | None:
    """The first and the last delivery; `None` where there is none."""
    with store.read() as connection:
        return ends(connection)


def newest_at(store: Store, moment: datetime) -> int:
    """The newest delivery made at a moment or earlier; 0 when there is none."""
    with store.read() as connection:
        return newest_by(connection, moment)


def _count(connection: Connection, query: DeliveryQuery, most: int, budget_s: float) -> Count:
    end = time.monotonic() + budget_s
    walk, number = Walk(connection, query, COUNTED), 0
    for ids, looked_to in walk.down():
        number += len(ids)
        if number > most:
            return Count(most, capped=True)
        if time.monotonic() > end:
            return Count(number, capped=looked_to > walk.first)
    return Count(number, capped=False)


def _rows(connection: Connection, ids: Sequence[int]) -> list[FeedRow]:
    """The lines of some deliveries, in the order of the ids."""
    if not ids:
        return []
    rows = connection.execute(feed.rows_query().where(tables.delivery.c.id.in_(ids)))
    found = {row.id: feed.to_row(row) for row in rows}
    return [found[one] for one in ids]
