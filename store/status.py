"""The state of the whole in one read."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, case, func, insert, select, text, update

from store import tables
from store.cards import ConnectionHealth, DispatcherCard, Queue, Status
from store.engine import Store
from store.heartbeats import GONE
from store.limits import learned_of
from store.migrations import HEAD
from store.mutes import in_force_in
from store.outbox import CANCELLED, DEAD, DUE, HELD
from store.rates import rates_in
from store.settings import connections_in, sending_in, silent_mode_in
from store.storms import HOLD_OBJECT, HOLD_RECIPIENT
from store.vocabulary import Channel, DeliveryState, Lane

ALIVE_FOR = timedelta(seconds=10)
"""A dispatcher whose last heartbeat is older counts as dead. It beats every two seconds."""
AHEAD = timedelta(minutes=1)
"""Clocks of machines may differ by so much."""


def read_status(store: Store) -> Status:
    """The state of the whole."""
    e = tables.event
    with store.read() as connection:
        now = store.clock()
        rows = _rows_in(connection)
        queue = queue_in(connection, now)
        connections = connections_in(connection)
        missing = list(sending_in(connection).missing)
        if not any(card.enabled for card in connections):
            missing.append("connection")
        return Status(
            deliveries=_by_state_in(connection, queue, rows["delivery"]),
            events=rows["event"],
            unplanned=connection.execute(
                select(func.count()).select_from(e).where(e.c.planned_at.is_(None))
            ).scalar_one(),
            connections=tuple(connections),
            health=tuple(health_in(connection, now)),
            dispatchers=tuple(dispatchers_in(connection, now)),
            oldest_due_at=oldest_due_in(connection, now),
            silent=silent_mode_in(connection),
            missing=tuple(missing),
            store=store.shown_url,
            revision=HEAD,
            storm=sum(queue.held.get(reason, 0) for reason in (HOLD_OBJECT, HOLD_RECIPIENT)),
            rates=rates_in(connection, now),
            queue=queue,
            mutes=tuple(in_force_in(connection, now)),
        )


def queue_in(connection: Connection, now: datetime) -> Queue:
    """Letters that are still to go; what is read lies in two small indexes."""
    d, pending = tables.delivery, DeliveryState.PENDING.value
    due = case((d.c.next_at <= now, 1), else_=0).label("due")
    counts = dict[tuple[bool, bool], int]()
    for state, is_due, count in connection.execute(
        select(d.c.state, due, func.count()).where(DUE).group_by(d.c.state, text("due"))
    ):
        counts[state == pending, bool(is_due)] = count
    held = select(d.c.reason, func.count().label("letters")).where(HELD).group_by(d.c.reason)
    by_reason = connection.execute(held.order_by(text("letters DESC"), d.c.reason)).all()
    return Queue(
        counts.get((True, True), 0),
        counts.get((True, False), 0),
        counts.get((False, True), 0) + counts.get((False, False), 0),
        dict(by_reason),
    )


def oldest_due_in(connection: Connection, now: datetime) -> datetime | None:
    """Since when the letter waits that has waited longest; `None` when nothing is due."""
    d = tables.delivery
    oldest: list[datetime] = []
    for lane in Lane:  # each is a part of the index
        query = select(d.c.next_at).where(
            DUE, d.c.lane == lane.value, d.c.next_at <= now, d.c.channel == Channel.EMAIL.value
        )
        oldest += connection.execute(query.order_by(d.c.next_at).limit(1)).scalars()
    return min(oldest, default=None)


def oldest_unsent_in(connection: Connection) -> datetime | None:
    """When the oldest letter was made that is still to go, be it due, for later, or in hand; `None` without any."""
    d = tables.delivery
    # Of the bare id, SQLite would look for the least among all letters, from the first one sent on.
    first = connection.execute(select(func.min(d.c.id + 0)).where(DUE)).scalar_one()
    return connection.execute(select(d.c.created_at).where(d.c.id == first)).scalar_one_or_none()


def _by_state_in(connection: Connection, queue: Queue, deliveries: int) -> dict[str, int]:
    """How many deliveries are in each state: those who are few are counted, all the others are sent."""
    counts = {
        DeliveryState.PENDING: queue.due + queue.later,
        DeliveryState.SENDING: queue.in_hand,
        DeliveryState.HELD: sum(queue.held.values()),
    }
    for state, condition in ((DeliveryState.DEAD, DEAD), (DeliveryState.CANCELLED, CANCELLED)):
        query = select(func.count()).select_from(tables.delivery).where(condition)
        counts[state] = connection.execute(query).scalar_one()
    counts[DeliveryState.SENT] = deliveries - sum(counts.values())
    return {state.word: counts[state] for state in DeliveryState}


def _rows_in(connection: Connection) -> dict[str, int]:
    """How many rows the largest tables have, as the database has counted them."""
    r = tables.row_count
    found = connection.execute(select(r.c.name, func.sum(r.c.rows)).group_by(r.c.name))
    return {name: int(rows) for name, rows in found}


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
        DispatcherCard(r.id, r.host, r.pid, r.started_at, r.seen_at, alive=_alive(r.id, now - r.seen_at))
        for r in connection.execute(select(t).order_by(t.c.seen_at.desc()))
    ]


def _alive(dispatcher_id: str, silent: timedelta) -> bool:
    """Whether a dispatcher counts as alive. One from the future wrote before the clock was put back."""
    return not dispatcher_id.endswith(GONE) and -AHEAD < silent < ALIVE_FOR
