"""A look at the store for the sender: settings, what is to be held and released, and the letters that may go."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from dispatch.channels.limit_words import RATE_LIMITED
from dispatch.outgoing import Outgoing, hold, release
from dispatch.routes import CONNECTION_DOWN
from store import outbox
from store.audit import revision_in
from store.limits import Learned, learned_in
from store.outbox import Claimed

BATCH = 300
"""Letters in one claim."""


@dataclass(frozen=True, slots=True)
class Room:
    """So many letters may be claimed, and so many of those that overtake the others."""

    letters: int
    urgent: int


NO_ROOM = Room(0, 0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for.

    Attributes:
        owner: The name the leases carry.
        kept: Letters leased under it that are in hand, where others may be so without anybody's knowing; else `None`.
        outgoing: The settings known so far.
        holding: The reasons to hold letters at the last look; `None` to look anew for those whose cause is gone.
    """

    room: Room
    owner: str
    kept: set[int] | None
    outgoing: Outgoing | None
    holding: set[str] | None


@dataclass(frozen=True, slots=True)
class Look:
    """What a look brought.

    Attributes:
        released: `None` when there was no cause to look for such.
        backlog: Whether letters may be left that are due; `None` where none were to be claimed, or none may go.
        learned: With new settings: what was learned of each connection's limits.
    """

    outgoing: Outgoing
    holding: set[str]
    held: int
    released: int | None
    backlog: bool | None
    claimed: list[Claimed]
    learned: dict[int, Learned]


def look_in(connection: Connection, now: datetime, wanted: Wanted) -> Look:
    """Look, within a transaction; it may run twice, so it changes nothing but the store."""
    outgoing, room = wanted.outgoing, wanted.room
    learned: dict[int, Learned] = {}
    if outgoing is None or outgoing.revision != revision_in(connection):
        outgoing = Outgoing.read(connection)
        if wanted.outgoing is not None and wanted.outgoing.connections != outgoing.connections:
            # Whoever mends a connection wants to see it work, not to wait out the pause of the broken one.
            for reason in (CONNECTION_DOWN, RATE_LIMITED):
                outbox.hurry(connection, now, reason)
        learned = learned_in(connection)
    holding = outgoing.holding(now)
    released = release(connection, now, outgoing) if holding != wanted.holding else None
    held = hold(connection, now, outgoing)
    if wanted.kept is not None:
        outbox.give_back(connection, now, wanted.owner, but=wanted.kept)
    may_go, claimed, most = not outgoing.hold_all(now), list[Claimed](), min(BATCH, room.letters)
    if may_go and (most or room.urgent):
        claimed = outbox.claim(connection, now, wanted.owner, most, urgent=room.urgent)
    backlog = len(claimed) >= most if may_go and most else None
    return Look(outgoing, holding, held, released, backlog, claimed, learned)
