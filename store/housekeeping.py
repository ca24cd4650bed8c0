"""Housekeeping: what is kept long enough goes, in steps so short that nobody waits for them.

A run goes over what is old once, in steps of a transaction each; whoever does it (a dispatcher, or `vestnik housekeep`)
holds a lease in the store meanwhile, which every step renews: so there is one at a time, and when it is killed another
goes on with the same run after a minute. What a run has removed is counted in the steps themselves, and told in one
entry of the audit when it is over.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, select, update

from store import search_index, stale, tables
from store.audit import record_deed
from store.bulk import among
from store.cards import Retention
from store.engine import Store
from store.errors import StoreError
from store.retention import retention_in
from store.stale import Batch, Bounds
from store.store_size import note_in, size_in
from store.types import to_micros

WHO = "vestnik"
"""Who removes, in the audit: what is settled is done by nobody."""
WHAT = "store:housekeeping"
LEASE = timedelta(seconds=60)
"""After so long without a step whoever was at it is taken for dead."""
KEPT_AT_LEAST = timedelta(days=7)
"""What a limit of size never removes: what operators are at work with."""
ENOUGH = 0.98
"""Above its limit a store is brought down to this part of it, not to the byte: or every hour would have its run."""
MEGABYTE = 1_000_000
HOLD_S = 0.01
"""How long a step is to take of the one writer's time; the commit comes on top."""
FIRST, LEAST, MOST = 10, 10, 200
"""Deliveries (and events without any) in the first step, at least, and at most. Ten are 1 ms, on an idle machine; what
takes longer there is the machine's, and would take as long with one."""
STRETCH = 5_000
"""Events that are looked at in a step, where none of them goes."""
RENEW_S = 10.0
"""The lease is renewed after so long also where nothing was removed."""
ENTRIES = 500
"""Entries of the audit in a step."""


class NotAloneError(StoreError):
    """Somebody else is at it: `holder` is who."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"{holder} is at it")
        self.holder = holder


@dataclass(frozen=True, slots=True)
class Run:
    """What a run has removed.

    Attributes:
        started: When it began; `ended` when it was over, `None` as long as it is under way.
        events: Events, with all that came of them; `deliveries` those among that.
        entries: Entries of the audit.
    """

    started: datetime
    ended: datetime | None = None
    events: int = 0
    deliveries: int = 0
    entries: int = 0

    @property
    def idle(self) -> bool:
        """Whether it had nothing to remove."""
        return not (self.events or self.deliveries or self.entries)


@dataclass(frozen=True, slots=True)
class State:
    """How the housekeeping does: who is at it, what the run under way has removed so far, and what the last one did.

    `last` is the last run that removed anything.
    """

    holder: str
    run: Run | None
    last: Run | None


@dataclass(frozen=True, slots=True)
class Old:
    """What a run would remove now. For a limit of size they are an estimate: by the share of all events."""

    events: int = 0
    deliveries: int = 0
    entries: int = 0
    by_size: int = 0


def state_in(connection: Connection, now: datetime) -> State:
    """How the housekeeping does."""
    row = _row(connection)
    return State(row.holder if row.held_until > to_micros(now) else "", _to_run(row.run), _to_run(row.last_run))


def look_ahead(
    store: Store, card: Retention | None = None, progress: Callable[[int, int], object] = lambda _done, _of: None
) -> Old:
    """What a run would remove now, without removing it. Blocking: some seconds, where millions of events are old.

    Args:
        store: The store.
        card: With these settings; those of the store where none are given.
        progress: Is told how many events were looked at, and of how many.
    """
    now = store.clock()
    with store.read() as connection:
        card = card or retention_in(connection)
        audit = 0 if not card.audit_days else len(_old_entries(connection, now, card, limit=None))
        by_size = _too_many(connection, card)
        bounds = _by_age(connection, now, card)
        last = 0 if bounds is None else stale.last_old(connection, bounds)
        at = (connection.execute(select(func.min(tables.event.c.id))).scalar() or 1) - 1
    events = deliveries = 0
    first = at
    while bounds is not None and at < last:
        progress(at - first, last - first)
        with store.read() as connection:
            more = stale.count(connection, bounds, at, min(at + 20_000, last))
        events, deliveries, at = events + more[0], deliveries + more[1], at + 20_000
    return Old(events, deliveries, audit, max(by_size - events, 0))


class Housekeeping:
    """A run, done by calling `step` until it says that it is over. Blocking: call it in a thread, with pauses.

    Args:
        store: The store.
        holder: Who does it; nobody else by that name.
    """

    def __init__(self, store: Store, holder: str) -> None:
        self._store, self._holder = store, holder
        self._phases: list[Callable[[], bool]] = [self._by_age, self._by_size, self._audit, self._moves]
        self._card: Retention | None = None
        self._bounds: Bounds | None = None
        self._at = self._last = 0
        self._limit = FIRST
        self._left: int | None = None
        self._unmerged = False
        self._kept_at = 0.0
        self.took_s = 0.0
        """How long the last step was, from its beginning to the end of its commit."""
        self.longest_s = 0.0
        """The longest that the writer was busy with a step, without the commit."""
        self.events = 0
        """Events removed by this one; a run that somebody else began has removed more."""
        self.done: Run | None = None
        """What the run has removed, once it is over."""

    def step(self) -> bool:
        """Remove a little; gives whether there is more to do.

        Raises:
            NotAloneError: Somebody else is at it, or has taken over because this one took a minute for a step.
        """
        begun = time.monotonic()
        if self._card is None:
            self._card = self._begin()
        elif self._unmerged:
            self._unmerged = self._store.write(self._merge)
        elif self._phases:
            if not self._phases[0]():
                self._phases.pop(0)
                self._bounds = None
        else:
            self.done = self._store.write(self._end)
        self.took_s = time.monotonic() - begun
        return self.done is None

    @property
    def result(self) -> Run:
        """What the run has removed.

        Raises:
            RuntimeError: It is not over.
        """
        if self.done is None:
            msg = "the run is not over"
            raise RuntimeError(msg)
        return self.done

    def give_up_in(self, connection: Connection) -> None:
        """Let somebody else go on with the run at once, within a transaction; nothing where it is not this one's."""
        h = tables.housekeeping
        connection.execute(update(h).where(h.c.holder == self._holder).values(holder="", held_until=0))

    def _begin(self) -> Retention:
        def change(connection: Connection) -> Retention:
            now, row = self._store.clock(), _row(connection, lock=True)
            if row.holder not in {"", self._holder} and row.held_until > to_micros(now):
                raise NotAloneError(row.holder)
            run = _to_run(row.run) or Run(now)
            self._keep(connection, now, holder=self._holder, run=_to_json(run))
            note_in(connection, now)
            return retention_in(connection)

        return self._store.write(change)

    def _end(self, connection: Connection) -> Run:
        """Tell of the run, unless it had nothing to do."""
        now, run = self._store.clock(), self._mine(connection)
        run = replace(run, ended=now)
        values: dict[str, Any] = {"run": None, "holder": "", "held_until": 0}
        if not run.idle:
            values["last_run"] = _to_json(run)
            after = {name: value for name in ("events", "deliveries", "entries") if (value := getattr(run, name))}
            record_deed(connection, now, WHO, WHAT, None, after)
        note_in(connection, now)
        connection.execute(update(tables.housekeeping).values(**values))
        return run

    def _by_age(self) -> bool:
        if self._bounds is None:
            with self._store.read() as connection:
                bounds = _by_age(connection, self._store.clock(), self._settings)
                if bounds is None:
                    return False
                self._set_out(connection, bounds)
        return self._events()

    def _by_size(self) -> bool:
        with self._store.read() as connection:
            left = _too_many(connection, self._settings, ENOUGH if self._bounds else 1)
            if not left:
                return False
            begins = self._bounds is None
            if begins:
                self._set_out(connection, Bounds.of(connection, self._store.clock(), KEPT_AT_LEAST, unseen=False))
            if begins or connection.dialect.name != "postgresql":
                self._left = left  # what a server tells is too rough to be asked at each step
        return bool(self._left) and self._events()

    def _set_out(self, connection: Connection, bounds: Bounds) -> None:
        first = connection.execute(select(func.min(tables.event.c.id))).scalar() or 1
        self._bounds, self._at, self._left = bounds, first - 1, None
        self._last = stale.last_old(connection, bounds)

    def _events(self) -> bool:
        """Remove some events; gives whether there are more."""
        bounds = self._bounds
        if bounds is None or self._at >= self._last:
            return False
        limit = self._limit if self._left is None else min(self._limit, self._left)
        with self._store.read() as connection:
            batch = stale.look(connection, bounds, self._at, min(self._at + STRETCH, self._last), limit)
        if not batch.ids and time.monotonic() - self._kept_at > RENEW_S:
            self._store.write(self._renew)
        if batch.ids:
            took_s, removed = self._store.write(lambda connection: self._remove(connection, bounds, batch))
            self.longest_s = max(self.longest_s, took_s)
            # As many as fit the time: a disk may be slow, and the server far away.
            count = max(len(batch.entries), len(batch.ids))
            self._limit = round(max(min(count * HOLD_S / max(took_s, 1e-6), 2 * self._limit, MOST), LEAST))
            self._left = None if self._left is None else self._left - removed
            self.events += removed
            self._unmerged = True
        self._at = batch.last
        return True

    def _remove(self, connection: Connection, bounds: Bounds, batch: Batch) -> tuple[float, int]:
        begun = time.perf_counter()
        run = self._mine(connection)
        events, deliveries = stale.remove_in(connection, bounds, batch)
        run = replace(run, events=run.events + events, deliveries=run.deliveries + deliveries)
        self._keep(connection, self._store.clock(), run=_to_json(run))
        return time.perf_counter() - begun, events

    def _audit(self) -> bool:
        if not self._settings.audit_days:
            return False
        now, a = self._store.clock(), tables.audit
        with self._store.read() as connection:
            ids = _old_entries(connection, now, self._settings, limit=ENTRIES)
        if not ids:
            return False

        def change(connection: Connection) -> None:
            run = self._mine(connection)
            gone = connection.execute(delete(a).where(among(connection, a.c.id, ids))).rowcount
            self._keep(connection, now, run=_to_json(replace(run, entries=run.entries + gone)))

        self._store.write(change)
        return len(ids) == ENTRIES

    def _moves(self) -> bool:
        """Forget moves of letters none of which is left: there is nothing to take back any more."""
        m, moved = tables.letter_move, tables.moved_letter
        empty = ~exists().where(moved.c.move_id == m.c.id)
        with self._store.read() as connection:
            ids = list(
                connection.execute(select(m.c.id).where(empty, m.c.until < self._store.clock() - LEASE)).scalars()
            )
        if ids:
            self._store.write(lambda connection: connection.execute(delete(m).where(m.c.id.in_(ids), empty)).rowcount)
        return False

    def _merge(self, connection: Connection) -> bool:
        """Put the search index in order, a little; gives whether there is more to do."""
        self._renew(connection)
        return search_index.merge_in(connection)

    @property
    def _settings(self) -> Retention:
        return self._card or Retention(0)

    def _mine(self, connection: Connection) -> Run:
        """The run under way, locked.

        Raises:
            NotAloneError: Somebody else has taken over.
        """
        row = _row(connection, lock=True)
        run = _to_run(row.run)
        if row.holder != self._holder or run is None:
            raise NotAloneError(row.holder)
        return run

    def _renew(self, connection: Connection) -> None:
        self._mine(connection)
        self._keep(connection, self._store.clock())

    def _keep(self, connection: Connection, now: datetime, **values: Any) -> None:
        self._kept_at = time.monotonic()
        connection.execute(update(tables.housekeeping).values(held_until=to_micros(now + LEASE), **values))


def _by_age(connection: Connection, now: datetime, card: Retention) -> Bounds | None:
    if not card.events_days:
        return None
    # Letters that were given up go by age also where nobody has acknowledged them: a desk that acknowledges none would
    # keep them all for ever, and after so long nobody is helped by them. A limit of size leaves them: that they go
    # before their time is nobody's wish.
    return Bounds.of(connection, now, timedelta(days=card.events_days), unseen=True)


def _too_many(connection: Connection, card: Retention, part: float = 1) -> int:
    """So many events too many the store has for its limit of size, by their share of it.

    0 where it keeps to the limit, or to a part of it.
    """
    limit = card.most_megabytes * MEGABYTE
    used = size_in(connection).used if limit else 0
    if used <= limit * part:
        return 0
    e, r = tables.event, tables.row_count
    events = connection.execute(select(func.sum(r.c.rows)).where(r.c.name == e.name)).scalar() or 0
    return max(int(int(events) * (used - limit * ENOUGH) / used), 1)


def _old_entries(connection: Connection, now: datetime, card: Retention, limit: int | None) -> list[int]:
    """Entries of the audit that are old, but for the newest; their ids rise with time."""
    a = tables.audit
    before = now - timedelta(days=card.audit_days)
    newest = select(func.max(a.c.id)).scalar_subquery()
    young = select(func.min(a.c.id)).where(a.c.at >= before).scalar_subquery()
    query = select(a.c.id).where(a.c.at < before, a.c.id < func.coalesce(young, newest), a.c.id != newest)
    return list(connection.execute(query.order_by(a.c.id).limit(limit)).scalars())


def _row(connection: Connection, *, lock: bool = False) -> Row[Any]:
    query = select(tables.housekeeping)
    return connection.execute(query.with_for_update() if lock else query).one()


def _to_run(values: dict[str, Any] | None) -> Run | None:
    if values is None:
        return None
    times = {name: datetime.fromisoformat(values[name]) for name in ("started", "ended") if values.get(name)}
    counts = {name: values.get(name, 0) for name in ("events", "deliveries", "entries")}
    return Run(times["started"], times.get("ended"), **counts)


def _to_json(run: Run) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(run).items()}
