"""What an operator may be called for: how much of each kind is new since one last looked.

It is counted from what happens, not from what there is: nothing that was there at the start is new, a letter that
dies twice is new twice, and a look costs what has happened since the last one. A saved filter is asked by its own
condition, the one its list is read by.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import func, select, text

from store import tables
from store.cards import Status
from store.delivery_stream import DeliveryStream, Happened
from store.engine import Store
from store.types import to_micros
from store.vocabulary import DeadlineState, DeliveryState, RuleKind

REMEMBERED = 2_000
"""Deliveries looked at for another state: enough for what happens between two looks, little for the console."""
PORTION = 500
OPEN = text("deadline.state < 2")
"""The partial index's own words."""


Fits = Callable[[Store, Sequence[int]], Collection[int]]
"""Which of some deliveries fit a filter; gives their ids."""


class Kind(StrEnum):
    """What can be called for beside saved filters."""

    DEAD = "dead"
    """A letter was given up."""
    DEADLINE = "deadline"
    """A deadline passed."""
    ESCALATION = "escalation"
    """An escalation told somebody."""
    DISPATCHER = "dispatcher"
    """There was a dispatcher, and there is none any more."""
    CIRCUIT = "circuit"
    """A connection that is switched on does not answer any more."""
    MINE = "mine"
    """A notification is addressed to the operator."""


@dataclass(slots=True)
class _Filter:
    """A saved filter, and which of the deliveries looked at fit it now."""

    fits: Fits
    fitting: dict[int, None] = field(default_factory=dict[int, None])


class News:
    """Looks at a store. For one thread at a time.

    Args:
        store: The store.
        wanted: Which kinds are of interest; no other is looked for.
        addresses: The operator's, in lower case.
        filters: Saved filters, by a name that is no kind.
    """

    def __init__(
        self,
        store: Store,
        wanted: Collection[str],
        addresses: Collection[str] = (),
        filters: Mapping[str, Fits] | None = None,
    ) -> None:
        self._store = store
        self._wanted = frozenset(wanted)
        self._addresses = frozenset(addresses)
        self._filters = {name: _Filter(fits) for name, fits in (filters or {}).items() if name in wanted}
        follows = self._filters or self._wanted & {Kind.DEAD, Kind.ESCALATION, Kind.MINE}
        self._stream = DeliveryStream(store, remembered=REMEMBERED) if follows else None
        self._passed = to_micros(store.clock())
        self._alive: bool | None = None
        self._down: frozenset[str] | None = None

    def look(self, status: Status) -> dict[str, int]:
        """How many are new, by kind or filter; only those of which there are any.

        Raises:
            StoreUnreachableError: It cannot be read now. What happened meanwhile is counted by the next look.
        """
        happened = self._stream.read() if self._stream is not None else []
        found: dict[str, int] = {
            Kind.DEAD: sum(row.state is DeliveryState.DEAD for row, _ in happened),
            Kind.MINE: sum(new and row.recipient_address.lower() in self._addresses for row, new in happened),
            Kind.ESCALATION: self._escalations(happened) if Kind.ESCALATION in self._wanted else 0,
            Kind.DEADLINE: self._deadlines() if Kind.DEADLINE in self._wanted else 0,
            Kind.DISPATCHER: self._dispatchers_gone(status),
            Kind.CIRCUIT: self._circuits_opened(status),
            **{name: self._fit_newly(one, happened) for name, one in self._filters.items()},
        }
        return {name: count for name, count in found.items() if count and name in self._wanted}

    def _escalations(self, happened: list[Happened]) -> int:
        codes = {row.rule_code for row, new in happened if new}
        if not codes:
            return 0
        r = tables.rule
        query = select(r.c.code).where(r.c.kind == RuleKind.ESCALATION.value, r.c.code.in_(codes))
        with self._store.read() as connection:
            escalations = set(connection.execute(query).scalars())
        return sum(new and row.rule_code in escalations for row, new in happened)

    def _deadlines(self) -> int:
        """Running deadlines whose time came since the last look."""
        d, now = tables.deadline, to_micros(self._store.clock())
        came = (OPEN, d.c.state == DeadlineState.RUNNING.value, d.c.expires > self._passed, d.c.expires <= now)
        with self._store.read() as connection:
            count = connection.execute(select(func.count()).select_from(d).where(*came)).scalar_one()
        self._passed = now
        return count

    def _dispatchers_gone(self, status: Status) -> int:
        before, self._alive = self._alive, any(card.alive for card in status.dispatchers)
        return int(before is True and not self._alive)

    def _circuits_opened(self, status: Status) -> int:
        used = {card.name for card in status.connections if card.enabled}
        down = frozenset(one.connection for one in status.health if one.circuit != "closed" and one.connection in used)
        before, self._down = self._down, down
        return 0 if before is None else len(down - before)

    def _fit_newly(self, one: _Filter, happened: list[Happened]) -> int:
        """How many deliveries fit a filter now that did not before."""
        if not happened:
            return 0
        ids, fit = {row.id for row, _ in happened}, set[int]()
        ordered = sorted(ids)
        for start in range(0, len(ordered), PORTION):
            fit.update(one.fits(self._store, ordered[start : start + PORTION]))
        newly = len(fit - one.fitting.keys())
        for key in ids - fit:
            one.fitting.pop(key, None)
        one.fitting |= dict.fromkeys(fit)
        for key in list(one.fitting)[: len(one.fitting) - REMEMBERED]:
            del one.fitting[key]
        return newly


def address_of(store: Store, login: str) -> str | None:
    """The address of the person with a login, `None` when there is none."""
    p = tables.person
    with store.read() as connection:
        return connection.execute(select(p.c.email).where(p.c.login == login)).scalar_one_or_none()
