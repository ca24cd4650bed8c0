"""Which events may go, with all that came of them, and how they are removed.

An event goes as a whole: its decisions, notifications, deliveries and their attempts tell of one thing, and half of it
would explain nothing. What is not over stays, however old it is: what nobody has planned, letters that wait, that are
held or in hand, and what has been touched since (sent, sent again, withdrawn, acknowledged) within the time that is
kept. So what a person has done lately can be taken back, and what they are told of a digest leads somewhere.

Objects, their deadlines and the ledger of thresholds are no part of it: the clock and the next event need them. Of an
object with an open deadline the last event stays, by which it is found.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, func, not_, or_, select

from store import bulk, event_keys, past_events, search_index, tables
from store.vocabulary import DeadlineState, DeliveryState

_OPEN = [DeadlineState.RUNNING.value, DeadlineState.PAUSED.value]
_WAITING = [DeliveryState.PENDING.value, DeliveryState.SENDING.value, DeliveryState.HELD.value]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is old.

    Attributes:
        before: What was accepted, and touched last, before this moment.
        unseen: Whether letters that were given up and that nobody has acknowledged go as well.
        told: When rules that tell once in a while must not have told since, or they would tell again; by their codes.
    """

    before: datetime
    unseen: bool
    told: tuple[tuple[str, datetime], ...] = ()

    @classmethod
    def of(cls, connection: Connection, now: datetime, kept: timedelta, *, unseen: bool) -> "Bounds":
        """What is older than the time that is kept."""
        r, before = tables.rule, now - kept
        rows = connection.execute(select(r.c.code, r.c.once_minutes).where(r.c.once_minutes.is_not(None)))
        told = ((row.code, now - timedelta(minutes=row.once_minutes)) for row in rows)
        return cls(before, unseen, tuple((code, since) for code, since in told if since < before))


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that may go, read beforehand so that the transaction that removes them is short.

    Attributes:
        ids: In their order.
        entries: What the search index has of their deliveries.
        last: Up to which id they were looked for.
        whole: Whether they go; else the deliveries in `entries` do, some of the many of a single event.
    """

    ids: tuple[int, ...]
    entries: dict[int, str]
    last: int
    whole: bool = True


def last_old(connection: Connection, bounds: Bounds) -> int:
    """The id after which no event is old."""
    return past_events.ids_since(connection, bounds.before)[0]


def look(connection: Connection, bounds: Bounds, after: int, last: int, limit: int) -> Batch:
    """The next events that may go, with ids above `after` and up to `last`.

    At most `limit` deliveries go at a time, where an event that led to none counts as one: of an event that was told to
    more people, some of the deliveries go before it does.
    """
    e, d = tables.event, tables.delivery
    query = _old(bounds).where(e.c.id > after, e.c.id <= last)
    ids = list(connection.execute(query.order_by(e.c.id).limit(limit)).scalars())
    if not ids:
        return Batch((), {}, last)
    of_them = select(d.c.event_id, d.c.id).where(bulk.among(connection, d.c.event_id, ids)).order_by(d.c.id)
    led_to: dict[int, list[int]] = {one: [] for one in ids}
    for event_id, delivery_id in connection.execute(of_them):
        led_to[event_id].append(delivery_id)
    letters: list[int] = []
    for place, one in enumerate(ids):
        if len(led_to[one]) + max(len(letters), place) > limit:
            if place:
                return Batch(tuple(ids[:place]), search_index.entries_of(connection, letters), ids[place - 1])
            return Batch((one,), search_index.entries_of(connection, led_to[one][:limit]), one - 1, whole=False)
        letters += led_to[one]
    return Batch(tuple(ids), search_index.entries_of(connection, letters), ids[-1] if len(ids) == limit else last)


def count(connection: Connection, bounds: Bounds, after: int, last: int) -> tuple[int, int]:
    """How many events may go of those with ids above `after` and up to `last`, and how many deliveries with them."""
    e, d = tables.event, tables.delivery
    old = _old(bounds).where(e.c.id > after, e.c.id <= last).subquery()
    events = connection.execute(select(func.count()).select_from(old)).scalar_one()
    of_them = select(func.count()).select_from(old.join(d, d.c.event_id == old.c.id))
    return events, connection.execute(of_them).scalar_one()


def remove_in(connection: Connection, bounds: Bounds, batch: Batch) -> tuple[int, int]:
    """Remove those of a batch that may still go; gives how many events and deliveries.

    Their keys are kept (`store.event_keys`).
    """
    e, d = tables.event, tables.delivery
    if connection.dialect.name == "postgresql":
        # Locked before they are looked at once more: whoever does something with a letter is before us or after us.
        for table, column in ((e, e.c.id), (d, d.c.event_id)):
            query = select(table.c.id).where(column.in_(batch.ids)).order_by(table.c.id).with_for_update()
            connection.execute(query).all()
    found = connection.execute(_old(bounds).where(bulk.among(connection, e.c.id, batch.ids)))
    ids = list(found.scalars())
    if not ids:
        return 0, 0
    if not batch.whole:
        return 0, _remove_deliveries(connection, batch, list(batch.entries))
    rows = connection.execute(select(e.c.source, e.c.external_id).where(bulk.among(connection, e.c.id, ids)))
    event_keys.remember_in(connection, ((row.source, row.external_id) for row in rows))
    mine = select(d.c.id).where(bulk.among(connection, d.c.event_id, ids))
    deliveries = _remove_deliveries(connection, batch, list(connection.execute(mine).scalars()))
    for table in (tables.notification, tables.decision):
        connection.execute(delete(table).where(bulk.among(connection, table.c.event_id, ids)))
    connection.execute(delete(e).where(bulk.among(connection, e.c.id, ids)))
    return len(ids), deliveries


def _remove_deliveries(connection: Connection, batch: Batch, ids: list[int]) -> int:
    """Remove deliveries and what belongs to them.

    From the children up, in one statement each: left to the cascade, a server would begin anew for every row.
    """
    d, a = tables.delivery, tables.attempt
    search_index.forget_in(connection, {one: batch.entries[one] for one in ids if one in batch.entries})
    connection.execute(delete(a).where(bulk.among(connection, a.c.delivery_id, ids)))
    return connection.execute(delete(d).where(bulk.among(connection, d.c.id, ids))).rowcount


def _old(bounds: Bounds) -> Select[int]:
    """The ids of events that may go."""
    e, d = tables.event, tables.delivery
    newest = select(func.max(e.c.id)).scalar_subquery()
    # SQLite would give the number of the newest row again if that were removed: to another letter, which the search
    # index and the panes would take for the old one.
    newest_letter = select(func.max(d.c.id)).scalar_subquery()
    of_newest = select(d.c.event_id).where(d.c.id == newest_letter).scalar_subquery()
    return select(e.c.id).where(
        e.c.planned_at.is_not(None),
        e.c.accepted_at < bounds.before,
        e.c.at < bounds.before,
        e.c.id != newest,
        e.c.id != func.coalesce(of_newest, 0),
        *(not_(_told_by(code, since)) for code, since in bounds.told),
        not_(_names_an_open_object()),
        ~exists().where(d.c.event_id == e.c.id, _stays(bounds)),
    )


def _stays(bounds: Bounds) -> ColumnElement[bool]:
    """Whether a delivery has its event stay."""
    d, a, m, moved = tables.delivery, tables.acknowledgement, tables.letter_move, tables.moved_letter
    told_of = d.alias("told_of")
    reasons = [
        d.c.state.in_(_WAITING),
        d.c.created_at >= bounds.before,
        d.c.sent_at >= bounds.before,
        # What a digest tells of leads to the digest.
        exists().where(told_of.c.digest_id == d.c.id, told_of.c.digest_id.is_not(None)),
        exists().where(
            moved.c.delivery_id == d.c.id,
            m.c.id == moved.c.move_id,
            or_(m.c.at >= bounds.before, m.c.until >= bounds.before),
        ),
        exists().where(a.c.delivery_id == d.c.id, a.c.at >= bounds.before),
    ]
    if not bounds.unseen:
        seen = exists().where(a.c.delivery_id == d.c.id)
        reasons.append(and_(d.c.state == DeliveryState.DEAD.value, ~seen))
    return or_(*reasons)


def _names_an_open_object() -> ColumnElement[bool]:
    """Whether an event is the last one of an object that has an open deadline."""
    e, o, t = tables.event, tables.object_, tables.deadline
    later = e.alias("later")
    mine = (o.c.type == e.c.object_type, o.c.external_id == e.c.object_id, t.c.object_key == o.c.id)
    newer = (later.c.object_type == e.c.object_type, later.c.object_id == e.c.object_id, later.c.id > e.c.id)
    return and_(exists().where(*mine, t.c.state.in_(_OPEN)), ~exists().where(*newer))


def _told_by(code: str, since: datetime) -> ColumnElement[bool]:
    """Whether a rule has told somebody of an event since a moment."""
    e, c = tables.event, tables.decision
    told = exists().where(c.c.event_id == e.c.id, c.c.rule_code == code, c.c.taken, c.c.recipient != "")
    return and_(e.c.at >= since, told)
