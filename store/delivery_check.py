"""Whether deliveries have what a filter asks for."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, TextClause, and_, exists, false, func, not_, or_, select, text

from store import tables
from store.delivery_traits import DeliveryQuery, Traits
from store.search_words import MOST_TEXT, beginning, chunks, key, plain
from store.tables.work import HELD_BY_STORM

Condition = ColumnElement[bool] | TextClause


def own_conditions(query: DeliveryQuery) -> list[Condition]:
    """What the table of deliveries tells, and the one of acknowledgements; the latter is asked delivery by delivery."""
    d = tables.delivery
    found = [*_columns(query), *(not_(condition) for condition in _columns(query.without))]
    if query.since is not None:
        found.append(d.c.created_at >= query.since)
    if query.until is not None:
        found.append(d.c.created_at <= query.until)
    return found


def _columns(traits: Traits) -> list[Condition]:
    d = tables.delivery
    found: list[Condition] = []
    if traits.states or traits.storm:
        states = d.c.state.in_([state.value for state in traits.states])
        found.append(or_(states, and_(text(HELD_BY_STORM))) if traits.storm else states)
    if traits.channels:
        found.append(d.c.channel.in_([channel.value for channel in traits.channels]))
    if traits.reasons:
        found.append(d.c.reason.in_(traits.reasons))
    if traits.ids:
        found.append(d.c.id.in_(traits.ids))
    if traits.acknowledged or traits.acknowledged_by:
        found.append(_acknowledged(traits))
    return found


def _acknowledged(traits: Traits) -> ColumnElement[bool]:
    a = tables.acknowledgement
    somebody = exists().where(a.c.delivery_id == tables.delivery.c.id).correlate(tables.delivery)
    ways = [somebody if wanted else ~somebody for wanted in traits.acknowledged]
    if traits.acknowledged_by:
        ways.append(somebody.where(by_whom(traits)))
    return or_(*ways)


def by_whom(traits: Traits) -> ColumnElement[bool]:
    """What is to be said of an acknowledgement by one of those that are asked for."""
    begun = sorted({spelled for one in traits.acknowledged_by for spelled in spellings(one)})
    who = tables.acknowledgement.c.who
    return or_(false(), *(func.substr(who, 1, len(one)) == one for one in begun))


def spellings(name: str) -> set[str]:
    """How a name may be written that is asked for without regard to case; an engine folds ASCII letters at most."""
    # PostgreSQL takes no NUL in a text; nobody's name has one.
    return set() if "\0" in name else {name, name.lower(), name.upper(), name.capitalize()}


class Check:
    """Tells of deliveries whether they have what is asked of their texts, recipient, rule and object.

    It reads them, so that it is for what no index leads to.
    """

    def __init__(self, query: DeliveryQuery, logins: Mapping[str, frozenset[str]]) -> None:
        """`logins` are the addresses of whoever has one of the logins in `people`, by the login as it was asked."""
        self._wanted, self._unwanted = _Test(query, logins), _Test(query.without, logins)
        self.needed = self._wanted.asks or self._unwanted.asks
        self._texts = bool(query.words or query.without.words)

    def admitted(self, connection: Connection, ids: Collection[int]) -> list[int]:
        """Those of some deliveries that have it, in the order given."""
        d, n, e = tables.delivery, tables.notification, tables.event
        columns: list[ColumnElement[Any]] = [
            d.c.id, d.c.recipient_name, d.c.recipient_address, n.c.rule_code,
            e.c.object_type, e.c.event_type, e.c.object_number, e.c.object_id,
        ]  # fmt: skip
        if self._texts:
            columns += [n.c.subject, func.substr(n.c.text, 1, MOST_TEXT).label("text")]
        joined = select(*columns).join(n, n.c.id == d.c.notification_id).join(e, e.c.id == d.c.event_id)
        rows = connection.execute(joined.where(d.c.id.in_(ids)))
        found = {row.id for row in rows if self._admits(row)}
        return [one for one in ids if one in found]

    def _admits(self, row: Row[Any]) -> bool:
        return self._wanted.has_each(row) and not self._unwanted.has_any(row)


class _Test:
    """Some traits, as far as they are not told by the table of deliveries."""

    def __init__(self, traits: Traits, logins: Mapping[str, frozenset[str]]) -> None:
        self._words = [beginning(word) for word in traits.words]
        self._types = frozenset(map(key, traits.types))
        self._events = frozenset(map(key, traits.events))
        self._numbers = frozenset(map(key, traits.numbers))
        self._people = [[beginning(word) for word in chunks(one)] for one in traits.people]
        self._addresses = frozenset(address for one in traits.people for address in logins.get(one, ()))
        self._rules = [beginning(rule) for rule in traits.rules]
        self.asks = any((traits.words, traits.types, traits.events, traits.numbers, traits.people, traits.rules))

    def has_each(self, row: Row[Any]) -> bool:
        """Whether it has one of each kind asked for, and all of the words."""
        text = _text(row) if self._words else ""
        return all(word.search(text) for word in self._words) and all(self._kinds(row))

    def has_any(self, row: Row[Any]) -> bool:
        """Whether it has any of what was asked for."""
        text = _text(row) if self._words else ""
        return any(word.search(text) for word in self._words) or any(self._kinds(row, nothing_asked=False))

    def _kinds(self, row: Row[Any], *, nothing_asked: bool = True) -> Iterable[bool]:
        yield key(row.object_type) in self._types if self._types else nothing_asked
        if self._events:
            yield key(row.event_type) in self._events
        if self._numbers:
            yield not self._numbers.isdisjoint((key(row.object_number), key(row.object_id)))
        if self._people:
            who = plain(f"{row.recipient_name}\n{row.recipient_address}")
            yield row.recipient_address.lower() in self._addresses or any(
                all(word.search(who) for word in words) for words in self._people
            )
        if self._rules:
            code = plain(row.rule_code)
            yield any(rule.search(code) for rule in self._rules)


def _text(row: Row[Any]) -> str:
    """What is searched for words: each field by itself, so that words in a row are not of two fields."""
    return "\n".join(map(plain, searched(row)))


def searched(row: Row[Any]) -> tuple[str, ...]:
    """The fields that are searched for words."""
    return row.subject, row.text, row.object_number, row.recipient_name, row.recipient_address


def addresses_of(connection: Connection, query: DeliveryQuery) -> dict[str, frozenset[str]]:
    """The addresses of those who have a login that is asked for, in lower case, by what was asked."""
    p = tables.person
    # Not by lower(login), which no index serves: a directory may have 50,000 people, and this is asked for each page.
    asked = {spelled for one in (*query.people, *query.without.people) for spelled in spellings(one.strip())}
    if not asked:
        return {}
    found: dict[str, set[str]] = {}
    for login, email in connection.execute(select(p.c.login, p.c.email).where(p.c.login.in_(asked))):
        found.setdefault(login.lower(), set()).add(email.lower())
    return {one: frozenset(found.get(one.strip().lower(), ())) for one in (*query.people, *query.without.people)}
