"""The sender: claims due letters in batches, sends them over several connections at once, settles them in batches.

Faults of a connection open its circuit and count against no letter; the next connection by priority takes over.
Faults of a letter count as attempts. The time between a server's acceptance and the commit that records it is
capped by the settler, because a crash in it sends a letter twice.
"""

import asyncio
import logging
import random
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from dispatch.backoff import next_pause_s
from dispatch.channels.smtp import SmtpSession
from dispatch.circuit import Circuit
from dispatch.errors import ConnectionDownError, MessageError, PermanentError
from dispatch.mailing import Mailing
from dispatch.outgoing import HOLD_SILENT, Outgoing, hold_and_release
from store import message_ids, outbox
from store.audit import revision_in
from store.cards import MailConnection
from store.engine import Store
from store.errors import StoreUnreachableError
from store.outbox import Claimed, Settlement
from store.settings import connection_secret
from store.status import save_health
from store.vocabulary import DeliveryState

SESSIONS = 4
"""Connections to one server at once."""
BATCH = 300
"""Letters in one claim."""
LOW_WATER = 150
"""Letters in hand below which the next batch is claimed."""
LEASE = timedelta(minutes=10)
LEASE_MARGIN = timedelta(minutes=3)
"""A letter is not begun with less of its lease left: every step of it timing out would outlast the lease."""
SETTLE_EVERY_S = 0.02
STORE_RETRY_S = 1.0
"""Pause after the store could not be written."""
LAST_TRIES = 10
"""Tries to record what was sent, when leaving."""
IDLE_POLL_S = 0.1
AMBIGUOUS = "lost"
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
    """A connection in use: its circuit and the sessions that are open over it."""

    card: MailConnection
    circuit: Circuit
    sessions: list[SmtpSession] = field(default_factory=list[SmtpSession])
    shown: tuple[str, datetime | None] = ("", None)


class Sender:
    """Sends what is due on one store, as one dispatcher."""

    def __init__(self, store: Store, owner: str, stop: asyncio.Event, wake: asyncio.Event) -> None:
        self.tally = Tally()
        self._store = store
        self._owner = owner
        self._stop = stop
        self._wake = wake
        self._outgoing: Outgoing | None = None
        self._mailing: Mailing | None = None
        self._routes: list[_Route] = []
        self._queue: deque[Claimed] = deque()
        self._arrived = asyncio.Event()
        self._done: list[Settlement] = []
        self._in_hand = 0
        self._flushing = 0
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
                self._arrived.set()
                await asyncio.gather(*workers)
                self._finished = True
                await settler
        for route in self._routes:
            for session in route.sessions:
                await session.close()
        await asyncio.wrap_future(
            self._store.submit(lambda connection: outbox.give_back(connection, self._store.clock(), self._owner))
        )

    async def _feed_loop(self) -> None:
        next_batch_at = 0.0
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            claimed: list[Claimed] = []
            if len(self._queue) <= LOW_WATER and loop.time() >= next_batch_at and self._usable() is not False:
                claimed = await self._claim()
            if claimed:
                self._queue.extend(claimed)
                self._arrived.set()
                sending = self._outgoing.sending if self._outgoing else None
                if sending and sending.batch_size and sending.batch_interval_s:
                    next_batch_at = loop.time() + sending.batch_interval_s
                await asyncio.sleep(0)
                continue
            await self._wait(SETTLE_EVERY_S if self._queue else IDLE_POLL_S)

    async def _claim(self) -> list[Claimed]:
        try:
            return await asyncio.wrap_future(self._store.submit(self._claim_in))
        except StoreUnreachableError as error:
            _log.error("nothing can be claimed: %s", error)
            await asyncio.sleep(STORE_RETRY_S)
            return []

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return
        self._wake.clear()

    def _usable(self) -> bool | None:
        """Whether a connection may be tried now; `None` while the settings are unread."""
        if self._outgoing is None or not self._routes:
            return None
        now = self._store.clock()
        return any(route.circuit.may_try(now) for route in self._routes)

    def _claim_in(self, connection: Connection) -> list[Claimed]:
        """Runs on the writer thread."""
        now = self._store.clock()
        if self._outgoing is None or self._outgoing.revision != revision_in(connection):
            self._use(Outgoing.read(connection))
        outgoing = self._outgoing
        assert outgoing is not None  # noqa: S101
        held, released = hold_and_release(connection, now, outgoing)
        self.tally.held += held
        self.tally.released += released
        if outgoing.hold_all(now):
            return []
        limit = min(BATCH, outgoing.sending.batch_size or BATCH)
        claimed = outbox.claim(connection, now, now + LEASE, self._owner, limit)
        if not outgoing.silent_now(now):
            return claimed
        kept = [letter for letter in claimed if outgoing.excepted(letter.recipient_address)]
        silenced = [letter for letter in claimed if not outgoing.excepted(letter.recipient_address)]
        outbox.settle(
            connection,
            now,
            self._owner,
            [
                Settlement(s.id, DeliveryState.HELD, now, s.attempts, reason=HOLD_SILENT, counted=False)
                for s in silenced
            ],
        )
        self.tally.held += len(silenced)
        return kept

    def _use(self, outgoing: Outgoing) -> None:
        """Take new settings: routes whose connection is unchanged keep their circuit and sessions."""
        old = {route.card: route for route in self._routes}
        self._routes = [old.pop(card, None) or _Route(card, Circuit()) for card in outgoing.connections]
        self._outgoing = outgoing
        self._mailing = Mailing(outgoing.sending, self._store.keyring.derive(message_ids.PURPOSE))

    def _pick(self) -> _Route | None:
        now = self._store.clock()
        return next((route for route in self._routes if route.circuit.may_try(now)), None)

    async def _work(self) -> None:
        """One of the workers: a letter at a time, over a session of its own."""
        sessions: dict[int, tuple[_Route, SmtpSession]] = {}
        while True:
            if not self._queue:
                if self._stop.is_set():
                    break
                self._arrived.clear()
                await self._arrived.wait()
                continue
            letter = self._queue.popleft()
            self._in_hand += 1
            try:
                await self._send(letter, sessions)
            finally:
                self._in_hand -= 1

    async def _send(self, letter: Claimed, sessions: dict[int, tuple[_Route, SmtpSession]]) -> None:
        route, mailing = self._pick(), self._mailing
        now = self._store.clock()
        if now > letter.lease_until - LEASE_MARGIN:
            self._done.append(Settlement(letter.id, DeliveryState.PENDING, now, letter.attempts, counted=False))
            return
        if route is None or mailing is None:
            self._done.append(self._postponed(letter, now))
            return
        try:
            envelope = mailing.envelope(letter)
        except MessageError as error:
            self._done.append(self._refused(letter, route, error))
            return
        route.circuit.begin(now)
        try:
            session = await self._session(route, sessions)
            answer = await session.send(envelope)
        except ConnectionDownError as error:
            self._done.append(await self._connection_down(letter, route, error))
        except MessageError as error:
            route.circuit.succeeded()
            self._done.append(self._refused(letter, route, error))
        else:
            self._accepted(letter, route, answer)

    async def _session(self, route: _Route, sessions: dict[int, tuple[_Route, SmtpSession]]) -> SmtpSession:
        found = sessions.get(route.card.id)
        if found is not None and found[0] is route:
            return found[1]
        if found is not None:
            await found[1].close()
        secret = await asyncio.to_thread(connection_secret, self._store, route.card.id, "password")
        session = SmtpSession(route.card, secret)
        route.sessions.append(session)
        sessions[route.card.id] = (route, session)
        return session

    def _accepted(self, letter: Claimed, route: _Route, answer: str) -> None:
        now = self._store.clock()
        route.circuit.succeeded()
        self.tally.sent += 1
        self._done.append(
            Settlement(letter.id, DeliveryState.SENT, now, letter.attempts + 1, route.card.name, 250, answer)
        )

    def _postponed(self, letter: Claimed, now: datetime) -> Settlement:
        """No connection may be tried: back to waiting until one may."""
        times = [route.circuit.retry_at for route in self._routes if route.circuit.retry_at is not None]
        again = min(times, default=now + timedelta(seconds=1))
        return Settlement(
            letter.id, DeliveryState.PENDING, max(again, now), letter.attempts, reason="connection_down", counted=False
        )

    async def _connection_down(self, letter: Claimed, route: _Route, error: ConnectionDownError) -> Settlement:
        now = self._store.clock()
        route.circuit.failed(now, error)
        self.tally.connection_faults += 1
        again = now if self._pick() is not None else (route.circuit.retry_at or now)
        return Settlement(
            letter.id, DeliveryState.PENDING, again, letter.attempts, route.card.name, error.code, error.answer,
            error.error_class, "connection_down", counted=error.error_class == AMBIGUOUS,
        )  # fmt: skip

    def _refused(self, letter: Claimed, route: _Route, error: MessageError) -> Settlement:
        now = self._store.clock()
        sending = self._outgoing.sending if self._outgoing else None
        attempts = letter.attempts + 1
        self.tally.failed += 1
        given_up = isinstance(error, PermanentError) or (sending is not None and attempts >= sending.max_attempts)
        if given_up:
            self.tally.dead += 1
        pause = next_pause_s(
            attempts, sending.pause_s if sending else 120, retry_after_s=error.retry_after_s, random=random.random
        )
        state = DeliveryState.DEAD if given_up else DeliveryState.PENDING
        return Settlement(
            letter.id, state, now + timedelta(seconds=pause), attempts,
            route.card.name, error.code, error.answer, error.error_class,
        )  # fmt: skip

    async def _settle_loop(self) -> None:
        tries = 0
        while not self._finished or (self._done and tries < LAST_TRIES):
            await asyncio.sleep(SETTLE_EVERY_S)
            tries += self._finished
            try:
                await self._flush()
            except StoreUnreachableError as error:
                _log.error("what was sent cannot be recorded yet: %s", error)
                await asyncio.sleep(STORE_RETRY_S)

    async def _flush(self) -> None:
        done, self._done = self._done, []
        health = [route for route in self._routes if route.shown != (route.circuit.state, route.circuit.retry_at)]
        if not done and not health:
            return
        sent_by = {s.connection for s in done if s.state is DeliveryState.SENT}
        self._flushing += 1

        def write(connection: Connection) -> None:
            now = self._store.clock()
            outbox.settle(connection, now, self._owner, done)
            for route in self._routes:
                values: dict[str, object] = {}
                if route in health:
                    values = route.circuit.health()
                if route.card.name in sent_by:
                    values["last_sent_at"] = now
                if values:
                    save_health(connection, route.card.id, **values)

        try:
            await asyncio.wrap_future(self._store.submit(write))
        except StoreUnreachableError:
            # What a server accepted must be recorded, or it is sent twice: kept for the next round.
            self._done[:0] = done
            raise
        else:
            for route in health:
                route.shown = (route.circuit.state, route.circuit.retry_at)
        finally:
            self._flushing -= 1
