"""Digests in the store: which are due, what they tell of, and the letters that end in them.

All of it happens in the transaction that also writes the digest: a letter is held, or told of in a digest that is
there, and nothing in between.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from store import bulk, decisions, tables
from store.cards import DecisionCard
from store.events import Data, part
from store.outbox import HELD_BY_STORM
from store.storms import DIGEST, go_values
from store.vocabulary import Channel, DeliveryState, Language

IN_DIGEST = "in_digest"
"""The reason of letters that a digest tells of."""
SOURCE = "vestnik.storms"
EVENT_TYPE = "digest"
RULE = "storm.digest"
"""What stands in a digest's notification and decision where others have the code of a rule."""


@dataclass(frozen=True, slots=True)
class Part:
    """What letters of a digest are about."""

    object_type: str
    object_id: str
    number: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class ToldOf:
    """A letter that is told of in a digest."""

    at: datetime
    number: str
    subject: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """Letters for one recipient that a digest is to tell of.

    Attributes:
        letters: How many.
        shown: The newest of them, oldest first.
        parts: Their objects, that with most letters first.
        since: When the first was made.
        next_at: When the first could have gone; later than now where all wait for working hours.
    """

    address: str
    name: str
    language: Language
    letters: int
    shown: tuple[ToldOf, ...]
    parts: tuple[Part, ...]
    since: datetime
    next_at: datetime


def any_due_in(connection: Connection, now: datetime) -> bool:
    """Whether a digest is due; reads a small table, most often an empty one."""
    s = tables.storm
    return connection.execute(select(s.c.key).where(s.c.kind == DIGEST, s.c.until <= now).limit(1)).first() is not None


def take_due_in(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Addresses whose digest is due; nobody else gets them while this transaction lasts, nor when it is committed."""
    s = tables.storm
    due = (s.c.kind == DIGEST, s.c.until <= now)
    query = select(s.c.key).where(*due).order_by(s.c.until, s.c.key).limit(limit).with_for_update(skip_locked=True)
    keys = list(connection.execute(query).scalars())
    connection.execute(delete(s).where(s.c.kind == DIGEST, s.c.key.in_(keys)))
    return keys


def addresses_in(connection: Connection, condition: ColumnElement[bool]) -> list[str]:
    """For whom letters are held that fulfil a condition."""
    address = tables.delivery.c.recipient_address
    return list(
        connection.execute(select(address).where(HELD_BY_STORM, condition).distinct().order_by(address)).scalars()
    )


def gather_in(
    connection: Connection, now: datetime, address: str, condition: ColumnElement[bool], shown: int
) -> tuple[int, Gathered] | None:
    """Take the held letters for somebody that fulfil a condition into a digest.

    `None` when there are none any more; a single one is let go instead, for it is no flood.

    Returns:
        The number of the delivery that is to be the digest, and what it is to tell; at most `shown` letters singly.
    """
    d, n, e = tables.delivery, tables.notification, tables.event
    (digest_id,) = bulk.reserve_ids(connection, d, 1)
    values = {"state": DeliveryState.CANCELLED.value, "reason": IN_DIGEST, "digest_id": digest_id}
    taken = update(d).where(HELD_BY_STORM, d.c.recipient_address == address, condition).values(values)
    letters = connection.execute(taken).rowcount
    ours = (d.c.digest_id == digest_id,)
    if letters <= 1:
        single = {**go_values(now), "digest_id": None}
        connection.execute(update(d).where(*ours).values(single))
        return None
    since, next_at = connection.execute(select(func.min(d.c.created_at), func.min(d.c.next_at)).where(*ours)).one()
    query = (
        select(d.c.created_at, d.c.recipient_name, n.c.language, n.c.subject, e.c.object_number)
        .join(n, n.c.id == d.c.notification_id)
        .join(e, e.c.id == d.c.event_id)
        .where(*ours)
        .order_by(d.c.id.desc())
        .limit(shown)
    )
    rows = connection.execute(query).all()
    told_of = tuple(ToldOf(row.created_at, row.object_number, row.subject) for row in reversed(rows))
    return digest_id, Gathered(
        address, rows[0].recipient_name, Language(rows[0].language), letters, told_of,
        _parts(connection, digest_id), since, max(now, next_at),
    )  # fmt: skip


def _parts(connection: Connection, digest_id: int) -> tuple[Part, ...]:
    d, e = tables.delivery, tables.event
    last = (
        select(func.max(e.c.id).label("event_id"), func.count().label("letters"))
        .join(d, d.c.event_id == e.c.id)
        .where(d.c.digest_id == digest_id)
        .group_by(e.c.object_type, e.c.object_id)
        .subquery()
    )
    query = select(e).join(last, last.c.event_id == e.c.id).order_by(last.c.letters.desc(), e.c.id)
    return tuple(
        Part(
            row.object_type, row.object_id, row.object_number, row.title, str(part(row.data, "object").get("url") or "")
        )
        for row in connection.execute(query)
    )


def write_in(
    connection: Connection, now: datetime, digest_id: int, gathered: Gathered, letter: tuple[str, str, str]
) -> None:
    """Write a digest as a delivery that is due; `letter` is its subject, text and HTML.

    It has an event of its own, about the object its letters are about; where they are several, about none of them.
    """
    first, *others = gathered.parts
    name, number = f"digest-D{digest_id}", f"{first.number} +{len(others)}" if others else first.number
    thing: Data = {"id": name, "number": number}
    if not others:
        thing = {"id": first.object_id, "number": number, "type": first.object_type, "title": first.title}
    event = {
        "source": SOURCE, "external_id": name, "object_type": thing.get("type", ""), "event_type": EVENT_TYPE,
        "object_id": thing["id"], "object_number": number, "title": thing.get("title", ""), "at": now,
        "accepted_at": now, "planned_at": now, "data": {"object": thing},
    }  # fmt: skip
    event_id = connection.execute(insert(tables.event).returning(tables.event.c.id), [event]).scalar_one()
    params = {"letters": str(gathered.letters), "objects": str(len(gathered.parts))}
    decided = DecisionCard(RULE, gathered.address, taken=True, reason=EVENT_TYPE, params=params)
    decisions.record_in(connection, [(event_id, decided)])
    note = {"event_id": event_id, "rule_code": RULE, "language": gathered.language.value}
    note |= zip(("subject", "text", "html"), letter, strict=True)
    n = tables.notification
    note_id = connection.execute(insert(n).returning(n.c.id), [note]).scalar_one()
    delivery = {
        "id": digest_id, "notification_id": note_id, "event_id": event_id, "channel": Channel.EMAIL.value,
        "recipient_name": gathered.name, "recipient_address": gathered.address, "state": DeliveryState.PENDING.value,
        "reason": "", "attempts": 0, "next_at": gathered.next_at, "created_at": now, "connection": "", "answer": "",
    }  # fmt: skip
    connection.execute(insert(tables.delivery), [delivery])
