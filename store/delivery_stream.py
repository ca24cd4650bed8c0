"""Deliveries as they happen, one after another: each that is new, and each whose state has changed.

For whoever follows the store without a screen. Nothing is left out: a burst is read page by page, a letter that died
long after it was made is found by its attempt, and on PostgreSQL, where a transaction may commit after one that began
later, the ids that were passed over are asked for until they are there.
"""

import time
from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import func, select

from store import feed, tables
from store.cards import FeedRow
from store.engine import Store
from store.vocabulary import DeliveryState

PAGE = 500
MOVING = frozenset({DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.HELD})
"""States that change by themselves, or by a hand."""
GAP_S = 60.0
"""So long an id that was passed over is waited for; one of a transaction that was taken back never comes."""
MAX_GAP = 10_000
"""More ids missing at once are no transactions under way."""
MAX_KNOWN = 50_000
"""So many deliveries are remembered, those told of last. What becomes of the others their attempts tell."""


class Happened(NamedTuple):
    """A delivery as it is now, and whether it is `new`; one that is not has come into another state."""

    row: FeedRow
    new: bool


class DeliveryStream:
    """What happened since it was last asked. For one thread only.

    Args:
        store: The store that is followed.
        tail: So many of the newest deliveries are told first.
        remembered: How many deliveries are looked at for another state, those told of last.
    """

    def __init__(self, store: Store, tail: int = 0, remembered: int = MAX_KNOWN) -> None:
        self._remembered = remembered
        self._store = store
        self._known: dict[int, tuple[DeliveryState, int]] = {}
        self._missing: dict[int, float] = {}
        self._ready: list[Happened] = []
        t = tables.attempt
        with store.read() as connection:
            self._attempt: int = connection.execute(select(func.coalesce(func.max(t.c.id), 0))).scalar_one()
        newest = feed.latest(store, limit=max(tail, 1))[::-1]
        self._last = newest[-1].id if newest else 0
        self._take(newest, {row.id for row in newest})
        del self._ready[: len(newest) - tail]

    def read(self) -> list[Happened]:
        """What is new, in its order, and what has come into another state. Empty when nothing happened.

        Raises:
            StoreUnreachableError: It cannot be read now. What happened meanwhile is told by the next call.
        """
        tried, newest = self._tried()
        self._take(self._rows([*tried, *self._moved(), *self._missing]), set(self._missing))
        self._attempt = newest
        while page := feed.after(self._store, self._last, limit=PAGE):
            self._note_gaps([row.id for row in page])
            self._last = page[-1].id
            self._take(page, {row.id for row in page})
        ready, self._ready = self._ready, []
        return ready

    def _take(self, rows: list[FeedRow], new: Collection[int]) -> None:
        """Make ready what is not known so; what is no longer under way is also told of when it was tried again."""
        last = self._last_attempts([row.id for row in rows])
        for row in rows:
            self._missing.pop(row.id, None)
            state, attempt = self._known.pop(row.id, (None, 0))
            tried = last.get(row.id, 0)
            self._known[row.id] = row.state, tried  # the ones told of last stand last
            if state is not row.state or (row.state not in MOVING and tried > attempt):
                self._ready.append(Happened(row, row.id in new))
        while len(self._known) > self._remembered:
            del self._known[next(iter(self._known))]

    def _moved(self) -> list[int]:
        """Those under way whose state is another now."""
        d = tables.delivery
        moving = [key for key, (state, _) in self._known.items() if state in MOVING]
        found: list[int] = []
        with self._store.read() as connection:
            for portion in _portions(moving):
                states = connection.execute(select(d.c.id, d.c.state).where(d.c.id.in_(portion)))
                found += [key for key, state in states if state != self._known[key][0].value]
        return found

    def _note_gaps(self, ids: list[int]) -> None:
        """Remember which ids lie between those that were read, and forget those that have been waited for."""
        now = time.monotonic()
        self._missing = {key: until for key, until in self._missing.items() if until > now}
        if self._last and ids[-1] - self._last - len(ids) <= MAX_GAP:
            gaps = set(range(self._last + 1, ids[-1])).difference(ids)
            self._missing |= dict.fromkeys(gaps, now + GAP_S)

    def _rows(self, ids: Iterable[int]) -> list[FeedRow]:
        portions = _portions(sorted(set(ids)))
        return [row for portion in portions for row in feed.by_ids(self._store, portion)]

    def _last_attempts(self, ids: list[int]) -> dict[int, int]:
        """The newest attempt at each of some deliveries; those that were not tried are left out."""
        t, found = tables.attempt, dict[int, int]()
        with self._store.read() as connection:
            for portion in _portions(ids):
                query = select(t.c.delivery_id, func.max(t.c.id)).where(t.c.delivery_id.in_(portion))
                found.update((row[0], row[1]) for row in connection.execute(query.group_by(t.c.delivery_id)))
        return found

    def _tried(self) -> tuple[list[int], int]:
        """Deliveries with a new attempt that will not be told of as new anyway; and the newest attempt."""
        t = tables.attempt
        query = select(t.c.id, t.c.delivery_id).where(t.c.id > self._attempt).order_by(t.c.id)
        with self._store.read() as connection:
            found = connection.execute(query).all()
        newest = found[-1].id if found else self._attempt
        return [row.delivery_id for row in found if row.delivery_id <= self._last], newest


def _portions(ids: list[int]) -> list[list[int]]:
    """Ids in lists an engine takes in one statement."""
    return [ids[start : start + PAGE] for start in range(0, len(ids), PAGE)]
