"""Heartbeats of dispatchers, and what becomes of the leases of one that is dead.

A dispatcher that is taken over loses its name for good: its row is renamed in the transaction that gives its leases
back, so it learns of it by its next heartbeat, and whatever it may still write under that name is void. The row stays
for a day, for people to see.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from store import outbox, tables
from store.cards import DispatcherCard

GONE = "~gone"
"""What the name of a dispatcher that was taken over ends in."""
SHOWN_FOR = timedelta(days=1)


def beat(connection: Connection, card: DispatcherCard, *, first: bool = True) -> bool:
    """Write a heartbeat; gives whether the dispatcher is there: after its `first` one it may have been taken over."""
    t = tables.dispatcher
    if connection.execute(update(t).where(t.c.id == card.id).values(seen_at=card.seen_at)).rowcount:
        return True
    if first:
        values = {"id": card.id, "host": card.host, "pid": card.pid, "started_at": card.started_at}
        connection.execute(insert(t).values(**values, seen_at=card.seen_at))
        # Only those that are void already: a clock that jumps by a day must not take anybody's name away.
        connection.execute(delete(t).where(t.c.id.endswith(GONE), t.c.seen_at < card.seen_at - SHOWN_FOR))
    return first


def leave(connection: Connection, dispatcher_id: str) -> None:
    """Take a heartbeat row away: the dispatcher ended in good order."""
    connection.execute(delete(tables.dispatcher).where(tables.dispatcher.c.id == dispatcher_id))


def heartbeats_in(connection: Connection) -> dict[str, datetime]:
    """The last heartbeat of each dispatcher that was not taken over."""
    t = tables.dispatcher
    found = connection.execute(select(t.c.id, t.c.seen_at).where(~t.c.id.endswith(GONE)))
    return {row.id: row.seen_at for row in found}


def take_over(connection: Connection, now: datetime, dispatcher_id: str, seen_at: datetime) -> int | None:
    """Give the leases of a dead dispatcher back, unless it has had a heartbeat since `seen_at`.

    Gives how many, `None` where it lives or another dispatcher was quicker.
    """
    t = tables.dispatcher
    # Its heartbeat waits for this lock, and ours for its: whoever is first is right.
    row = connection.execute(select(t.c.seen_at).where(t.c.id == dispatcher_id).with_for_update()).one_or_none()
    if row is None or row.seen_at != seen_at:
        return None
    connection.execute(update(t).where(t.c.id == dispatcher_id).values(id=dispatcher_id + GONE))
    return outbox.give_back(connection, now, dispatcher_id)
