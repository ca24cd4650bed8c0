"""The state of the whole in one read."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from store import tables
from store.cards import ConnectionHealth, DispatcherCard, Status
from store.engine import Store
from store.limits import learned_of
from store.migrations import HEAD
from store.outbox import DUE
from store.settings import connections_in, sending_in, silent_mode_in
from store.storms import held_by_storms_in
from store.vocabulary import Channel, DeliveryState

ALIVE_FOR = timedelta(seconds=10)
"""A dispatcher whose last heartbeat is older counts as dead. It beats every two seconds."""


def read_status(store: Store) -> Status:
    """The state of the whole."""
    d, e = tables.delivery, tables.event
    with store.read() as connection:
        counts = dict.fromkeys((state.word for state in DeliveryState), 0)
        for state, count in connection.execute(select(d.c.state, func.count()).group_by(d.c.state)):
            counts[DeliveryState(state).word] = count
        connections = connections_in(connection)
        missing = list(sending_in(connection).missing)
        if not any(card.enabled for card in connections):
            missing.append("connection")
        return Status(
            deliveries=counts,
            events=connection.execute(select(func.count()).select_from(e)).scalar_one(),
            unplanned=connection.execute(
                select(func.count()).select_from(e).where(e.c.planned_at.is_(None))
            ).scalar_one(),
            connections=tuple(connections),
            health=tuple(health_in(connection, store.clock())),
            dispatchers=tuple(dispatchers_in(connection, store.clock())),
            oldest_due_at=connection.execute(
                select(func.min(d.c.next_at)).where(
                    DUE, d.c.next_at <= store.clock(), d.c.channel == Channel.EMAIL.value
                )
            ).scalar_one_or_none(),
            silent=silent_mode_in(connection),
            missing=tuple(missing),
            store=store.shown_url,
            revision=HEAD,
            storm=held_by_storms_in(connection),
        )


def health_in(connection: Connection, now: datetime) -> list[ConnectionHealth]:
    """Health of each connection a dispatcher has used."""
    h, c = tables.connection_health, tables.mail_connection
    rows = connection.execute(select(h, c.c.name).join(c, c.c.id == h.c.connection_id).order_by(c.c.priority, c.c.id))
    return [
        ConnectionHealth(
            r.name, r.circuit, r.opened_at, r.retry_at, r.last_sent_at, r.last_error, r.error_class,
            learned_of(r).in_force(now),
        )
        for r in rows
    ]  # fmt: skip


def save_health(connection: Connection, connection_id: int, **values: object) -> None:
    """Change what is known of a connection's health; a connection deleted meanwhile is passed over."""
    h, c = tables.connection_health, tables.mail_connection
    if connection.execute(update(h).where(h.c.connection_id == connection_id).values(**values)).rowcount:
        return
    if connection.execute(select(c.c.id).where(c.c.id == connection_id)).first():
        connection.execute(insert(h).values(connection_id=connection_id, **values))


def dispatchers_in(connection: Connection, now: datetime) -> list[DispatcherCard]:
    """Dispatchers that have a heartbeat row, the youngest beat first."""
    t = tables.dispatcher
    return [
        DispatcherCard(r.id, r.host, r.pid, r.started_at, r.seen_at, alive=now - r.seen_at < ALIVE_FOR)
        for r in connection.execute(select(t).order_by(t.c.seen_at.desc()))
    ]


def beat(connection: Connection, card: DispatcherCard) -> None:
    """Write a heartbeat, and forget dispatchers that have been silent for a day."""
    t = tables.dispatcher
    if not connection.execute(update(t).where(t.c.id == card.id).values(seen_at=card.seen_at)).rowcount:
        connection.execute(
            insert(t).values(id=card.id, host=card.host, pid=card.pid, started_at=card.started_at, seen_at=card.seen_at)
        )
        connection.execute(delete(t).where(t.c.seen_at < card.seen_at - timedelta(days=1)))


def leave(connection: Connection, dispatcher_id: str) -> None:
    """Take a heartbeat row away: the dispatcher ended in good order."""
    connection.execute(delete(tables.dispatcher).where(tables.dispatcher.c.id == dispatcher_id))
