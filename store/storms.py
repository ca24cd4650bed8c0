"""Storms: letters above a limit are held; an operator lets them go, drops them, or they end in a digest.

What one person gets about one object is limited, not what there is about an object: a mass incident with a thousand
subscribers is one letter to each, and no flood to anybody.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, delete, func, literal, select, update

from store import bulk, tables
from store.addresses import mailbox_key
from store.audit import record
from store.cards import StormLimits
from store.engine import Store
from store.letter_counts import count_in, forget_in, key_of
from store.outbox import HELD_BY_STORM
from store.settings import storm_limits_in
from store.types import EPOCH, to_micros
from store.vocabulary import DeliveryState, StormAction

HOLD_OBJECT = "storm_object"
"""Why a letter is held that is one too many about its object."""
HOLD_RECIPIENT = "storm_recipient"
"""Why a letter is held that is one too many for its recipient."""
DIGEST, OBJECT, RECIPIENT = "digest", "object", "recipient"
"""Kinds of rows in the table `storm`."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """A letter, as far as it is counted."""

    object_type: str
    object_id: str
    address: str


@dataclass(frozen=True, slots=True)
class Storm:
    """An object, or a recipient, of which there is too much.

    Attributes:
        kind: `object` or `recipient`.
        key: The object's number, or the recipient's address; people tell it by that.
        object_type: Of an object; else empty, like `object_id`.
    """

    kind: str
    key: str
    object_type: str = ""
    object_id: str = ""

    @property
    def mark(self) -> tuple[str, str]:
        """The row in the table `storm` that lets it through."""
        return self.kind, _object(self.object_type, self.object_id) if self.kind == OBJECT else mailbox_key(self.key)


@dataclass(frozen=True, slots=True)
class StormCard(Storm):
    """Letters held because there were too many.

    Attributes:
        letters: How many are held.
        recipients: For how many people.
        since: When the first of them was made.
        digest_at: When the first digest goes; `None` where they wait for an operator.
    """

    letters: int = 0
    recipients: int = 0
    since: datetime = EPOCH
    digest_at: datetime | None = None


def above(most: int, before: Mapping[int, int], keys: Sequence[int]) -> list[bool]:
    """Which of some letters are above a limit of `most`, when there were so many `before` of each key. Pure."""
    counts = Counter(before)
    found: list[bool] = []
    for key in keys:
        counts[key] += 1
        found.append(counts[key] > most)
    return found


def hold_in(connection: Connection, now: datetime, limits: StormLimits, letters: Sequence[Addressed]) -> list[str]:
    """Count letters that are being made; gives for each why it is to be held, empty when it goes.

    What is above a limit counts as well: letters go singly again once there are fewer, not each time a window ends.
    """
    reasons = [""] * len(letters)
    for reason, most, minutes, keys in (
        (HOLD_RECIPIENT, limits.recipient_letters, limits.recipient_minutes, [_person_key(one) for one in letters]),
        (HOLD_OBJECT, limits.object_letters, limits.object_minutes, [_pair_key(one) for one in letters]),
    ):
        if most and letters:
            before = count_in(connection, now, minutes, Counter(keys))
            for place, too_many in enumerate(above(most, before, keys)):
                reasons[place] = reason if too_many else reasons[place]
    if any(reasons):
        _let_through(connection, now, letters, reasons)
        held = {letter.address for letter, reason in zip(letters, reasons, strict=True) if reason}
        gather(connection, now + timedelta(minutes=limits.digest_minutes), held)
    return reasons


def _person_key(letter: Addressed) -> int:
    return _address_key(letter.address)


@lru_cache(maxsize=16_384)
def _address_key(address: str) -> int:
    return key_of(RECIPIENT, mailbox_key(address))


def _pair_key(letter: Addressed) -> int:
    return key_of(OBJECT, letter.object_type, letter.object_id, mailbox_key(letter.address))


def _object(object_type: str, object_id: str) -> str:
    return f"{object_type}:{object_id}"


def _let_through(connection: Connection, now: datetime, letters: Sequence[Addressed], reasons: list[str]) -> None:
    """Take the reasons from letters an operator lets through."""
    marks = [
        ((OBJECT, _object(letter.object_type, letter.object_id)), (RECIPIENT, mailbox_key(letter.address)))
        for letter in letters
    ]
    asked = {mark for both, reason in zip(marks, reasons, strict=True) if reason for mark in both}
    known = bulk.known_keys(connection, tables.storm, ("kind", "key"), sorted(asked), also=("until",))
    open_ = {(kind, key) for kind, key, until in known if until > to_micros(now)}
    for place, both in enumerate(marks):
        if open_ and not open_.isdisjoint(both):
            reasons[place] = ""


def gather(connection: Connection, until: datetime, addresses: Iterable[str]) -> None:
    """Have a digest go to each; whoever awaits one already gets it when it was to come.

    The row is changed even so: a digest that is being written waits for us, or we for it.
    """
    rows = [(DIGEST, address, to_micros(until)) for address in sorted(addresses)]
    end = "ON CONFLICT (kind, key) DO UPDATE SET until = storm.until"
    bulk.insert_rows(connection, tables.storm, ("kind", "key", "until"), rows, end)


def held_by_storms_in(connection: Connection) -> int:
    """Letters held by storms."""
    return connection.execute(select(func.count()).select_from(tables.delivery).where(HELD_BY_STORM)).scalar_one()


def list_storms(store: Store) -> list[StormCard]:
    """The storms that hold letters, the largest first."""
    d, e, s = tables.delivery, tables.event, tables.storm
    columns = (d.c.reason, d.c.recipient_address, e.c.object_type, e.c.object_id, e.c.object_number)
    query = (
        select(*columns, func.count().label("letters"), func.min(d.c.created_at).label("since"))
        .join(e, e.c.id == d.c.event_id)
        .where(HELD_BY_STORM)
        .group_by(*columns)
    )
    with store.read() as connection:
        gathered = storm_limits_in(connection).then is StormAction.DIGEST
        digests = select(s.c.key, s.c.until).where(s.c.kind == DIGEST)
        due = {row.key: row.until for row in connection.execute(digests)} if gathered else {}
        rows = connection.execute(query).all()
    groups: dict[Storm, list[Any]] = defaultdict(list)
    for row in rows:
        groups[_thing(row) if row.reason == HOLD_OBJECT else Storm(RECIPIENT, row.recipient_address)].append(row)
    return sorted(
        (_card(storm, its, due) for storm, its in groups.items()), key=lambda card: (-card.letters, card.kind, card.key)
    )


def _thing(row: Any) -> Storm:
    return Storm(OBJECT, row.object_number, row.object_type, row.object_id)


def _card(storm: Storm, rows: Sequence[Any], due: Mapping[str, datetime]) -> StormCard:
    people = {row.recipient_address for row in rows}
    return StormCard(
        storm.kind, storm.key, storm.object_type, storm.object_id, sum(row.letters for row in rows), len(people),
        min(row.since for row in rows), min((due[one] for one in people if one in due), default=None),
    )  # fmt: skip


def find(store: Store, word: str) -> list[Storm]:
    """What an operator means by an object's number or an address; of an object all that is held, for any limit."""
    d, e = tables.delivery, tables.event
    thing = (e.c.object_type, e.c.object_id, e.c.object_number)
    query = select(*thing, d.c.recipient_address).join(e, e.c.id == d.c.event_id).where(HELD_BY_STORM).distinct()
    found: dict[Storm, None] = {}
    with store.read() as connection:
        for row in connection.execute(query):
            if row.object_number == word:
                found[_thing(row)] = None
            if mailbox_key(row.recipient_address) == mailbox_key(word):
                found[Storm(RECIPIENT, row.recipient_address)] = None
    return list(found)


def of(storm: Storm) -> ColumnElement[bool]:
    """What its held letters have in common; of an object also those held for their recipient."""
    d, e = tables.delivery, tables.event
    if storm.kind == RECIPIENT:
        return d.c.recipient_address == storm.key
    its = select(e.c.id).where(e.c.object_type == storm.object_type, e.c.object_id == storm.object_id)
    return d.c.event_id.in_(its)


def release(store: Store, storm: Storm, who: str) -> int:
    """Let its letters go singly, and let more of it through for as long as its limit looks back; gives how many."""
    d = tables.delivery

    def change(connection: Connection) -> int:
        now, limits = store.clock(), storm_limits_in(connection)
        count = connection.execute(update(d).where(HELD_BY_STORM, of(storm)).values(go_values(now))).rowcount
        span = limits.object_minutes if storm.kind == OBJECT else limits.recipient_minutes
        rows = [(*storm.mark, to_micros(now + timedelta(minutes=span)))]
        end = "ON CONFLICT (kind, key) DO UPDATE SET until = excluded.until"
        bulk.insert_rows(connection, tables.storm, ("kind", "key", "until"), rows, end)
        record_deed_in(connection, now, who, "release", storm, count)
        return count

    return store.write(change)


def go_values(now: datetime) -> dict[str, Any]:
    """What makes a held letter go; one that waits for working hours goes on waiting."""
    next_at = tables.delivery.c.next_at
    at = literal(now, next_at.type)
    return {"state": DeliveryState.PENDING.value, "reason": "", "next_at": case((next_at > now, next_at), else_=at)}


def drop(store: Store, storm: Storm, who: str) -> int:
    """Cancel its letters; gives how many. They can be sent again like any that was cancelled."""
    d = tables.delivery

    def change(connection: Connection) -> int:
        now = store.clock()
        values = {"state": DeliveryState.CANCELLED.value, "reason": "cancelled", "next_at": now}
        count = connection.execute(update(d).where(HELD_BY_STORM, of(storm)).values(values)).rowcount
        record_deed_in(connection, now, who, "drop", storm, count)
        return count

    return store.write(change)


def record_deed_in(connection: Connection, now: datetime, who: str, deed: str, storm: Storm, count: int) -> None:
    """Write into the audit what an operator did about a storm: `release`, `drop` or `digest`."""
    record(connection, now, who, f"deliveries:storm_{deed}", None, {"storm": storm.key, "count": count})


def tidy(store: Store) -> None:
    """Forget counts and marks that mean nothing any more."""

    def change(connection: Connection) -> None:
        now, limits, s = store.clock(), storm_limits_in(connection), tables.storm
        span = timedelta(minutes=max(limits.object_minutes, limits.recipient_minutes))
        forget_in(connection, now - 2 * span)
        connection.execute(delete(s).where(s.c.kind != DIGEST, s.c.until <= now))

    store.write(change)
