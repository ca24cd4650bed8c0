"""The outbox: deliveries are inserted, claimed as leases, settled, held and released here, and nowhere else."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Update, and_, bindparam, func, or_, select, text, true, update

from store import bulk, delivery_query, rates, tables
from store.audit import record
from store.cards import FeedRow
from store.delivery_traits import DeliveryQuery
from store.engine import Store
from store.pace import spread_again
from store.types import to_micros
from store.vocabulary import DeliveryState, Lane

LANES = tuple(lane.value for lane in Lane)
"""All of them: a query that names them goes by the due index, which is by lane first."""
BULK_SHARE = 4
"""Of the letters that go, one in so many is of those behind the others, while there are others."""
DUE = text("delivery.state < 2")
"""The partial index's own words: a query that says `state = 0` instead scans the whole table."""
HELD, DEAD, CANCELLED = text("delivery.state = 2"), text("delivery.state = 4"), text("delivery.state = 5")
"""The words of those of other states."""
HELD_BY_STORM = text("delivery.state = 2 AND delivery.reason IN ('storm_object', 'storm_recipient')")
"""The words of another one, of letters that are too many (`store.storms`)."""
CLAIMED_AT = datetime(9999, 1, 1, tzinfo=UTC)
"""The `next_at` of letters in hand: no clock that jumps makes them due, and the due index has them together, last."""

_LAST_FAILURE = "ON CONFLICT (delivery_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in ("at", "connection", "code", "answer", "error_class", "transcript")
)


class Claimed(NamedTuple):
    """A leased letter with all the sender needs.

    Attributes:
        event_id: Our number of the event; 0 for a letter that was never stored, like `accepted_at`.
        accepted_at: When its event was committed.
    """

    id: int
    notification_id: int
    recipient_name: str
    recipient_address: str
    attempts: int
    subject: str
    text: str
    html: str
    object_type: str
    object_id: str
    created_at: datetime
    lane: int = Lane.ORDINARY
    event_id: int = 0
    accepted_at: datetime | None = None


class Settlement(NamedTuple):
    """What became of a leased letter.

    Attributes:
        next_at: When it is due again; for a finished one, any time.
        attempts: Failed attempts so far, this one included.
        counted: Whether it is an attempt (not for a lease given back, nor where the connection failed).
        transcript: What was said to the server and by it, as `dispatch.transcript` keeps it.
    """

    id: int
    state: DeliveryState
    next_at: datetime
    attempts: int
    connection: str = ""
    code: int | None = None
    answer: str = ""
    error_class: str = ""
    reason: str = ""
    counted: bool = True
    transcript: str = ""


def claim(connection: Connection, now: datetime, owner: str, limit: int, *, urgent: int = 0) -> list[Claimed]:
    """Lease due letters, new ones and those to be tried again.

    The urgent ones first, up to `limit` or `urgent`, whichever is more; then up to `limit` in all the oldest, of which
    those behind the others get a share. A lease holds until the letter is settled or given back, or its dispatcher is
    found dead (`store.heartbeats`).
    """
    if connection.execute(_any_due(), {"now": now}).first() is None:
        return []  # which is what most of those who look find
    ids = _due(connection, now, Lane.URGENT, max(limit, urgent))
    if (room := limit - len(ids)) > 0:
        bulk_ids = _due(connection, now, Lane.BULK, room // BULK_SHARE)
        ordinary = _due(connection, now, Lane.ORDINARY, room - len(bulk_ids))
        if len(ordinary) + len(bulk_ids) < room and len(bulk_ids) == room // BULK_SHARE:
            bulk_ids = _due(connection, now, Lane.BULK, room - len(ordinary))
        ids += ordinary + bulk_ids
    if not ids:
        return []
    lease, leased = _leasing(connection.dialect.name)
    given = {"ids": bulk.id_list(connection.dialect.name, ids)}
    connection.execute(lease, {**given, "owner": owner})
    letters = [Claimed(*row) for row in bulk.fetch_rows(connection, leased, given)]
    return sorted(letters, key=lambda letter: (letter.lane, letter.id))


@cache
def _leasing(dialect: str) -> tuple[Update, Select[*tuple[Any, ...]]]:
    """What leases some letters, and what reads them."""
    d, n, e = tables.delivery, tables.notification, tables.event
    values: dict[str, Any] = {
        "state": DeliveryState.SENDING.value,
        "next_at": CLAIMED_AT,
        "claimed_by": bindparam("owner"),
    }
    columns = (
        d.c.id, d.c.notification_id, d.c.recipient_name, d.c.recipient_address, d.c.attempts, n.c.subject, n.c.text,
        n.c.html, e.c.object_type, e.c.object_id, d.c.created_at, d.c.lane, d.c.event_id, e.c.accepted_at,
    )  # fmt: skip
    both = select(*columns).join(n, n.c.id == d.c.notification_id).join(e, e.c.id == d.c.event_id)
    these = bulk.among_given(dialect, d.c.id)
    return update(d).where(these).values(**values), both.where(these)


def _due(connection: Connection, now: datetime, lane: Lane, limit: int) -> list[int]:
    """Letters of a lane that may go now, the oldest first; on a server locked, those that others have locked left."""
    if limit <= 0:
        return []
    return [row[0] for row in bulk.fetch_rows(connection, _of_lane(), {"lane": lane.value, "now": now, "most": limit})]


@cache
def _of_lane() -> Select[*tuple[Any, ...]]:
    d = tables.delivery
    due = select(d.c.id).where(DUE, d.c.lane == bindparam("lane"), d.c.next_at <= bindparam("now"))
    return due.order_by(d.c.next_at).limit(bindparam("most")).with_for_update(skip_locked=True)


@cache
def _any_due() -> Select[*tuple[Any, ...]]:
    d = tables.delivery
    return select(d.c.id).where(DUE, d.c.lane.in_(LANES), d.c.next_at <= bindparam("now")).limit(1)


def settled_before(connection: Connection, at: datetime, done: Sequence[Settlement]) -> bool:
    """Whether this was settled at that very moment already, by a commit whose answer was lost."""
    for table in (tables.attempt, tables.connection_failure):
        same = (bulk.among(connection, table.c.delivery_id, [s.id for s in done]), table.c.at == at)
        if connection.execute(select(table.c.delivery_id).where(*same).limit(1)).first() is not None:
            return True
    return False


def settle(connection: Connection, now: datetime, owner: str, done: Sequence[Settlement]) -> None:
    """Write what became of leased letters, with one attempt each.

    A connection that failed is no attempt at a letter: the last such failure is kept beside the attempts.

    A lease that was lost meanwhile is not overwritten, except by `sent`: what the server accepted was sent.
    """
    if not done:
        return
    at = to_micros(now)
    sent = DeliveryState.SENT
    columns = ("id", "state", "next_at", "attempts", "connection", "answer", "reason", "sent_at", "claimed_by")
    rows = [
        (
            s.id, s.state.value, to_micros(s.next_at), s.attempts, s.connection, s.answer, s.reason or s.error_class,
            at if s.state is sent else None, None, owner,
        )
        for s in done
    ]  # fmt: skip
    ours = f"(claimed_by = new.column10 OR new.column2 = {sent.value})"
    bulk.update_rows(connection, tables.delivery, columns, rows, only=ours)
    columns = ("delivery_id", "at", "connection", "outcome", "code", "answer", "error_class", "transcript")
    tries = [
        (s.id, at, s.connection, "sent" if s.state is sent else "failed", s.code, s.answer, s.error_class, s.transcript)
        for s in done
        if s.counted
    ]
    bulk.insert_rows(connection, tables.attempt, columns, tries)
    columns = ("delivery_id", "at", "connection", "code", "answer", "error_class", "transcript")
    down = {
        s.id: (s.id, at, s.connection, s.code, s.answer, s.error_class, s.transcript)
        for s in done
        if not s.counted and s.error_class
    }
    bulk.insert_rows(connection, tables.connection_failure, columns, [*down.values()], _LAST_FAILURE)
    rates.count_in(connection, now, Counter(s.state for s in done))


def give_back(connection: Connection, now: datetime, owner: str, *, but: Collection[int] = ()) -> int:
    """Return the leases of a dispatcher, but for some letters; gives how many."""
    d = tables.delivery
    return _return_leases(connection, now, d.c.claimed_by == owner, d.c.id.not_in(but) if but else true())


def give_back_strangers(connection: Connection, now: datetime) -> int:
    """Return the leases of dispatchers that are not there (any more); gives how many."""
    d, known = tables.delivery, select(tables.dispatcher.c.id)
    return _return_leases(connection, now, d.c.claimed_by.is_not(None), d.c.claimed_by.not_in(known))


def _return_leases(connection: Connection, now: datetime, *whose: ColumnElement[bool]) -> int:
    d = tables.delivery
    in_hand = (DUE, d.c.lane.in_(LANES), d.c.next_at >= CLAIMED_AT, d.c.state == DeliveryState.SENDING.value)
    back = {"state": DeliveryState.PENDING.value, "next_at": now, "claimed_by": None}
    return connection.execute(update(d).where(*in_hand, *whose).values(**back)).rowcount


def hold_due(connection: Connection, now: datetime, reason: str, limit: int = 5000) -> int:
    """Put due letters on hold with the reason; gives how many."""
    d = tables.delivery
    due = (
        select(d.c.id)
        .where(DUE, d.c.lane.in_(LANES), d.c.next_at <= now)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(d)
        .where(d.c.id.in_(due.scalar_subquery()))
        .values(state=DeliveryState.HELD.value, reason=reason, claimed_by=None)
    )
    held = connection.execute(statement).rowcount
    rates.count_in(connection, now, {DeliveryState.HELD: held})
    return held


def hold_queued(connection: Connection, now: datetime, reason: str) -> int:
    """Put all letters that are still to go on hold with the reason, whoever has leased them; gives how many."""
    d = tables.delivery
    statement = update(d).where(DUE).values(state=DeliveryState.HELD.value, reason=reason, claimed_by=None, next_at=now)
    held = connection.execute(statement).rowcount
    rates.count_in(connection, now, {DeliveryState.HELD: held})
    return held


def release(connection: Connection, now: datetime, reasons: Sequence[str]) -> int:
    """Let letters held for one of these reasons go on, those of a paced retry at its pace; gives how many."""
    d = tables.delivery
    held = and_(HELD, d.c.reason.in_(reasons))
    paced = spread_again(connection, now, held)
    at_once = update(d).where(held).values(state=DeliveryState.PENDING.value, reason="", next_at=now)
    return paced + connection.execute(at_once).rowcount


def hurry(connection: Connection, now: datetime, reason: str) -> int:
    """Make letters due that wait for this reason to pass; gives how many."""
    d = tables.delivery
    waiting = (DUE, d.c.state == DeliveryState.PENDING.value, d.c.reason == reason, d.c.next_at > now)
    return connection.execute(update(d).where(*waiting).values(next_at=now)).rowcount


def held_count(connection: Connection, reason: str) -> int:
    """Letters held for a reason."""
    d = tables.delivery
    query = select(func.count()).select_from(d).where(HELD, d.c.reason == reason)
    return connection.execute(query).scalar_one()


def cancel_held(connection: Connection, now: datetime, reason: str, who: str) -> int:
    """Withdraw all letters held for a reason; gives how many."""
    d = tables.delivery
    statement = (
        update(d)
        .where(HELD, d.c.reason == reason)
        .values(state=DeliveryState.CANCELLED.value, reason="cancelled", next_at=now)
    )
    count = connection.execute(statement).rowcount
    if count:
        record(connection, now, who, "deliveries:cancel_held", None, {"reason": reason, "count": count})
    return count


def due_count(connection: Connection, now: datetime) -> int:
    """Letters that are due now, those in hand included."""
    d = tables.delivery
    query = (
        select(func.count())
        .select_from(d)
        .where(DUE, or_(d.c.next_at <= now, d.c.state == DeliveryState.SENDING.value))
    )
    return connection.execute(query).scalar_one()


def unplanned_count(connection: Connection) -> int:
    """Events that wait for the planner."""
    e = tables.event
    return connection.execute(select(func.count()).select_from(e).where(e.c.planned_at.is_(None))).scalar_one()


def page(
    store: Store,
    *,
    state: DeliveryState | None = None,
    text: str = "",
    before_id: int | None = None,
    limit: int = 200,
    storm: bool = False,
) -> list[FeedRow]:
    """Deliveries, newest first.

    Only those in the `state`, with `storm` only those a storm holds, only those with all words of the `text` (a `D12`
    is a number), only those older than `before_id`. It looks until the page is full or nothing is left, however long
    that takes; `store.delivery_query.page` does not.
    """
    words = text.split()
    numbers = tuple(int(word[1:]) for word in words if re.fullmatch(r"[Dd]\d{1,18}", word))
    rest = tuple(word for word in words if not re.fullmatch(r"[Dd]\d{1,18}", word))
    query = DeliveryQuery(words=rest, states=() if state is None else (state,), ids=numbers, storm=storm)
    return delivery_query.newest(store, query, limit, before=before_id)


def ids_in_state(store: Store, state: DeliveryState) -> list[int]:
    """Ids of all deliveries in a state."""
    d = tables.delivery
    with store.read() as connection:
        return list(connection.execute(select(d.c.id).where(d.c.state == state.value).order_by(d.c.id)).scalars())
