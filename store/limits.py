"""What was learned of a server's limits, and how it fades.

Each limit is kept as the value learned and the moment it was last met; what is in force follows from both, so the
store is written when something is learned, and not while it fades.
"""

from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from store import tables
from store.cards import ServerLimits

MOST_CONNECTIONS = 4
"""Connections to one server at once, where it bears as many."""
LETTERS_KEPT = timedelta(hours=6)
"""A server's letters over one connection are a setting of it. To meet the limit once more costs one round trip and no
attempt; to keep one that is gone costs a login every so many letters."""
CONNECTIONS_STEP = timedelta(minutes=10)
"""After so long one connection more is tried. A refused one costs no letter anything, and comes every ten minutes."""
RATE_STEP = timedelta(minutes=5)
"""After so long a quarter of the learned rate is added: longer than the windows servers count in (a minute mostly)."""
RATE_PARTS = 4
RATE_FORGOTTEN = 4
"""A rate is learned as half of what was refused, and forgotten at four times that, twice what was refused: an hour
after a hiccup nothing is left of it, and a real limit is met every twenty minutes, by one letter."""


@dataclass(frozen=True, slots=True)
class Learned:
    """The columns of a connection's health that tell its limits; `None` for what was not learned."""

    letters_limit: int | None = None
    letters_limit_at: datetime | None = None
    connections_limit: int | None = None
    connections_limit_at: datetime | None = None
    rate_limit: int | None = None
    rate_limit_at: datetime | None = None

    def in_force(self, now: datetime) -> ServerLimits:
        """What is left of it now."""
        letters, connections, rate = self._letters(now), self._connections(now), self._rate(now)
        kept = (
            (letters, self.letters_limit_at),
            (connections, self.connections_limit_at),
            (rate, self.rate_limit_at),
        )
        times = [at for value, at in kept if value is not None and at is not None]
        return ServerLimits(letters, connections, rate, max(times, default=None))

    def columns(self) -> dict[str, Any]:
        """The values by column."""
        return asdict(self)

    def _letters(self, now: datetime) -> int | None:
        if self.letters_limit_at is None or now - self.letters_limit_at >= LETTERS_KEPT:
            return None
        return self.letters_limit

    def _connections(self, now: datetime) -> int | None:
        if self.connections_limit is None or self.connections_limit_at is None:
            return None
        value = self.connections_limit + max(0, (now - self.connections_limit_at) // CONNECTIONS_STEP)
        return value if value < MOST_CONNECTIONS else None

    def _rate(self, now: datetime) -> int | None:
        if self.rate_limit is None or self.rate_limit_at is None:
            return None
        steps = max(0, (now - self.rate_limit_at) // RATE_STEP)
        value = self.rate_limit + self.rate_limit * steps // RATE_PARTS
        return value if value < self.rate_limit * RATE_FORGOTTEN else None


COLUMNS = tuple(field.name for field in fields(Learned))


def learned_of(row: Any) -> Learned:
    """What a row of a connection's health tells of its limits."""
    return Learned(*(getattr(row, name) for name in COLUMNS))


def learned_in(connection: Connection) -> dict[int, Learned]:
    """What was learned, by the id of the connection."""
    h = tables.connection_health
    return {row.connection_id: learned_of(row) for row in connection.execute(select(h))}


def forget_limits(connection: Connection, connection_id: int) -> None:
    """Forget what was learned: whoever changes a connection may have changed the server."""
    h = tables.connection_health
    connection.execute(update(h).where(h.c.connection_id == connection_id).values(**dict.fromkeys(COLUMNS)))
