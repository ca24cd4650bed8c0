"""The sender: claims due letters in batches, sends them over several connections at once, settles them in batches.

Faults of a connection open its circuit and count against no letter; the next connection by priority takes over.
Faults of a letter count as attempts. The time between a server's acceptance and the commit that records it is
capped by the settler, because a crash in it sends a letter twice.
"""

import asyncio
import logging
import random
import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from dispatch.backoff import next_pause_s
from dispatch.channels.sessions import Session, open_session
from dispatch.circuit import Circuit
from dispatch.errors import ConnectionDownError, DispatchError, MessageError, PermanentError, TransientError
from dispatch.mailing import Mailing
from dispatch.outgoing import Outgoing, hold, release
from dispatch.throttle import Throttle
from store import message_ids, outbox
from store.audit import revision_in
from store.cards import MailConnection, Sending
from store.engine import Store
from store.errors import SecretError, StoreUnreachableError
from store.outbox import Claimed, Settlement
from store.sanitise import clean_line
from store.settings import connection_secret, secret_of
from store.status import save_health
from store.vocabulary import DeliveryState

SESSIONS = 4
"""Connections to one server at once."""
BATCH = 300
"""Letters in one claim."""
LOW_WATER = 150
"""Letters in hand below which the next batch is claimed."""
LEASE = timedelta(minutes=10)
LEASE_MARGIN = 0.3
"""A letter is not begun with less of its lease left: every step of it timing out would outlast the lease."""
SETTLE_EVERY_S = 0.02
"""A crash between acceptance and its record sends a letter twice: this caps how many."""
STORE_RETRY_S = 1.0
"""Pause after the store could not be written."""
LAST_TRIES = 10
"""Tries to record what was sent, when leaving."""
IDLE_POLL_S = 0.2
"""How often to look for letters that became due by the clock; new ones wake the sender."""
RELEASE_EVERY_S = 10.0
"""How often to look for letters another dispatcher held for a cause that is gone."""
IDLE_CLOSE_S = 60.0
"""A connection without letters for so long is closed, before the server does it."""
CONNECTION_DOWN = "connection_down"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Tally:
    """What a sender has done since it started."""

    sent: int = 0
    failed: int = 0
    dead: int = 0
    held: int = 0
    released: int = 0
    connection_faults: int = 0


@dataclass(slots=True)
class _Route:
    """A connection in use, its circuit, and what was last written of its health."""

    card: MailConnection
    circuit: Circuit
    shown: tuple[str, datetime | None] = ("", None)
    sent_at: datetime | None = None

    def news(self, now: datetime, *, sent: bool) -> tuple[int, dict[str, object]] | None:
        """What is to be written of its health; `last_sent_at` once a second is enough."""
        values: dict[str, object] = {}
        if self.shown != (self.circuit.state, self.circuit.retry_at):
            self.shown = (self.circuit.state, self.circuit.retry_at)
            values = self.circuit.health()
        if sent and (self.sent_at is None or now - self.sent_at >= timedelta(seconds=1)):
            self.sent_at = values["last_sent_at"] = now
        return (self.card.id, values) if values else None


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at the store brought; `released` is `None` when there was no cause to look for such."""

    outgoing: Outgoing
    holding: set[str]
    held: int
    released: int | None
    claimed: list[Claimed]


class Sender:
    """Sends what is due on one store, as one dispatcher.

    Args:
        owner: The dispatcher's id, which its leases carry.
        stop: When set, letters in hand are finished and the rest is given back.
        wake: When set, there may be something new in the store.
        lease: How long a claimed letter belongs to this dispatcher; after a crash it waits as long.
    """

    def __init__(
        self, store: Store, owner: str, stop: asyncio.Event, wake: asyncio.Event, *, lease: timedelta = LEASE
    ) -> None:
        self.tally = Tally()
        self._store = store
        self._owner = owner
        self._stop = stop
        self._wake = wake
        self._lease = lease
        self._outgoing: Outgoing | None = None
        self._mailing: Mailing | None = None
        self._routes: list[_Route] = []
        self._throttle = Throttle()
        self._release_at = 0.0
        self._holding: set[str] | None = None
        self._queue: deque[Claimed] = deque()
        self._arrived = asyncio.Event()
        self._done: list[Settlement] = []
        self._outcome = asyncio.Event()
        self._in_hand = 0
        self._flushing = 0
        self._leaving = False
        self._finished = False

    @property
    def idle(self) -> bool:
        """Nothing claimed, nothing in hand, nothing to settle."""
        return not self._queue and not self._in_hand and not self._done and not self._flushing

    async def run(self) -> None:
        """Run until the stop event; ends with letters in hand finished and the rest given back."""
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._work()) for _ in range(SESSIONS)]
            settler = group.create_task(self._settle_loop())
            try:
                await self._feed_loop()
            finally:
                self._queue.clear()
                self._leaving = True
                self._arrived.set()
                await asyncio.gather(*workers)
                self._finished = True
                self._outcome.set()
                await settler
        await asyncio.wrap_future(
            self._store.submit(lambda connection: outbox.give_back(connection, self._store.clock(), self._owner))
        )

    async def _feed_loop(self) -> None:
        while not self._stop.is_set():
            claimed = await self._look(self._room())
            if claimed:
                self._queue.extend(claimed)
                self._arrived.set()
                await asyncio.sleep(0)
            else:
                await self._wait(SETTLE_EVERY_S if self._queue else IDLE_POLL_S)

    def _room(self) -> int:
        """How many letters may be claimed now."""
        now = self._store.clock()
        if self._outgoing is None or len(self._queue) > LOW_WATER:
            return 0
        if any(route.circuit.state == "closed" for route in self._routes):
            return self._throttle.left(self._outgoing.sending, now, BATCH)
        # All connections are down: one letter tries the first that may be tried, the others wait for what it shows.
        idle = not self._queue and not self._in_hand
        return 1 if idle and (not self._routes or self._pick(now) is not None) else 0

    async def _look(self, room: int) -> list[Claimed]:
        """Take new settings, hold, release, claim."""
        try:
            look = await asyncio.wrap_future(self._store.submit(lambda connection: self._look_in(connection, room)))
        except StoreUnreachableError as error:
            _log.error("nothing can be claimed: %s", error)
            await asyncio.sleep(STORE_RETRY_S)
            return []
        if look.outgoing is not self._outgoing:
            self._use(look.outgoing)
        if look.released is not None:
            self._holding, self._release_at = look.holding, time.monotonic() + RELEASE_EVERY_S
            self.tally.released += look.released
        self.tally.held += look.held
        self._throttle.took(len(look.claimed), look.outgoing.sending, self._store.clock())
        return look.claimed

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return
        self._wake.clear()

    def _look_in(self, connection: Connection, room: int) -> _Look:
        """Runs on the writer thread, perhaps twice, so it changes nothing but the store."""
        now, outgoing = self._store.clock(), self._outgoing
        if outgoing is None or outgoing.revision != revision_in(connection):
            outgoing = Outgoing.read(connection)
            if self._outgoing is not None and self._outgoing.connections != outgoing.connections:
                # Whoever mends a connection wants to see it work, not to wait out the pause of the broken one.
                outbox.hurry(connection, now, CONNECTION_DOWN)
        holding = outgoing.holding(now)
        again = holding != self._holding or time.monotonic() >= self._release_at
        released = release(connection, now, outgoing) if again else None
        held = hold(connection, now, outgoing)
        may_go = room and not outgoing.hold_all(now)
        claimed = outbox.claim(connection, now, now + self._lease, self._owner, room) if may_go else []
        return _Look(outgoing, holding, held, released, claimed)

    def _use(self, outgoing: Outgoing) -> None:
        """Take new settings: routes whose connection is unchanged keep their circuit and sessions."""
        old = {route.card: route for route in self._routes}
        self._routes = [old.pop(card, None) or _Route(card, Circuit()) for card in outgoing.connections]
        self._mailing = Mailing(outgoing.sending, self._store.keyring.derive(message_ids.PURPOSE))
        self._outgoing = outgoing

    def _pick(self, now: datetime) -> _Route | None:
        return next((route for route in self._routes if route.circuit.may_try(now)), None)

    async def _work(self) -> None:
        """One of the workers: a letter at a time, over sessions of its own."""
        sessions: dict[int, tuple[_Route, Session]] = {}
        try:
            while True:
                if self._queue:
                    letter = self._queue.popleft()
                    self._in_hand += 1
                    try:
                        self._record(await self._send(letter, sessions))
                    finally:
                        self._in_hand -= 1
                elif self._leaving:
                    return
                else:
                    await self._await_letters(sessions)
        finally:
            for _, session in sessions.values():
                await session.close()

    async def _await_letters(self, sessions: dict[int, tuple[_Route, Session]]) -> None:
        self._arrived.clear()
        try:
            await asyncio.wait_for(self._arrived.wait(), IDLE_CLOSE_S if sessions else None)
        except TimeoutError:
            while sessions:
                await sessions.popitem()[1][1].close()

    def _record(self, settlement: Settlement) -> None:
        self._done.append(settlement)
        self._outcome.set()

    async def _send(self, letter: Claimed, sessions: dict[int, tuple[_Route, Session]]) -> Settlement:
        """Send a letter, if it may go; gives what is to be recorded."""
        now = self._store.clock()
        outgoing, mailing, route = self._outgoing, self._mailing, self._pick(now)
        if outgoing is None or mailing is None or now > letter.lease_until - self._lease * LEASE_MARGIN:
            return _waiting(letter, now, "")
        if (reason := outgoing.held(now, letter.recipient_address)) is not None:
            self.tally.held += 1
            return Settlement(letter.id, DeliveryState.HELD, now, letter.attempts, reason=reason, counted=False)
        if route is None:
            return _waiting(letter, self._next_try(now), CONNECTION_DOWN)
        return await self._try(letter, route, mailing, sessions)

    async def _try(
        self, letter: Claimed, route: _Route, mailing: Mailing, sessions: dict[int, tuple[_Route, Session]]
    ) -> Settlement:
        """Try to send a letter. Nothing a letter does may end the dispatcher."""
        try:
            envelope = mailing.envelope(letter)
            route.circuit.begin(self._store.clock())
            answer = await (await self._session(route, sessions)).send(envelope)
        except ConnectionDownError as error:
            return self._connection_down(letter, route, error)
        except MessageError as error:
            if error.code is not None:
                route.circuit.succeeded()
            return self._failed(letter, route, error, final=isinstance(error, PermanentError))
        except StoreUnreachableError as error:
            _log.error("the secret of %s cannot be read: %s", route.card.name, error)
            return _waiting(letter, self._store.clock() + timedelta(seconds=STORE_RETRY_S), "")
        except Exception as error:  # noqa: BLE001 - whatever it is, the letters behind it must go on
            _log.exception("delivery D%s cannot be sent", letter.id)
            fault = TransientError(clean_line(f"{type(error).__name__}: {error}"), error_class="internal")
            return self._failed(letter, route, fault, final=False)
        route.circuit.succeeded()
        self.tally.sent += 1
        return Settlement(
            letter.id, DeliveryState.SENT, self._store.clock(), letter.attempts + 1, route.card.name, 250, answer
        )

    async def _session(self, route: _Route, sessions: dict[int, tuple[_Route, Session]]) -> Session:
        found = sessions.get(route.card.id)
        if found is not None and found[0] is route:
            return found[1]
        for key in [key for key, (other, _) in sessions.items() if other not in self._routes]:
            await sessions.pop(key)[1].close()
        try:
            secret = await asyncio.to_thread(connection_secret, self._store, route.card.id, secret_of(route.card))
        except SecretError as error:
            raise ConnectionDownError(str(error), error_class="secret") from error
        session = open_session(route.card, secret)
        sessions[route.card.id] = (route, session)
        return session

    def _next_try(self, now: datetime) -> datetime:
        """When a connection may be tried again."""
        times = [route.circuit.retry_at for route in self._routes if route.circuit.retry_at is not None]
        return max(now, min(times, default=now + timedelta(seconds=1)))

    def _connection_down(self, letter: Claimed, route: _Route, error: ConnectionDownError) -> Settlement:
        now = self._store.clock()
        route.circuit.failed(now, error)
        self.tally.connection_faults += 1
        if error.in_doubt:
            # It may be this very letter that the server cannot bear, so it counts, and is not the first to go again.
            return self._failed(letter, route, error, final=False)
        again = now if self._pick(now) is not None else self._next_try(now)
        return Settlement(
            letter.id, DeliveryState.PENDING, again, letter.attempts, route.card.name, error.code, error.answer,
            error.error_class, CONNECTION_DOWN, counted=False,
        )  # fmt: skip

    def _failed(self, letter: Claimed, route: _Route, error: DispatchError, *, final: bool) -> Settlement:
        """An attempt that counts: again after a pause, or never."""
        now = self._store.clock()
        sending = self._outgoing.sending if self._outgoing else Sending()
        attempts = letter.attempts + 1
        self.tally.failed += 1
        state = DeliveryState.DEAD if final or attempts >= sending.max_attempts else DeliveryState.PENDING
        self.tally.dead += state is DeliveryState.DEAD
        pause = next_pause_s(attempts, sending.pause_s, retry_after_s=error.retry_after_s, random=random.random)
        return Settlement(
            letter.id, state, now + timedelta(seconds=pause), attempts,
            route.card.name, error.code, error.answer, error.error_class,
        )  # fmt: skip

    async def _settle_loop(self) -> None:
        tries = 0
        while not self._finished or (self._done and tries < LAST_TRIES):
            await self._outcome.wait()
            if not self._finished:
                self._outcome.clear()
            await asyncio.sleep(SETTLE_EVERY_S)
            tries += self._finished
            try:
                await self._flush()
            except StoreUnreachableError as error:
                _log.error("what was sent cannot be recorded yet: %s", error)
                self._outcome.set()
                await asyncio.sleep(STORE_RETRY_S)

    async def _flush(self) -> None:
        done, self._done = self._done, []
        if not done:
            return
        self._flushing += 1
        now, sent_by = self._store.clock(), {s.connection for s in done if s.state is DeliveryState.SENT}
        health = [values for route in self._routes if (values := route.news(now, sent=route.card.name in sent_by))]

        def write(connection: Connection) -> None:
            outbox.settle(connection, now, self._owner, done)
            for key, values in health:
                save_health(connection, key, **values)

        try:
            await asyncio.wrap_future(self._store.submit(write))
        except StoreUnreachableError:
            # What a server accepted must be recorded, or it is sent twice: kept for the next round.
            self._done[:0] = done
            for route in self._routes:
                route.shown = ("", None)
            raise
        finally:
            self._flushing -= 1


def _waiting(letter: Claimed, again: datetime, reason: str) -> Settlement:
    """Back to the others, untried."""
    return Settlement(letter.id, DeliveryState.PENDING, again, letter.attempts, reason=reason, counted=False)
