"""Deliveries written straight into the tables, each as it is asked for, and a filter that is slow and sure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, text, update

from store import bulk, tables
from store.delivery_traits import DeliveryQuery, Traits
from store.folding import fold
from store.types import to_micros
from store.vocabulary import Channel, DeliveryState
from tests.desk import NOON

BODY = (
    "Здравствуйте! Заявка принята в работу, специалист уже занимается вопросом. Ответственный: Иван Иванов. Срок "
    "решения указан в карточке. Чтобы ответить, напишите нам, не меняя тему письма. С уважением, служба поддержки "
)
EMPTIED = (tables.attempt, tables.acknowledgement, tables.delivery, tables.notification, tables.decision, tables.event)


@dataclass(frozen=True)
class Letter:
    """A delivery with an event and a notification of its own."""

    subject: str = "Тема"
    text: str = ""
    number: str = "RP-1"
    object_id: str = "1"
    object_type: str = "request"
    event_type: str = "added"
    rule: str = "request.added.client.email"
    name: str = "Ольга Смирнова"
    address: str = "olga@example.org"
    state: DeliveryState = DeliveryState.SENT
    channel: Channel = Channel.EMAIL
    reason: str = ""
    at: datetime = NOON
    taken_by: str | None = None


def write(connection: Connection, letters: Sequence[Letter], first: int = 1) -> None:
    """Write letters, numbered from `first`."""
    events, notes, rows, taken = list[bulk.Row](), list[bulk.Row](), list[bulk.Row](), list[bulk.Row]()
    for number, one in enumerate(letters, first):
        at = to_micros(one.at)
        thing = (one.object_type, one.event_type, one.object_id, one.number)
        events.append((number, "s", f"e{number}", *thing, "t", at, at, at, "{}"))
        notes.append((number, number, one.rule, "ru", one.subject, one.text, "h"))
        head = (one.channel.value, one.name, one.address, one.state.value, one.reason)
        rows.append((number, number, number, *head, 0, at, at, "", ""))
        taken += [(number, at, one.taken_by, "")] if one.taken_by is not None else []
    columns = ("id", "source", "external_id", "object_type", "event_type", "object_id", "object_number", "title")
    bulk.insert_rows(connection, tables.event, (*columns, "at", "accepted_at", "planned_at", "data"), events)
    columns = ("id", "event_id", "rule_code", "language", "subject", "text", "html")
    bulk.insert_rows(connection, tables.notification, columns, notes)
    columns = ("id", "notification_id", "event_id", "channel", "recipient_name", "recipient_address", "state", "reason")
    more = ("attempts", "next_at", "created_at", "connection", "answer")
    bulk.insert_rows(connection, tables.delivery, (*columns, *more), rows)
    bulk.insert_rows(connection, tables.acknowledgement, ("delivery_id", "at", "who", "note"), taken)


def fill(connection: Connection, count: int) -> None:
    """Many letters in one go: a second lies between each and the next, every thousandth is dead, held, pending.

    The database makes them, because a million would take minutes otherwise.
    """
    numbers = "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < :count) "
    at = f"{to_micros(NOON)} + i * CAST(1000000 AS BIGINT)"
    rare = "CASE i % 1000 WHEN 0 THEN 4 WHEN 1 THEN 2 WHEN 2 THEN 0 ELSE 3 END"
    reason = "CASE i % 1000 WHEN 0 THEN 'mailbox_full' WHEN 1 THEN 'silent_mode' ELSE '' END"
    subject = "'Принтер ' || (i % 977) || CASE WHEN i % 5000 = 17 THEN ' аквамарин' ELSE '' END"
    name = "'Ольга ' || (i % 499)"
    body = f"'{BODY}' || i"
    made = {
        "event": {
            "id": "i", "source": "'s'", "external_id": "'e' || i", "object_type": "'request'", "event_type": "'added'",
            "object_id": "'' || (i / 7)", "object_number": "'RP-' || (i / 7)", "title": "'t'", "at": at,
            "accepted_at": at, "planned_at": at, "data": "'{}'",
        },
        "notification": {
            "id": "i", "event_id": "i", "rule_code": "'request.added.client.email'", "language": "'ru'",
            "subject": subject, "text": body, "html": body,
        },
        "delivery": {
            "id": "i", "notification_id": "i", "event_id": "i", "recipient_name": name, "state": rare,
            "channel": "CASE i % 3 WHEN 0 THEN 'interface' ELSE 'email' END", "reason": reason, "attempts": "0",
            "recipient_address": "'olga' || (i % 499) || '@example.org'", "next_at": at, "created_at": at,
            "connection": "''", "answer": "''",
        },
    }  # fmt: skip
    for table, columns in made.items():
        statement = f"INSERT INTO {table} ({', '.join(columns)}) {numbers} SELECT {', '.join(columns.values())} FROM g"
        connection.execute(text(statement), {"count": count})


def clear(connection: Connection) -> None:
    """Take away all deliveries, what belongs to them, and what the search index has of them."""
    for table in EMPTIED:
        connection.execute(delete(table))
    on_server = connection.dialect.name == "postgresql"
    all_of_it = "(delivery_search) VALUES ('delete-all')"
    emptied = "DELETE FROM delivery_search" if on_server else f"INSERT INTO delivery_search {all_of_it}"
    connection.exec_driver_sql(emptied)
    connection.execute(update(tables.search_state).values(low=1, high=0))


def wanted(letters: Iterable[Letter], query: DeliveryQuery, logins: dict[str, str], first: int = 1) -> list[int]:
    """The numbers of those that a query wants; `logins` by address. Looks at every letter, one after the other."""
    return [
        number for number, one in enumerate(letters, first) if _wants(query, number, one, logins.get(one.address, ""))
    ]


def _wants(query: DeliveryQuery, number: int, one: Letter, login: str) -> bool:
    if query.since is not None and one.at < query.since:
        return False
    if query.until is not None and one.at > query.until:
        return False
    asked = _answers(query, number, one, login)
    words = [_has(one, word) for word in query.words]
    refused = _answers(query.without, number, one, login) + [_has(one, word) for word in query.without.words]
    return all(asked) and all(words) and not any(refused)


def _answers(traits: Traits, number: int, one: Letter, login: str) -> list[bool]:
    """For each kind that is asked for but the words, whether the letter has it."""
    plainly = (
        (traits.channels, one.channel), (traits.types, one.object_type), (traits.events, one.event_type),
        (traits.reasons, one.reason), (traits.ids, number),
    )  # fmt: skip
    found = [value in asked for asked, value in plainly if asked]
    if traits.states or traits.storm:
        storm = one.state is DeliveryState.HELD and one.reason in {"storm_object", "storm_recipient"}
        found.append(one.state in traits.states or (traits.storm and storm))
    if traits.numbers:
        found.append(any(fold(asked) in {fold(one.number), fold(one.object_id)} for asked in traits.numbers))
    if traits.people:
        found.append(any(_is(one, person, login) for person in traits.people))
    if traits.rules:
        found.append(any(_begins(one.rule, rule) for rule in traits.rules))
    if traits.acknowledged or traits.acknowledged_by:
        taken = one.taken_by is not None
        by = any((one.taken_by or "").lower().startswith(name.lower()) for name in traits.acknowledged_by)
        found.append(taken in traits.acknowledged or (taken and by))
    return found


def _is(one: Letter, person: str, login: str) -> bool:
    if login and person.strip().lower() == login.lower():
        return True
    parts = [part for word in person.split() for part in _joined(word)]
    return all(_begins(one.name, part) or _begins(one.address, part) for part in parts)


def _has(one: Letter, word: str) -> bool:
    return any(_begins(text, word) for text in (one.subject, one.text, one.number, one.name, one.address))


def _joined(word: str) -> list[str]:
    """The words of a text without blanks, as this test's own texts have them."""
    found = fold(word).replace(",", " ").replace("[", " ").replace("]", " ").split()
    return [part for sign in found if (part := sign.strip("-.@/:+"))]


def _begins(text: str, word: str) -> bool:
    """Whether a word of a text begins so; of words in a row, all but the last are whole."""
    said, asked = (" ".join(part for piece in one.split() for part in _joined(piece)) for one in (text, word))
    places = [at for at in range(len(said)) if not at or not (said[at - 1].isalnum() or said[at - 1] == "_")]
    return any(said.startswith(asked, at) for at in places)


def later(minutes: float) -> datetime:
    """A moment after noon."""
    return NOON + timedelta(minutes=minutes)
