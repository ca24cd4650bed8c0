"""Mutes: a rule, an object or a person of which nobody is told for a time, and why.

What is muted is left out, not held: nothing comes after it. That is for silent mode and for limits. A mute keeps its
place in the audit as a deed: it ends by itself, and is ended, prolonged and begun again from the list of mutes. It is
no part of a settings file, which says how a desk is to be, not what is mended on it tonight.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from store import tables
from store.addresses import AddressError, mailbox_key, parse_address
from store.audit import record
from store.cards import Mute
from store.engine import Store
from store.errors import SettingsError
from store.sanitise import clean_line
from store.vocabulary import MuteKind

RECENT = timedelta(days=1)
"""So long after its end a mute still holds for what happened while it lasted and is planned only now."""
LONGEST = timedelta(days=366)
MAX_REASON = 200
"""Characters of a reason: it stands in every decision it leads to."""


class Mutes:
    """Mutes by what they are about: what an event costs does not grow with how many there are."""

    def __init__(self, mutes: Iterable[Mute] = ()) -> None:
        self._by_key: dict[tuple[MuteKind, str], list[Mute]] = defaultdict(list)
        for one in mutes:
            self._by_key[one.kind, folded(one.kind, one.key)].append(one)

    def __bool__(self) -> bool:
        return bool(self._by_key)

    def of(self, code: str, number: str, person: str, moments: Sequence[datetime]) -> Mute | None:
        """The mute that keeps a person from being told by a rule of an object, at any of these moments.

        Args:
            code: Of the rule.
            number: Of the object.
            person: What makes two mentions the same person: `dispatch.directory.Known.key`.
            moments: When it happened, and when it is planned.
        """
        keys = ((MuteKind.RULE, code), (MuteKind.OBJECT, number.casefold()), (MuteKind.PERSON, person))
        for key in keys:
            for one in self._by_key.get(key, ()):
                if any(one.in_force(at) for at in moments):
                    return one
        return None


def folded(kind: MuteKind, key: str) -> str:
    """What two spellings of one key have in common."""
    if kind is MuteKind.PERSON:
        return mailbox_key(key)
    return key.casefold() if kind is MuteKind.OBJECT else key


def mute(store: Store, kind: MuteKind, key: str, until: datetime, reason: str, who: str) -> Mute:
    """Mute something until a moment.

    A person may be given by the login. Of a moment that is over, nothing is muted.

    Raises:
        SettingsError: There is no such thing, it is muted already, there is no reason, or the end is none.
    """
    words = clean_line(reason).strip()

    def change(connection: Connection) -> Mute:
        now = store.clock()
        if not words:
            raise SettingsError("reason", "say why, so that others know", key="mute_reason")
        if len(words) > MAX_REASON:
            raise SettingsError("reason", f"is longer than {MAX_REASON} characters", key="long", most=MAX_REASON)
        _check_end(now, until)
        found = _found(connection, kind, key.strip())
        for one in in_force_in(connection, now):
            if one.kind is kind and folded(kind, one.key) == folded(kind, found):
                problem = f"{found} is muted already (number {one.id}); prolong that one"
                raise SettingsError("key", problem, key="muted_already", what=found, number=one.id)
        values: dict[str, Any] = {"kind": kind.value, "key": found, "since": now, "until": until, "reason": words}
        values |= {"who": who, "ended_by": "", "left_out": 0}
        m = tables.mute
        number = connection.execute(insert(m).values(**values).returning(m.c.id)).scalar_one()
        made = Mute(number, kind, found, now, until, words, who)
        _record(connection, now, who, "mute", made)
        return made

    return store.write(change)


def end(store: Store, number: int, who: str) -> Mute:
    """End a mute now.

    Raises:
        SettingsError: There is none of this number, or it is over.
    """

    def change(connection: Connection) -> Mute:
        now, one = store.clock(), _one(connection, number)
        if one.over_at <= now:
            raise SettingsError("number", f"mute {number} is over", key="mute_over", number=number)
        return _changed(connection, now, who, "end", one, ended_at=now, ended_by=who)

    return store.write(change)


def begin_again(store: Store, number: int, who: str) -> Mute:
    """Take the end of a mute back, where its time is not over.

    Raises:
        SettingsError: There is none of this number, it was not ended, or its time is over.
    """

    def change(connection: Connection) -> Mute:
        now, one = store.clock(), _one(connection, number)
        if one.ended_at is None or one.until <= now:
            raise SettingsError("number", f"mute {number} cannot begin again", key="mute_over", number=number)
        return _changed(connection, now, who, "again", one, ended_at=None, ended_by="")

    return store.write(change)


def prolong(store: Store, number: int, until: datetime, who: str) -> Mute:
    """Let a mute last until another moment, later or sooner.

    Raises:
        SettingsError: There is none of this number, it is over, or the end is none.
    """

    def change(connection: Connection) -> Mute:
        now, one = store.clock(), _one(connection, number)
        if one.over_at <= now:
            raise SettingsError("number", f"mute {number} is over", key="mute_over", number=number)
        _check_end(now, until)
        return _changed(connection, now, who, "prolong", one, until=until)

    return store.write(change)


def list_mutes(store: Store, *, over: bool = False) -> list[Mute]:
    """What is muted now, the first to end first; with `over`, also what was muted, the last to end first."""
    now = store.clock()
    with store.read() as connection:
        found = in_force_in(connection, now)
        if over:
            m = tables.mute
            query = select(m).where(or_(m.c.until <= now, m.c.ended_at.is_not(None))).order_by(m.c.id.desc()).limit(100)
            past = [_to_mute(row) for row in connection.execute(query)]
            found += sorted(past, key=lambda one: one.over_at, reverse=True)
    return found


def in_force_in(connection: Connection, now: datetime) -> list[Mute]:
    """What is muted now, the first to end first."""
    m = tables.mute
    query = select(m).where(m.c.ended_at.is_(None), m.c.until > now).order_by(m.c.until, m.c.id)
    return [_to_mute(row) for row in connection.execute(query)]


def recent_in(connection: Connection, now: datetime) -> list[Mute]:
    """What is muted, and what was until lately."""
    m, since = tables.mute, now - RECENT
    query = select(m).where(m.c.until > since, or_(m.c.ended_at.is_(None), m.c.ended_at > since)).order_by(m.c.id)
    return [_to_mute(row) for row in connection.execute(query)]


def count_left_out_in(connection: Connection, counts: Mapping[int, int]) -> None:
    """Add to what mutes have kept back, by their numbers."""
    m = tables.mute
    for number in sorted(counts):  # in one order, for other dispatchers do the same
        more = {"left_out": m.c.left_out + counts[number]}
        connection.execute(update(m).where(m.c.id == number).values(**more))


def _check_end(now: datetime, until: datetime) -> None:
    if not now < until <= now + LONGEST:
        raise SettingsError("until", "must be later than now, and within a year", key="mute_until")


def _found(connection: Connection, kind: MuteKind, key: str) -> str:
    """What is meant, as it is spelled in the store."""
    if kind is MuteKind.RULE:
        table = tables.rule
        if connection.execute(select(table.c.id).where(table.c.code == key)).first() is None:
            raise SettingsError("key", f"there is no rule {key!r}", key="no_such_rule", value=key)
        return key
    if kind is MuteKind.OBJECT:
        e = tables.event
        if connection.execute(select(e.c.id).where(e.c.object_number == key).limit(1)).first() is None:
            raise SettingsError("key", f"nothing is known of an object {key!r}", key="no_such_object", value=key)
        return key
    person = tables.person
    query = select(person.c.email).where(func.lower(person.c.login) == key.lower())
    address = connection.execute(query).scalar() or key
    try:
        return parse_address(address)
    except AddressError as error:
        problem = f"{key!r} is neither an address nor a login: {error}"
        raise SettingsError("key", problem, key="address", value=key) from None


def _one(connection: Connection, number: int) -> Mute:
    m = tables.mute
    row = connection.execute(select(m).where(m.c.id == number).with_for_update()).one_or_none()
    if row is None:
        raise SettingsError("number", f"there is no mute {number}", key="no_mute", number=number)
    return _to_mute(row)


def _changed(connection: Connection, now: datetime, who: str, deed: str, one: Mute, **values: Any) -> Mute:
    m = tables.mute
    connection.execute(update(m).where(m.c.id == one.id).values(**values))
    made = _one(connection, one.id)
    _record(connection, now, who, deed, made)
    return made


def _record(connection: Connection, now: datetime, who: str, deed: str, one: Mute) -> None:
    """Write it into the audit; dispatchers read their settings anew."""
    after = {"mute": one.id, "kind": one.kind.value, "key": one.key, "until": one.until.isoformat()}
    record(connection, now, who, f"mutes:{deed}", None, {**after, "reason": one.reason})


def _to_mute(row: Row[Any]) -> Mute:
    return Mute(
        row.id, MuteKind(row.kind), row.key, row.since, row.until, row.reason, row.who, row.ended_at, row.ended_by,
        row.left_out,
    )  # fmt: skip
