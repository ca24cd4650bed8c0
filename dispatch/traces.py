"""What became of each event and each letter, line by line, at level DEBUG: `event` is the same number in all of them.

Whoever calls asks first whether anybody wants to read it, because then the store is asked for numbers that nobody
needs otherwise. What cannot be told is not told: nothing is undone or done again for it.
"""

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from store import bulk, tables
from store.engine import Store
from store.errors import StoreError
from store.events import NewEvent, StoredEvent
from store.outbox import Claimed, Settlement
from store.vocabulary import Channel, DeliveryState

_log = logging.getLogger(__name__)


def wanted() -> bool:
    """Whether anybody reads it."""
    return _log.isEnabledFor(logging.DEBUG)


def accepted(store: Store, events: Sequence[NewEvent]) -> None:
    """Events were committed. Blocking: it asks for their numbers."""
    keys = [(event.source, event.external_id) for event in events]
    try:
        with store.read() as connection:
            found = bulk.known_keys(connection, tables.event, ("source", "external_id"), keys, ("id",))
    except StoreError as error:
        _log.debug("events were accepted, and cannot be told of: %s", error)
        return
    numbers = {(source, external_id): number for source, external_id, number in found}
    for event in events:
        number = numbers.get((event.source, event.external_id), 0)
        kind = f"{event.object_type}.{event.event_type}"
        _tell("event accepted", _event(number, event.source, event.external_id, kind))


def planned(store: Store, events: Sequence[StoredEvent]) -> None:
    """Events were planned. Blocking: it asks for what came of them."""
    d, n = tables.delivery, tables.notification
    query = select(
        d.c.id, d.c.event_id, d.c.channel, d.c.state, d.c.reason, d.c.recipient_address, d.c.recipient_name,
        n.c.rule_code,
    )  # fmt: skip
    by_event: dict[int, list[Any]] = {event.id: [] for event in events}
    try:
        with store.read() as connection:
            mine = query.join(n, n.c.id == d.c.notification_id).where(d.c.event_id.in_(by_event)).order_by(d.c.id)
            for row in connection.execute(mine):
                by_event[row.event_id].append(row)
    except StoreError as error:
        _log.debug("events were planned, and cannot be told of: %s", error)
        return
    for event in events:
        rows, kind = by_event[event.id], f"{event.object_type}.{event.event_type}"
        said = _event(event.id, event.source, event.external_id, kind)
        _tell("event planned", {**said, "deliveries": len(rows)})
        for row in rows:
            to = row.recipient_address if row.channel == Channel.EMAIL.value else row.recipient_name
            about = {**said, "delivery": f"D{row.id}", "rule": row.rule_code, "channel": row.channel, "to": to}
            about["state"] = DeliveryState(row.state).word
            _tell("delivery planned", {**about, "reason": row.reason} if row.reason else about)


def attempted(letter: Claimed, done: Settlement) -> None:
    """A letter was tried, put off or held; it is on its way into the store."""
    about: dict[str, Any] = {**of_letter(letter), "to": letter.recipient_address, "state": done.state.word}
    if done.counted:
        about["attempt"] = done.attempts
    said = {"connection": done.connection, "code": done.code, "error_class": done.error_class, "answer": done.answer}
    about |= {name: value for name, value in (said | {"reason": done.reason}).items() if value}
    _tell("attempt" if done.counted else "no attempt", about)


def of_letter(letter: Claimed) -> dict[str, Any]:
    """The numbers by which a letter is found."""
    return {"event": letter.event_id, "delivery": f"D{letter.id}"}


def of_event(event: StoredEvent) -> dict[str, Any]:
    """The numbers and names by which an event is found."""
    return _event(event.id, event.source, event.external_id, f"{event.object_type}.{event.event_type}")


def _event(number: int, source: str, external_id: str, kind: str) -> dict[str, Any]:
    return {"event": number, "event_source": source, "event_id": external_id, "event_type": kind}


def _tell(message: str, about: dict[str, Any]) -> None:
    _log.debug(message, extra={"about": about})
