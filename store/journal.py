"""The recorded story of an event, an object, a delivery or a person: decisions, deliveries, attempts."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, func, select

from store import decisions, feed, message_ids, tables
from store.cards import AttemptCard, DeliveryCard, EventCard, FeedRow
from store.engine import Store
from store.settings import sending_in
from store.vocabulary import Channel

MAX_ID = 2**63 - 1
"""The engines' largest id; a larger one is refused by their drivers."""
_FIRST_PORTION, _LAST_PORTION = 1_000, 64_000
"""Events gone through at once in search of a person: few at first, since most are found at once."""


def story(
    store: Store, key: str, limit: int = 50, progress: Callable[[int], object] = lambda _: None
) -> list[EventCard]:
    """Everything about an event id, an object (number or id), a delivery (`D123`) or a person; newest event first.

    A person is an address, a login, or the name of somebody without an address; of their events only what was decided
    about them and sent to them is told. Decisions have no index by person, which would cost every event its share:
    the events are gone through backwards, and `progress` is told how many were.
    """
    e, d = tables.event, tables.delivery
    with store.read() as connection:
        found = e.c.external_id == key
        found = found | (e.c.object_number == key) | (e.c.object_id == key)
        if key[:1] in {"D", "d"} and key[1:].isdecimal() and int(key[1:]) <= MAX_ID:
            found = found | e.c.id.in_(select(d.c.event_id).where(d.c.id == int(key[1:])))
        rows = connection.execute(select(e).where(found).order_by(e.c.id.desc()).limit(limit)).all()
        if rows:
            return [_event(connection, store, row) for row in rows]
        who = _person(connection, key)
    return _about(store, who, limit, progress) if who else []


def _person(connection: Connection, key: str) -> str:
    """What decisions call a person, in lower case: the address of whom the directory knows by a login, else the key."""
    p, folded = tables.person, key.strip().lower()
    query = select(p.c.email).where(func.lower(p.c.login) == folded)
    return connection.execute(query).scalar() or folded


def _about(store: Store, who: str, limit: int, progress: Callable[[int], object]) -> list[EventCard]:
    """The newest events in which something was decided about a person. Each portion is read by itself."""
    e, d = tables.event, tables.decision
    cards: list[EventCard] = []
    seen, portion = 0, _FIRST_PORTION
    with store.read() as connection:
        end = connection.execute(select(func.max(e.c.id))).scalar() or 0
    while end > 0 and len(cards) < limit:
        start = max(end - portion, 0)
        with store.read() as connection:
            about = select(d.c.event_id).where(
                d.c.event_id > start, d.c.event_id <= end, func.lower(d.c.recipient) == who
            )
            query = select(e).where(e.c.id.in_(about)).order_by(e.c.id.desc()).limit(limit - len(cards))
            cards += [_of(who, _event(connection, store, row)) for row in connection.execute(query).all()]
        seen, end, portion = seen + end - start, start, min(portion * 2, _LAST_PORTION)
        progress(seen)
    return cards


def _of(who: str, card: EventCard) -> EventCard:
    """What of an event is about a person."""
    return replace(
        card,
        decisions=tuple(one for one in card.decisions if one.recipient.lower() == who),
        deliveries=tuple(
            one for one in card.deliveries if who in {one.row.recipient_address.lower(), one.row.recipient_name.lower()}
        ),
    )


def delivery(store: Store, delivery_id: int) -> DeliveryCard | None:
    """A delivery opened, with its letter and its story."""
    with store.read() as connection:
        return next(iter(_deliveries(connection, store, [delivery_id])), None)


def _event(connection: Connection, store: Store, row: Row[Any]) -> EventCard:
    d = tables.delivery
    ids = list(connection.execute(select(d.c.id).where(d.c.event_id == row.id).order_by(d.c.id)).scalars())
    return EventCard(
        key=str(row.id),
        source=row.source,
        external_id=row.external_id,
        type=f"{row.object_type}.{row.event_type}",
        object_type=row.object_type,
        object_id=row.object_id,
        object_number=row.object_number,
        title=row.title,
        at=row.at,
        accepted_at=row.accepted_at,
        planned_at=row.planned_at,
        decisions=tuple(decisions.of_events(connection, [row.id])[row.id]),
        deliveries=tuple(_deliveries(connection, store, ids)),
    )


def _deliveries(connection: Connection, store: Store, ids: Sequence[int]) -> list[DeliveryCard]:
    """Deliveries opened, in the order of their ids."""
    d, n, a, f = tables.delivery, tables.notification, tables.attempt, tables.connection_failure
    query = feed.rows_query().add_columns(
        n.c.text, n.c.html, d.c.event_id, d.c.sent_at, d.c.next_at, d.c.connection, d.c.answer, d.c.digest_id
    )
    rows = connection.execute(query.where(d.c.id.in_(ids)).order_by(d.c.id)).all()
    tries: dict[int, list[AttemptCard]] = defaultdict(list)
    for row in connection.execute(select(a).where(a.c.delivery_id.in_(ids)).order_by(a.c.id)):
        tries[row.delivery_id].append(_try(row, row.outcome))
    down = connection.execute(select(f).where(f.c.delivery_id.in_(ids)))
    failures = {row.delivery_id: _try(row, "connection_failed") for row in down}
    made = decisions.of_events(connection, sorted({row.event_id for row in rows}))
    parameters = sending_in(connection)
    key, domain = store.keyring.derive(message_ids.PURPOSE), parameters.system_address.rpartition("@")[2]
    cards: list[DeliveryCard] = []
    for row in rows:
        line = feed.to_row(row)
        cards.append(
            DeliveryCard(
                row=line,
                sender=f"{parameters.sender_name} <{parameters.system_address}>",
                reply_to=parameters.support_address,
                to=f"{line.recipient_name} <{line.recipient_address}>",
                text=row.text,
                html=row.html,
                message_id=_message_id(key, line, domain),
                sent_at=row.sent_at,
                next_at=row.next_at,
                connection=row.connection,
                answer=row.answer,
                attempts=tuple(tries[line.id]),
                decisions=tuple(made[row.event_id]),
                digest_id=row.digest_id,
                connection_failure=failures.get(line.id),
            )
        )
    return cards


def _try(row: Row[Any], outcome: str) -> AttemptCard:
    said = tuple(row.transcript.splitlines())
    return AttemptCard(row.at, row.connection, outcome, row.code, row.answer, row.error_class, said)


def _message_id(key: bytes, line: FeedRow, domain: str) -> str:
    """The Message-ID a letter has; what is shown in the interface has none."""
    return message_ids.message_id(key, line.id, line.created_at, domain) if line.channel is Channel.EMAIL else ""
