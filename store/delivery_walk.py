"""Walking over the deliveries that a filter wants, by id, upwards or downwards, and stopping at any time.

The ids are looked through in stretches. What an index leads to is taken from it; the rest is read and checked, some
hundred rows at a time, so that whoever walks can stop after some milliseconds and go on from there.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select, text

from store import search_index, tables
from store.delivery_check import Check, addresses_of, by_whom, own_conditions
from store.delivery_traits import DeliveryQuery
from store.vocabulary import DeliveryState

PORTION = 500
"""Rows that are read and checked at a time."""
SLACK = 2_000
"""By so many ids, deliveries may be out of the order of time: several dispatchers number theirs, and clocks differ."""
MOST_BLOCKS = 32
"""Blocks of ids that are looked up in an index at a time, as long as it finds no more than `SPARSE` there."""
SPARSE = 100
FEW = 2_000
"""So many letters in the queue are looked for among themselves."""
Found = tuple[list[int], int]
"""Ids that are wanted, in the order walked, and the last id that was looked at."""
_PARTIAL = {
    state: text(f"delivery.state = {state.value}")
    for state in (DeliveryState.HELD, DeliveryState.DEAD, DeliveryState.CANCELLED)
}
"""States with an index by id; the words are the index's own."""
_QUEUED = frozenset({DeliveryState.PENDING, DeliveryState.SENDING})
_DUE = text("delivery.state < 2")


class Walk:
    """Walks over what a query wants, on one connection.

    Attributes:
        first: The lowest id it can want.
        last: The highest; below `first` when there is none.
    """

    def __init__(self, connection: Connection, query: DeliveryQuery, portion: int = PORTION) -> None:
        """`portion` is for rows that are not checked: of those more may be read at a time."""
        self._connection = connection
        self._blocks = 1
        logins = addresses_of(connection, query)
        self._check = Check(query, logins)
        self._portion = PORTION if self._check.needed else portion
        self._terms = search_index.terms(query, logins)
        self._covered = search_index.covered(connection)
        self._own: ColumnElement[bool] = and_(True, *own_conditions(query))  # noqa: FBT003 - SQL true
        self._asks_own = bool(own_conditions(query))
        self._states = {*query.states, *((DeliveryState.HELD,) if query.storm else ())}
        self._by_state = bool(self._states) and self._states <= _PARTIAL.keys()
        self._by_acknowledgement = bool(query.acknowledged or query.acknowledged_by) and False not in query.acknowledged
        self._by_whom = by_whom(query) if query.acknowledged_by and not query.acknowledged else None
        self._ids = sorted(query.ids)
        self._queued = self._few_queued() if self._states and self._states <= _QUEUED else None
        self.first, self.last = self._limits(query)

    def down(self, start: int | None = None) -> Iterator[Found]:
        """From `start` (the newest) down to the first one."""
        at = self._next(self.last if start is None else min(start, self.last), down=True)
        while at is not None and at >= self.first:
            edge = max(self.first, (at // search_index.BLOCK - self._blocks + 1) * search_index.BLOCK)
            indexed, edge = self._covered.edge(at, edge)
            yield from self._stretch(edge, at, down=True, indexed=indexed)
            at = self._next(edge - 1, down=True)

    def up(self, start: int) -> Iterator[Found]:
        """From `start` up to the last one."""
        at = self._next(max(start, self.first), down=False)
        while at is not None and at <= self.last:
            edge = min(self.last, (at // search_index.BLOCK + self._blocks) * search_index.BLOCK - 1)
            indexed, edge = self._covered.edge(at, edge)
            yield from self._stretch(at, edge, down=False, indexed=indexed)
            at = self._next(edge + 1, down=False)

    def among(self, ids: Sequence[int]) -> list[int]:
        """Those of some deliveries that are wanted."""
        d = tables.delivery
        query = select(d.c.id).where(d.c.id.in_(ids), self._own)
        found = list(self._connection.execute(query).scalars())
        return self._check.admitted(self._connection, found) if self._check.needed and found else found

    def _limits(self, query: DeliveryQuery) -> tuple[int, int]:
        """The ids between which all lie that are wanted."""
        first, last = ends(self._connection) or (1, 0)
        if query.since is not None:
            first = max(first, newest_by(self._connection, query.since) - SLACK)
        if query.until is not None:
            last = min(last, newest_by(self._connection, query.until) + SLACK)
        if query.ids:
            first, last = max(first, min(query.ids)), min(last, max(query.ids))
        return first, last

    def _next(self, start: int, *, down: bool) -> int | None:
        """The nearest id from there on that may be wanted: what lies between need not be walked over."""
        d = tables.delivery
        beyond = d.c.id <= start if down else d.c.id >= start
        nearest = select(func.max(d.c.id) if down else func.min(d.c.id)).where(beyond)
        among = [nearest.where(_PARTIAL[state]) for state in self._states] if self._by_state else [nearest]
        found = [one for query in among if (one := self._connection.execute(query).scalar()) is not None]
        at = (max if down else min)(found, default=None)
        if at is None or not self._by_acknowledgement:
            return at
        a = tables.acknowledgement.c.delivery_id
        acknowledged = select(func.max(a)).where(a <= at) if down else select(func.min(a)).where(a >= at)
        return self._connection.execute(acknowledged).scalar()

    def _stretch(self, first: int, last: int, *, down: bool, indexed: bool) -> Iterator[Found]:
        """What is wanted of the ids from `first` to `last`, all of which are in the search index, or none."""
        reached = first if down else last
        led = self._led_to(first, last)
        without = set[int]()
        # The few of a rare state are sooner read than looked up among the many of a frequent word.
        asked = indexed and self._check.needed and (led is None or len(led) > SPARSE)
        if asked:
            blocks = range(first // search_index.BLOCK, last // search_index.BLOCK + 1)
            if self._terms.wanted:
                found = search_index.find(self._connection, blocks, self._terms.wanted)
                among = None if led is None else set(led)
                led = sorted(one for one in found if first <= one <= last and (among is None or one in among))
            if self._terms.unwanted and led != []:
                without.update(search_index.find(self._connection, blocks, [self._terms.unwanted]))
        # Where an index finds little, it is asked for more blocks at once; nothing else may look through so many.
        self._blocks = min(2 * self._blocks, MOST_BLOCKS) if led is not None and len(led) < SPARSE else 1
        portions = self._read(first, last, down=down) if led is None else _split(led, down=down)
        check = self._check.needed and not (asked and self._terms.exact)
        for portion in portions:
            ids = portion if not without else [one for one in portion if one not in without]
            if led is not None and self._asks_own and ids:
                d = tables.delivery
                own = set(self._connection.execute(select(d.c.id).where(d.c.id.in_(ids), self._own)).scalars())
                ids = [one for one in ids if one in own]
            if check and ids:
                ids = self._check.admitted(self._connection, ids)
            yield ids, portion[-1]
        yield [], reached

    def _read(self, first: int, last: int, *, down: bool) -> Iterator[list[int]]:
        """What the table of deliveries says is wanted, read along its ids."""
        d = tables.delivery
        while first <= last:
            order = d.c.id.desc() if down else d.c.id
            query = (
                select(d.c.id).where(d.c.id >= first, d.c.id <= last, self._own).order_by(order).limit(self._portion)
            )
            ids = list(self._connection.execute(query).scalars())
            if ids:
                yield ids
            if len(ids) < self._portion:
                return
            first, last = (first, ids[-1] - 1) if down else (ids[-1] + 1, last)

    def _led_to(self, first: int, last: int) -> list[int] | None:
        """Those among which all lie that are wanted, by an index, ascending; `None` where none serves."""
        led = self._by_own(first, last)
        if not self._by_acknowledgement or led == []:
            return led
        a = tables.acknowledgement.c.delivery_id
        query = select(a).where(a >= first, a <= last).order_by(a)
        query = query if self._by_whom is None else query.where(self._by_whom)
        acknowledged = list(self._connection.execute(query).scalars())
        return acknowledged if led is None else sorted(set(led).intersection(acknowledged))

    def _by_own(self, first: int, last: int) -> list[int] | None:
        """The same by the table of deliveries alone."""
        if self._ids:
            return [one for one in self._ids if first <= one <= last]
        if self._queued is not None:
            return [one for one in self._queued if first <= one <= last]
        if not self._by_state:
            return None
        d = tables.delivery
        found: list[int] = []
        for state in self._states:
            query = select(d.c.id).where(_PARTIAL[state], d.c.id >= first, d.c.id <= last)
            found += self._connection.execute(query).scalars()
        return sorted(found)

    def _few_queued(self) -> list[int] | None:
        """All letters in the queue, where they are few."""
        d = tables.delivery
        found = list(self._connection.execute(select(d.c.id).where(_DUE).limit(FEW + 1)).scalars())
        return sorted(found) if len(found) <= FEW else None


def _split(ids: list[int], *, down: bool) -> Iterator[list[int]]:
    ordered = ids[::-1] if down else ids
    for start in range(0, len(ordered), PORTION):
        yield ordered[start : start + PORTION]


def ends(connection: Connection) -> tuple[int, int] | None:
    """The first and the last delivery; `None` where there is none."""
    d = tables.delivery
    first = connection.execute(select(func.min(d.c.id))).scalar()
    last = connection.execute(select(func.max(d.c.id))).scalar()
    return None if first is None or last is None else (first, last)


def newest_by(connection: Connection, moment: datetime) -> int:
    """The newest delivery made at a moment or earlier; 0 when there is none.

    By halves, because no index knows when a delivery was made, and ids rise with it but for a few.
    """
    d = tables.delivery
    low, high = ends(connection) or (1, 0)
    low, high = low - 1, high + 1  # made by then, or below all; made later, or above all
    while high - low > 1:
        middle = (low + high) // 2
        query = select(d.c.id, d.c.created_at).where(d.c.id >= middle, d.c.id < high).order_by(d.c.id).limit(1)
        row = connection.execute(query).one_or_none()
        if row is None or row.created_at > moment:
            high = middle
        else:
            low = row.id
    near = (d.c.id > high - SLACK, d.c.id < high + SLACK, d.c.created_at <= moment)
    return connection.execute(select(func.max(d.c.id)).where(*near)).scalar() or 0
