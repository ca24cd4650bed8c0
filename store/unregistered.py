"""Who is spoken of in events and is nobody's in the directory.

Two sources: the newest events, read whole, and every decision by which somebody was left out as unregistered. The
first also knows those who are told all the same, the second reaches back as far as events are kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, func, select

from store import tables
from store.engine import Store
from store.events import part
from store.sanitise import clean_line

NEWEST = 10_000
"""So many of the newest events are read for the people they speak of."""
MOST = 1_000
"""So many unregistered people are given, those last seen first."""
_OF_OBJECT = ("client", "author", "responsible", "observers", "subscribers", "approvers")
_OF_COMMENT = ("mentions", "chosen")


@dataclass(frozen=True, slots=True)
class Unregistered:
    """Somebody seen in events who is not in the directory.

    Attributes:
        email: Their address in lower case; empty where the desk gave a login only.
        login: What was given instead of an address, else empty.
        name: As the desk wrote it last; may be empty.
        roles: Fields of events they stood in (`client`, `observers`, `actor` …); empty where only old decisions speak.
        events: In how many events: of the newest, and of all older ones in which they were left out.
        left_out: In how many events they were not told, for nobody knew them.
        last_at: When last.
    """

    email: str
    login: str
    name: str
    roles: tuple[str, ...]
    events: int
    left_out: int
    last_at: datetime


@dataclass(slots=True)
class _Sighting:
    name: str = ""
    roles: dict[str, None] = field(default_factory=dict[str, None])
    events: int = 0
    left_out: int = 0
    last_event: int = 0


def unregistered(store: Store) -> list[Unregistered]:
    """Who was seen and is not in the directory, those last seen first."""
    with store.read() as connection:
        seen, oldest = _in_events(connection)
        _in_decisions(connection, seen, oldest)
        known = _known(connection)
        strangers = sorted(
            ((key, one) for key, one in seen.items() if key not in known), key=lambda pair: -pair[1].last_event
        )[:MOST]
        event = tables.event
        ids = {one.last_event for _, one in strangers}
        times = select(event.c.id, event.c.at).where(event.c.id.in_(ids))
        moments = {row.id: row.at for row in connection.execute(times)}
    return [
        Unregistered(
            email=key if "@" in key else "",
            login="" if "@" in key or " " in key else key,
            name=one.name or (key if " " in key else ""),
            roles=tuple(one.roles),
            events=one.events,
            left_out=one.left_out,
            last_at=moments[one.last_event],
        )
        for key, one in strangers
    ]


def _in_events(connection: Connection) -> tuple[dict[str, _Sighting], int]:
    """Everybody the newest events speak of, and the oldest of these events."""
    event = tables.event
    seen: dict[str, _Sighting] = {}
    oldest = 0
    for row in connection.execute(select(event.c.id, event.c.data).order_by(event.c.id.desc()).limit(NEWEST)):
        oldest = row.id
        here: set[str] = set()
        for role, mention in mentions(row.data):
            key, name = who(mention)
            if not key:
                continue
            one = seen.setdefault(key, _Sighting(last_event=row.id))
            one.name = one.name or name
            one.roles[role] = None
            if key not in here:
                here.add(key)
                one.events += 1
    return seen, oldest


def _in_decisions(connection: Connection, seen: dict[str, _Sighting], oldest: int) -> None:
    """Add those who were left out; events older than `oldest` were not looked into."""
    decision = tables.decision
    query = (
        select(
            decision.c.recipient,
            func.count(decision.c.event_id.distinct()).label("left_out"),
            func.max(decision.c.event_id).label("last_event"),
            func.count(decision.c.event_id.distinct()).filter(decision.c.event_id < oldest).label("older"),
        )
        .where(decision.c.reason == "unregistered")
        .group_by(decision.c.recipient)
    )
    for row in connection.execute(query):
        one = seen.setdefault(clean_line(row.recipient).strip().lower(), _Sighting())
        one.left_out += row.left_out
        one.events += row.older
        one.last_event = max(one.last_event, row.last_event)


def _known(connection: Connection) -> set[str]:
    """Addresses and logins of the directory."""
    person = tables.person
    found: set[str] = set()
    for row in connection.execute(select(person.c.email, person.c.login)):
        found.add(row.email)
        if row.login:
            found.add(row.login.lower())
    return found


def mentions(data: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Everybody an event speaks of, each with the field they stand in."""
    thing, comment = part(data, "object"), part(data, "comment")
    for field_name in _OF_OBJECT:
        yield from _each(field_name, thing.get(field_name))
    for field_name in _OF_COMMENT:
        yield from _each(field_name, comment.get(field_name))
    yield from _each("actor", data.get("actor"))


def who(mention: object) -> tuple[str, str]:
    """The address or login of a mention, in lower case, and the name beside it; both may be empty."""
    name = ""
    if isinstance(mention, dict):
        body = cast("dict[str, Any]", mention)
        mention, name = body.get("email") or "", str(body.get("name") or "")
    return clean_line(str(mention or "")).strip().lower(), clean_line(name).strip()


def _each(field_name: str, value: object) -> Iterator[tuple[str, object]]:
    several: list[object] = cast("list[object]", value) if isinstance(value, list) else [value]
    for one in several:
        if one:
            yield field_name, one
