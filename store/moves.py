"""Letters that are sent again or withdrawn by hand: looked at before, done in portions, and taken back.

Nothing here makes a second copy: what is sent or in hand stays as it is. Each move keeps how its letters were, so that
it can be taken back for those that nothing else has changed meanwhile, by whoever and after any restart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, case, exists, func, insert, literal, select, update

from store import bulk, tables
from store.acknowledgements import Progress, named, portions
from store.audit import record_deed
from store.engine import Store
from store.errors import SettingsError
from store.pace import PACED, due_at
from store.settings import storm_limits_in
from store.storms import HOLD_OBJECT, HOLD_RECIPIENT, gather
from store.types import to_micros
from store.vocabulary import Channel, DeliveryState

CANCELLED = "cancelled"
MOST_PER_MINUTE = 60_000


class Deed(StrEnum):
    """What is done with letters."""

    RETRY = "retry"
    """They are sent again, with a fresh count of attempts."""
    CANCEL = "cancel"
    """They are withdrawn."""


FROM: Mapping[Deed, tuple[DeliveryState, ...]] = {
    Deed.RETRY: (DeliveryState.DEAD, DeliveryState.HELD, DeliveryState.CANCELLED),
    Deed.CANCEL: (DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.DEAD),
}
"""States a letter is moved from."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a deed would do.

    Attributes:
        letters: How many it would move.
        left: Those it would leave, with why: the word of their state, `interface`, `in_digest`, `gone`.
    """

    deed: Deed
    letters: int
    left: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Moved:
    """What a deed has done; `number` is that of the move, 0 where nothing was moved, and `left` as in `Outlook`."""

    number: int
    letters: int
    left: Mapping[int, str] = field(default_factory=dict[int, str])


@dataclass(frozen=True, slots=True)
class Move:
    """A move as it is kept; `waiting` letters are not due yet."""

    id: int
    at: datetime
    who: str
    deed: Deed
    letters: int
    per_minute: int | None
    until: datetime
    undone_at: datetime | None
    undone_by: str
    waiting: int = 0


def spread(letters: int, per_minute: int) -> timedelta:
    """How long it takes to send so many letters, so many a minute."""
    return timedelta(minutes=max(letters - 1, 0) / per_minute)


def look(store: Store, deed: Deed, ids: Sequence[int], progress: Progress | None = None) -> Outlook:
    """What a deed would do with letters as they are now. Blocking."""
    letters, left = 0, dict[int, str]()
    for portion in portions(ids, progress, pause_s=0):
        with store.read() as connection:
            found = _left(connection, deed, portion)
        left |= found
        letters += len(portion) - len(found)
    return Outlook(deed, letters, left)


def carry_out(
    store: Store,
    deed: Deed,
    ids: Sequence[int],
    who: str,
    *,
    per_minute: int | None = None,
    progress: Progress | None = None,
) -> Moved:
    """Do it, a portion in a transaction; what is stopped halfway is done so far. Blocking.

    Args:
        store: The store.
        deed: What.
        ids: Deliveries; those that cannot be moved are left as they are.
        who: Who does it.
        per_minute: Letters that are sent again go one after the other, so many a minute; all at once where it is not
            said.
        progress: Is told how far it is.
    """
    run = _Run(store, deed, who, per_minute)
    for portion in portions(ids, progress):
        store.write(lambda connection, portion=portion: run.move(connection, portion))
        run.written()
    return Moved(run.number, run.letters, run.left)


def take_back(store: Store, number: int, who: str, progress: Progress | None = None) -> Moved:
    """Put the letters of a move back as they were, those that are as it left them; the others stay. Blocking.

    Of letters that were sent again: those that are not sent yet, nor in hand, whatever has become of them.

    Raises:
        SettingsError: There is no such move, or it was taken back already.
    """
    with store.read() as connection:
        move = _move_in(connection, number)
        moved = tables.moved_letter
        ids = connection.execute(select(moved.c.delivery_id).where(moved.c.move_id == number)).scalars().all()
    if move.undone_at is not None:
        raise SettingsError("number", f"move {number} was taken back", key="move_undone", number=number)
    back = seen = 0
    for portion in portions(ids, progress):
        seen += len(portion)

        def change(connection: Connection, portion: list[int] = portion, *, last: bool = seen == len(ids)) -> int:
            now, m = store.clock(), tables.letter_move
            if last:
                connection.execute(update(m).where(m.c.id == number).values(undone_at=now, undone_by=who))
            return _put_back(connection, now, move, portion, who)

        back += store.write(change)
    return Moved(number, back)


def running(store: Store) -> list[Move]:
    """Moves whose letters are not all due yet, the newest first, with how many are waiting."""
    m, moved, now = tables.letter_move, tables.moved_letter, store.clock()
    waiting = select(func.count()).where(moved.c.move_id == m.c.id, moved.c.due > now).correlate(m).scalar_subquery()
    query = select(m, waiting.label("waiting")).where(m.c.undone_at.is_(None), m.c.until > now)
    with store.read() as connection:
        rows = connection.execute(query.order_by(m.c.id.desc()))
        return [_to_move(row, row.waiting) for row in rows if row.per_minute is not None]


def of_delivery(store: Store, delivery_id: int) -> list[Move]:
    """What was done with a letter by hand, oldest first."""
    m, moved = tables.letter_move, tables.moved_letter
    query = select(m).join(moved, moved.c.move_id == m.c.id).where(moved.c.delivery_id == delivery_id)
    with store.read() as connection:
        return [_to_move(row) for row in connection.execute(query.order_by(m.c.id))]


def _left(connection: Connection, deed: Deed, portion: Sequence[int]) -> dict[int, str]:
    """Those that would be left, and why."""
    d = tables.delivery
    query = select(d.c.id, d.c.channel, d.c.state, d.c.digest_id).where(d.c.id.in_(portion))
    found = {row.id: _why_not(deed, row) for row in connection.execute(query)}
    return {key: why for key in portion if (why := found.get(key, "gone"))}


def _why_not(deed: Deed, row: Any) -> str:
    if row.channel != Channel.EMAIL.value:
        return "interface"
    state = DeliveryState(row.state)
    if state not in FROM[deed]:
        return state.word
    # Whoever wants a letter that was told of in a digest gets a copy of it.
    return "in_digest" if deed is Deed.RETRY and row.digest_id is not None else ""


class _Run:
    """A deed under way. What a transaction did counts once it is committed: it may run more than once."""

    def __init__(self, store: Store, deed: Deed, who: str, per_minute: int | None) -> None:
        self._store, self._deed, self._who = store, deed, who
        self._per_minute = per_minute if deed is Deed.RETRY else None
        self._start = store.clock()
        self._done: tuple[int, int, dict[int, str]] = (0, 0, {})
        self.number = self.letters = 0
        self.left: dict[int, str] = {}

    def move(self, connection: Connection, portion: Sequence[int]) -> None:
        """Move what can be moved of a portion."""
        d, now = tables.delivery, self._store.clock()
        mine = d.c.state.in_([state.value for state in FROM[self._deed]])
        query = select(d.c.id, d.c.channel, d.c.state, d.c.reason, d.c.attempts, d.c.next_at, d.c.digest_id)
        locked = connection.execute(query.where(d.c.id.in_(portion), mine).order_by(d.c.id).with_for_update()).all()
        rows = [row for row in locked if not _why_not(self._deed, row)]
        left = _left(connection, self._deed, portion)
        number = self.number
        if rows:
            dues = [self._due(now, self.letters + place) for place in range(len(rows))]
            number = self._note(connection, now, rows, dues)
            self._write(connection, rows, dues)
            after: dict[str, Any] = {"ids": named([row.id for row in rows]), "move": number}
            after |= {"per_minute": self._per_minute} if self._per_minute else {}
            record_deed(connection, now, self._who, f"deliveries:{self._deed.value}", None, after)
        self._done = number, len(rows), left

    def written(self) -> None:
        """The portion is committed."""
        number, letters, left = self._done
        self.number, self.letters = number, self.letters + letters
        self.left |= left

    def _due(self, now: datetime, place: int) -> datetime:
        if self._per_minute is None:
            return now
        return max(now, due_at(self._start, place, self._per_minute))

    def _note(self, connection: Connection, now: datetime, rows: Sequence[Any], dues: Sequence[datetime]) -> int:
        """Keep how the letters were; gives the number of the move."""
        m = tables.letter_move
        number = self.number
        if not number:
            values = {"at": now, "who": self._who, "deed": self._deed.value, "letters": len(rows), "undone_by": ""}
            values |= {"per_minute": self._per_minute, "until": dues[-1]}
            number = connection.execute(insert(m).values(**values).returning(m.c.id)).scalar_one()
        else:
            last = literal(dues[-1], m.c.until.type)  # but for letters that were held meanwhile, and go behind
            more = {"letters": m.c.letters + len(rows), "until": case((m.c.until > last, m.c.until), else_=last)}
            connection.execute(update(m).where(m.c.id == number).values(**more))
        kept = [
            (number, row.id, row.state, row.reason, row.attempts, to_micros(row.next_at), to_micros(due))
            for row, due in zip(rows, dues, strict=True)
        ]
        columns = ("move_id", "delivery_id", "state", "reason", "attempts", "next_at", "due")
        bulk.insert_rows(connection, tables.moved_letter, columns, kept)
        return number

    def _write(self, connection: Connection, rows: Sequence[Any], dues: Sequence[datetime]) -> None:
        again = self._deed is Deed.RETRY
        state = DeliveryState.PENDING if again else DeliveryState.CANCELLED
        reason = (PACED if self._per_minute else "") if again else CANCELLED
        new = [
            (row.id, state.value, reason, 0 if again else row.attempts, to_micros(due))
            for row, due in zip(rows, dues, strict=True)
        ]
        bulk.update_rows(connection, tables.delivery, ("id", "state", "reason", "attempts", "next_at"), new)


def _put_back(connection: Connection, now: datetime, move: Move, portion: Sequence[int], who: str) -> int:
    """Put those of a portion back that are as the move left them; gives how many."""
    d, moved, later, m = tables.delivery, tables.moved_letter, tables.moved_letter.alias(), tables.letter_move
    if move.deed is Deed.RETRY:
        as_left = d.c.state.in_([DeliveryState.PENDING.value, DeliveryState.HELD.value])
    else:
        as_left = and_(d.c.state == DeliveryState.CANCELLED.value, d.c.reason == CANCELLED, d.c.next_at == moved.c.due)
    moved_since = exists().where(
        later.c.delivery_id == d.c.id, later.c.move_id > move.id, m.c.id == later.c.move_id, m.c.undone_at.is_(None)
    )
    query = (
        select(d.c.id, d.c.recipient_address, moved.c.state, moved.c.reason, moved.c.attempts, moved.c.next_at)
        .join(moved, and_(moved.c.delivery_id == d.c.id, moved.c.move_id == move.id))
        .where(d.c.id.in_(portion), as_left, ~moved_since)
        .order_by(d.c.id)
        .with_for_update(of=d)
    )
    rows = connection.execute(query).all()
    if not rows:
        return 0
    old = [(row.id, row.state, row.reason, row.attempts, to_micros(row.next_at)) for row in rows]
    bulk.update_rows(connection, d, ("id", "state", "reason", "attempts", "next_at"), old)
    # The digest they were to end in may have gone without them.
    storm = {row.recipient_address for row in rows if row.reason in {HOLD_OBJECT, HOLD_RECIPIENT}}
    if storm:
        gather(connection, now + timedelta(minutes=storm_limits_in(connection).digest_minutes), storm)
    after = {"ids": named([row.id for row in rows]), "move": move.id}
    record_deed(connection, now, who, f"deliveries:undo_{move.deed.value}", None, after)
    return len(rows)


def _move_in(connection: Connection, number: int) -> Move:
    m = tables.letter_move
    row = connection.execute(select(m).where(m.c.id == number)).one_or_none()
    if row is None:
        raise SettingsError("number", f"there is no move {number}", key="no_move", number=number)
    return _to_move(row)


def _to_move(row: Row[Any], waiting: int = 0) -> Move:
    return Move(
        row.id, row.at, row.who, Deed(row.deed), row.letters, row.per_minute, row.until, row.undone_at, row.undone_by,
        waiting,
    )  # fmt: skip
