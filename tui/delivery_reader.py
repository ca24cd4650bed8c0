"""Reads for one list of deliveries what it shows: the rows around a place, under a filter, as they are now.

A list holds some hundred rows around where it is looked at, whatever the store holds. What no index leads to is
looked through in portions; each `look` goes on from where the last one stopped, and may be told to look elsewhere.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from store import delivery_query, feed
from store.cards import FeedRow
from store.delivery_query import Count, DeliveryQuery
from store.engine import Store

DEAR_S = 0.05
"""A reading that took longer is not repeated at each change: then only what is new, and what is held, is read."""
REST = 20
"""Times the time a reading took; for so long it is not repeated."""
COUNT_AGAIN_S = 2.0
"""No sooner is counted again how many there are."""
ARRIVALS = 500
"""Arrivals counted at a time."""
LATE = 500
"""On a server a transaction may commit after one that began later: by so many ids, arrivals may be out of order."""


@dataclass(frozen=True, slots=True)
class View:
    """What a list wants to see.

    Attributes:
        query: Which deliveries.
        anchor: The rows around this id; `None`: the newest.
        around: So many on each side of it.
        since: Arrivals with larger ids are counted, for one that does not follow them; `None`: they are not.
    """

    query: DeliveryQuery = field(default_factory=DeliveryQuery)
    anchor: int | None = None
    around: int = 100
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was seen.

    Attributes:
        rows: Newest first; none is left out between the first and the last.
        newest_here: Whether none above is wanted.
        oldest_here: Whether none below is wanted.
        looking: How much of what it may have to look through it has, from 0 to 1; `None`: it has found enough.
        arrived: How many arrived above `view.since`.
        total: How many there are, where a filter is set and they were counted.
        first: The oldest delivery of the store, for the scroll bar.
        last: The newest.
    """

    view: View
    rows: Sequence[FeedRow]
    newest_here: bool
    oldest_here: bool
    looking: float | None
    arrived: int
    total: Count | None
    first: int
    last: int


class DeliveryReader:
    """Looks at the store for one list. For one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._view: View | None = None
        self._rows: list[FeedRow] = []
        self._up_to, self._up_ended = 0, True
        self._down_to, self._down_ended = 0, True
        self._bounds = (1, 0)
        self._settled_to: int | None = None
        self._settled = self._arrived = 0
        self._late = 0 if store.engine.dialect.name == "sqlite" else LATE
        self._took, self._read_at = 0.0, 0.0
        self._stale = False
        self._total: Count | None = None
        self._total_stale, self._counted_at = True, -math.inf

    @property
    def busy(self) -> bool:
        """Whether it has not found enough yet, nor looked through everything."""
        return self._view is not None and not (self._enough_above and self._enough_below)

    def look(self, view: View, *, changed: bool) -> Snapshot | None:
        """See what is wanted; `None` when that is what was seen before.

        Args:
            view: What is wanted now.
            changed: Whether anything was committed since the last time.

        Raises:
            StoreError: The store cannot be read.
        """
        before = self._view
        self.miss(changed=changed)
        if before is None or view.query != before.query:
            self._total, self._total_stale, self._counted_at = None, True, -math.inf
        if before is None or (view.query, view.anchor, view.around) != (before.query, before.anchor, before.around):
            self._begin(view)
        elif self.busy:
            self._view = view
            self._go_on()
        elif self._stale:
            self._view = view
            self._renew()
        elif self._may_count(view):
            self._count_all(view)
        elif view == before:
            return None
        self._view = view
        self._count(view)
        return self._snapshot(view)

    def miss(self, *, changed: bool) -> None:
        """Something may have changed while nobody wanted to see it."""
        self._stale = self._stale or changed
        self._total_stale = self._total_stale or changed

    def _may_count(self, view: View) -> bool:
        """Whether how many there are is to be counted now: of all there are nobody asks that."""
        due = time.monotonic() - self._counted_at > COUNT_AGAIN_S
        return self._total_stale and due and view.query != DeliveryQuery()

    def _count_all(self, view: View) -> None:
        self._total = delivery_query.count(self._store, view.query)
        self._total_stale, self._counted_at = False, time.monotonic()

    @property
    def _enough_above(self) -> bool:
        return self._up_ended or self._view is None or self._above >= self._view.around

    @property
    def _enough_below(self) -> bool:
        return self._down_ended or self._missing_below <= 0

    @property
    def _missing_below(self) -> int:
        view = self._view
        assert view is not None  # noqa: S101
        wanted = view.around if view.anchor is not None else 2 * view.around
        return wanted - (len(self._rows) - self._above)

    @property
    def _above(self) -> int:
        """Rows above the anchor."""
        anchor = self._view.anchor if self._view else None
        return 0 if anchor is None else sum(row.id > anchor for row in self._rows)

    def _begin(self, view: View) -> None:
        self._view, self._rows, self._stale = view, [], False
        self._took = 0.0
        self._bounds = delivery_query.bounds(self._store) or (1, 0)
        newest = self._bounds[1] + 1
        if view.anchor is None:
            self._up_to, self._up_ended = newest - 1, True
            self._down_to, self._down_ended = newest, False
        else:
            self._up_to, self._up_ended = view.anchor, False
            self._down_to, self._down_ended = view.anchor + 1, view.anchor < self._bounds[0]
        self._go_on()

    def _go_on(self) -> None:
        """Look a portion further, where not enough was found yet."""
        begun = time.monotonic()
        if not self._enough_above:
            self._look_up()
        if not self._enough_below:
            self._look_down()
        self._read_at = time.monotonic()
        self._took += self._read_at - begun

    def _look_up(self) -> None:
        view = self._view
        assert view is not None  # noqa: S101
        page = delivery_query.page(self._store, view.query, after=self._up_to, limit=view.around)
        self._rows[:0] = page.rows[::-1]
        self._up_to, self._up_ended = page.looked_to, page.ended
        self._trim()

    def _look_down(self) -> None:
        view = self._view
        assert view is not None  # noqa: S101
        page = delivery_query.page(self._store, view.query, before=self._down_to, limit=self._missing_below)
        self._rows += page.rows
        self._down_to, self._down_ended = page.looked_to, page.ended

    def _renew(self) -> None:
        """See what has changed: all again where that is cheap, else what is new and what is held."""
        view, now = self._view, time.monotonic()
        assert view is not None  # noqa: S101
        if self._took < DEAR_S or now - self._read_at > REST * self._took:
            self._begin(view)
            return
        self._stale = False
        self._bounds = delivery_query.bounds(self._store) or (1, 0)
        ids = [row.id for row in self._rows]
        wanted = delivery_query.matching(self._store, view.query, ids)
        self._rows = feed.by_ids(self._store, sorted(wanted))[::-1] if wanted else []
        if self._up_ended:
            self._look_up()

    def _trim(self) -> None:
        """Let go of what has come to be too far away."""
        view = self._view
        assert view is not None  # noqa: S101
        if view.anchor is None and len(self._rows) > 2 * view.around:
            del self._rows[2 * view.around :]
            self._down_to, self._down_ended = self._rows[-1].id, False
        elif view.anchor is not None and (surplus := self._above - view.around) > 0:
            del self._rows[:surplus]
            self._up_to, self._up_ended = self._rows[0].id, False

    def _count(self, view: View) -> None:
        """Count what arrived, each once, however many looks it takes."""
        if view.since is None:
            self._settled_to, self._settled, self._arrived = None, 0, 0
            return
        if self._settled_to is None:
            self._settled_to = view.since
        after, limit = self._settled_to, ARRIVALS + self._late
        ids, reached, ended = delivery_query.ids_wanted(self._store, view.query, after=after, limit=limit)
        self._arrived = self._settled + len(ids)
        # Below this nothing is going to turn up any more.
        settled_to = max(after, reached - self._late)
        self._settled += sum(one <= settled_to for one in ids)
        self._settled_to = settled_to
        self._stale = self._stale or not ended

    def _snapshot(self, view: View) -> Snapshot:
        first, last = self._bounds
        span = max(1, last - first + 1)
        looked = None
        if self.busy:
            looked = min(1.0, (self._up_to - self._down_to + 1) / span)
        ended = self._up_ended, self._down_ended
        return Snapshot(view, tuple(self._rows), *ended, looked, self._arrived, self._total, first, last)
