"""The sender: claims due letters in batches, sends them over several connections at once, settles them in batches.

Faults of a connection open its circuit and count against no letter; the next connection by priority takes over.
Faults of a letter count as attempts. The time between a server's acceptance and the commit that records it is
capped by the settler, because a crash in it sends a letter twice.
"""

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from dispatch import traces
from dispatch.backoff import next_pause_s
from dispatch.channels.envelope import Envelope
from dispatch.channels.limit_words import RATE_LIMITED
from dispatch.channels.sessions import open_session
from dispatch.errors import ConnectionDownError, DispatchError, HeldUpError, PermanentError, TransientError
from dispatch.figures import Figures
from dispatch.hand import Hand
from dispatch.look import NO_ROOM, Room, Wanted, look_in
from dispatch.mailing import Mailing
from dispatch.membership import Membership
from dispatch.outgoing import Outgoing
from dispatch.recording import Offer, Recorded
from dispatch.routes import Route, Routes, Seat, Verdict
from dispatch.settler import SETTLE_EVERY_S, STORE_RETRY_S, Settler
from dispatch.throttle import Throttle
from dispatch.window import MOST
from store import message_ids, outbox
from store.cards import Sending
from store.engine import Store
from store.errors import SecretError, StoreUnreachableError
from store.limits import MOST_CONNECTIONS, Learned
from store.outbox import Claimed, Settlement
from store.sanitise import clean_line
from store.settings import connection_secret, secret_of
from store.vocabulary import DeliveryState, Transcripts

SESSIONS = MOST_CONNECTIONS
"""Workers: each holds a session of its own on a connection."""
URGENT_BATCH = 50
"""Letters that overtake the others in one claim, however many are in hand."""
PATIENCE_S, PATIENCE_STEP_S = 0.1, 0.002
"""How long the planner waits for the letters before: less than anybody notices, so that what has a slow mail server
before it is planned all the same, and overtakes where it is urgent."""
IDLE_POLL_S, DOZE_POLL_S = 0.2, 1.0
"""How often to look for letters that became due by the clock, and how often where there were none for a while; new ones
wake the sender."""
AWAKE_S = 5.0
"""How long a while that is."""
RELEASE_EVERY_S = 10.0
"""How often to look for letters another dispatcher held for a cause that is gone."""
IDLE_CLOSE_S = 60.0
"""A connection without letters for so long is closed, before the server does it."""
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


class Sender:
    """Sends what is due on one store, as one dispatcher.

    Attributes:
        tally: What it has done.
        figures: The same for a monitoring system: how long it took, and by connection.
        looked_at: When the store was last asked for letters, by the monotonic clock.

    Args:
        membership: The dispatcher, whose name its leases carry, and whose letters they are while it is fresh.
        stop: When set, letters in hand are finished and the rest is given back.
        wake: When set, there may be something new in the store.
    """

    def __init__(self, store: Store, membership: Membership, stop: asyncio.Event, wake: asyncio.Event) -> None:
        self.tally = Tally()
        self.figures = Figures()
        self.looked_at = time.monotonic()
        self._store = store
        self._membership = membership
        self._owner = membership.id
        self._stop = stop
        self._wake = wake
        self._outgoing: Outgoing | None = None
        self._mailing: Mailing | None = None
        self._routes = Routes()
        self._settler = Settler(store, self._routes, self.figures, self._go_on)
        self._throttle = Throttle()
        self._release_at = 0.0
        self._holding: set[str] | None = None
        self._hand = Hand()
        self._begun_as: dict[int, str] = {}
        self._begun: dict[int, Envelope] = {}
        self._held_up = False
        self._unsure = False
        self._asked_for = 0
        self._leaving = False

    @property
    def routes(self) -> Routes:
        """The connections in use."""
        return self._routes

    @property
    def held_back(self) -> str | None:
        """Why no letter at all may leave now, a word of `dispatch.outgoing`; `None` when letters may."""
        return None if self._outgoing is None else self._outgoing.hold_all(self._store.clock())

    @property
    def idle(self) -> bool:
        """Nothing claimed, nothing in hand, nothing to settle."""
        return self._hand.empty and self._settler.idle

    async def run(self) -> None:
        """Run until the stop event; ends with letters in hand finished and the rest given back."""
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._work(number)) for number in range(SESSIONS)]
            settler = group.create_task(self._settler.run())
            try:
                await self._feed_loop()
            finally:
                self._hand.drop()
                self._leaving = True
                self._hand.arrived.set()
                await asyncio.gather(*workers)
                self._settler.finish()
                await settler
        try:
            await asyncio.wrap_future(
                self._store.submit(lambda connection: outbox.give_back(connection, self._store.clock(), self._owner))
            )
        except StoreUnreachableError as error:
            _log.error("letters are not given back, another dispatcher will take them over: %s", error)

    def put_back(self, by: timedelta) -> None:
        """The clock was put back: no pause lasts longer for it."""
        self._routes.put_back(self._store.clock(), by)
        self._throttle.put_back(by)
        self._hand.arrived.set()

    async def _feed_loop(self) -> None:
        awake_until = time.monotonic() + AWAKE_S
        while not self._stop.is_set():
            claimed = await self._look(self._room())
            self._go_on()
            if claimed:
                self._hand.line_up(claimed)
                awake_until = time.monotonic() + AWAKE_S
                await asyncio.sleep(0)
            elif self._hand.waiting and self._hand.backlog:
                await self._wait(SETTLE_EVERY_S)
            else:
                await self._wait(IDLE_POLL_S if time.monotonic() < awake_until else DOZE_POLL_S)

    async def ready(self) -> None:
        """Wait a moment for room, while letters leave: what is planned then goes from hand to hand."""
        until = time.monotonic() + PATIENCE_S
        hand = self._hand
        while (hand.backlog or not hand.low) and hand.busy and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(PATIENCE_STEP_S)

    def offer(self, letters: int) -> Offer | None:
        """How many of so many new letters may come at once, without a claim: none while others wait in the store."""
        outgoing = self._outgoing
        if outgoing is None or self._hand.backlog or self._leaving or outgoing.hold_all(self._store.clock()):
            return None
        room = min(letters, self._room().letters)
        self._hand.offered = Offer(self._owner, outgoing.revision, room) if room else None
        return self._hand.offered

    def take(self, offer: Offer | None, recorded: Recorded | None) -> None:
        """Take what was handed over; where that is not known, what is ours in the store is looked for."""
        self._hand.offered = None
        self._unsure |= offer is not None and recorded is None
        if recorded is not None and recorded.handed:
            if offer is not None and offer.owner == self._owner and self._outgoing is not None and not self._leaving:
                self._throttle.took(len(recorded.handed), self._outgoing.sending, self._store.clock())
                self._hand.line_up(recorded.handed)
            else:
                self._unsure = True
        if recorded is None or recorded.waiting or self._unsure:
            self._hand.backlog = True
            self._wake.set()

    def _room(self) -> Room:
        """How many letters may come now."""
        hand, now = self._hand, self._store.clock()
        offered = hand.offered.letters if hand.offered else 0
        waiting, size = hand.waiting + offered, hand.size
        if self._outgoing is None or not self._may_begin() or waiting > size + URGENT_BATCH:
            return NO_ROOM
        self._routes.refresh(now)
        route = self._routes.pick(now)
        if any(one.circuit.state == "closed" for one in self._routes):
            room = self._throttle.left(self._outgoing.sending, now, MOST) - offered - self._asked_for
            if route is not None and route.limits.per_minute is not None:
                room = min(room, route.limits.room(now, room) - waiting - self._asked_for)
            # Not a few at a time, while half of what may be in hand is there.
            letters = min(room, size - waiting) if waiting <= size // 2 else 0
            return Room(max(0, letters), max(0, min(room, URGENT_BATCH)))
        # All connections are down: one letter tries the first that may be tried, the others wait for what it shows.
        idle = not waiting and not hand.busy
        return Room(1, 1) if idle and (not self._routes or route is not None) else NO_ROOM

    async def _look(self, room: Room) -> list[Claimed]:
        """Take new settings, hold, release, claim."""
        # A claim whose commit was not answered may be in the store all the same, and nobody would send its letters.
        # What is just being handed over is not known yet.
        owner, kept = self._owner, self._known() if self._unsure and self._hand.offered is None else None
        holding = None if time.monotonic() >= self._release_at else self._holding
        wanted = Wanted(room, owner, kept, self._outgoing, holding)
        self._asked_for = max(room.letters, room.urgent)
        try:
            look = await asyncio.wrap_future(
                self._store.submit(lambda connection: look_in(connection, self._store.clock(), wanted))
            )
        except StoreUnreachableError as error:
            _log.error("nothing can be claimed: %s", error)
            self._unsure = True
            self._asked_for = 0
            await asyncio.sleep(STORE_RETRY_S)
            return []
        self._asked_for = 0
        self._unsure &= kept is None
        if look.backlog is not None:
            self._hand.backlog = look.backlog
        self.looked_at = time.monotonic()
        if look.outgoing is not self._outgoing:
            self._use(look.outgoing, look.learned)
        if look.released is not None:
            self._holding, self._release_at = look.holding, time.monotonic() + RELEASE_EVERY_S
            self.tally.released += look.released
        self.tally.held += look.held
        self._throttle.took(len(look.claimed), look.outgoing.sending, self._store.clock())
        return look.claimed if owner == self._membership.id else []

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    def _known(self) -> set[int]:
        """Letters this dispatcher has claimed and not settled, as far as it knows."""
        return self._hand.ids | self._settler.unrecorded

    def _may_begin(self) -> bool:
        """Whether letters may be begun: they are ours for certain, and what becomes of them can be recorded."""
        if self._owner != self._membership.id:
            self._owner = self._membership.id
            self._hand.drop()  # they were taken over
        may = self._membership.fresh and not self._settler.stuck
        self._held_up |= not may
        return may

    def _go_on(self) -> None:
        """Let the workers go on that were held up, if they may."""
        if self._held_up and self._may_begin():
            self._held_up = False
            self._hand.arrived.set()

    def _may_end(self, number: int) -> bool:
        """Whether the letter a worker has begun may leave: it is still ours."""
        return self._begun_as.get(number) == self._membership.id and self._membership.fresh

    def _use(self, outgoing: Outgoing, learned: dict[int, Learned]) -> None:
        """Take new settings."""
        self._routes.use(outgoing.connections, learned, self._store.clock())
        self._mailing = Mailing(outgoing.sending, self._store.keyring.derive(message_ids.PURPOSE))
        self._outgoing = outgoing
        self._begun.clear()  # they are written as the settings were
        self._hand.arrived.set()

    async def _work(self, number: int) -> None:
        """One of the workers: a letter at a time, over sessions of its own."""
        try:
            while True:
                now = self._store.clock()
                route = self._routes.pick(now)
                free = route is None or route.has_room(number)
                if free and self._hand.has_for(number) and self._may_begin() and self._hand.has_for(number):
                    letter = self._hand.next_for(number)
                    if self._hand.backlog and self._hand.low:
                        self._wake.set()
                    self._begun_as[number] = self._owner
                    try:
                        await self._handle(letter, route, number, now)
                    finally:
                        self._hand.done(letter)
                        self._begun.pop(letter.id, None)
                    if route is not None and route.spent(number):
                        await route.leave(number)
                        self._hand.arrived.set()
                elif self._leaving:
                    return
                else:
                    if not free:
                        self._hand.leave_begun(number)
                    await self._await_letters(number)
        finally:
            await self._routes.give_up(number)

    def _look_ahead(self, route: Route, mailing: Mailing, number: int) -> Envelope | None:
        """The letter a worker sends next, whose transaction begins with the end of this one: a round trip less.

        Not where there are hardly more than workers: another one may be free sooner.
        """
        if self._hand.waiting <= SESSIONS or self._leaving or not route.may_go_on(number) or not self._outgoing:
            return None
        letter = self._hand.first()
        if self._outgoing.held(self._store.clock(), letter.recipient_address) is not None:
            return None
        try:
            envelope = self._begun[letter.id] = mailing.envelope(letter)
        except PermanentError:
            return None  # it is told when it is its turn
        self._hand.begin_first(number)
        route.seats[number].open_for = letter.id
        return envelope

    async def _await_letters(self, number: int) -> None:
        """Wait for letters, or for room on a connection that bears fewer sessions than there are workers."""
        self._hand.arrived.clear()
        try:
            # Not by `wait_for`: in Python 3.11 it begins to wait a little later, and the next worker may have
            # cleared the event by then.
            async with asyncio.timeout(IDLE_CLOSE_S if self._routes.holds(number) else None):
                await self._hand.arrived.wait()
        except TimeoutError:
            await self._routes.give_up(number)
            self._hand.arrived.set()

    async def _handle(self, letter: Claimed, route: Route | None, number: int, now: datetime) -> None:
        """Send a letter and record what became of it, or put it back in front."""
        owner = self._owner
        settlement = await self._send(letter, route, number, now)
        if settlement is not None:
            if traces.wanted():
                traces.attempted(letter, settlement)
            self._settler.record(settlement, owner)
        elif not self._leaving and owner == self._owner:
            self._hand.put_back(letter)

    async def _send(self, letter: Claimed, route: Route | None, number: int, now: datetime) -> Settlement | None:
        """Send a letter, if it may go; gives what is to be recorded, `None` when it goes again at once."""
        outgoing, mailing = self._outgoing, self._mailing
        if outgoing is None or mailing is None:
            return _waiting(letter, now, "")
        if (reason := outgoing.held(now, letter.recipient_address)) is not None:
            self.tally.held += 1
            return Settlement(letter.id, DeliveryState.HELD, now, letter.attempts, reason=reason, counted=False)
        if route is None:
            return _waiting(letter, self._routes.next_try(now), self._routes.waiting_for)
        if not route.limits.take(now):
            return _waiting(letter, route.limits.next_at(now), RATE_LIMITED)
        return await self._try(letter, route, mailing, number)

    async def _try(self, letter: Claimed, route: Route, mailing: Mailing, number: int) -> Settlement | None:
        """Try to send a letter. Nothing a letter does may end the dispatcher."""
        begun = self._begun.pop(letter.id, None)
        try:
            envelope = begun or mailing.envelope(letter)
            route.circuit.begin(self._store.clock())
            seat = route.seats.get(number)
            if seat is not None and seat.open_for not in {None, letter.id}:
                await route.leave(number)  # a transaction stands open there that this letter must not be added to
                seat = None
            seat = seat or await self._seat(route, number)
            seat.open_for = None
            asked_at = time.perf_counter()
            answer = await seat.session.send(envelope, partial(self._look_ahead, route, mailing, number))
            self.figures.took(time.perf_counter() - asked_at)
        except HeldUpError:
            await route.leave(number)
            return None
        except DispatchError as error:
            if begun is not None and error.error_class == "timeout":
                route.goes_on = False  # it may have lost what came with the end of the letter before
            return await self._refused(letter, route, number, error)
        except StoreUnreachableError as error:
            about = traces.of_letter(letter) | {"connection": route.card.name}
            _log.error("the secret of %s cannot be read: %s", route.card.name, error, extra={"about": about})
            return _waiting(letter, self._store.clock() + timedelta(seconds=STORE_RETRY_S), "")
        except Exception as error:  # noqa: BLE001 - whatever it is, the letters behind it must go on
            about = traces.of_letter(letter) | {"connection": route.card.name}
            _log.exception("delivery D%s cannot be sent", letter.id, extra={"about": about})
            await route.leave(number)
            fault = TransientError(clean_line(f"{type(error).__name__}: {error}"), error_class="internal")
            return self._failed(letter, route, fault)
        now = self._store.clock()
        route.accepted(seat, now)
        self.tally.sent += 1
        self.figures.arrived(letter, now)
        said = seat.session.transcript() if mailing.transcripts is Transcripts.ALL else ""
        return Settlement(
            letter.id, DeliveryState.SENT, now, letter.attempts + 1, route.card.name, 250, answer, transcript=said
        )

    async def _seat(self, route: Route, number: int) -> Seat:
        """Open a session for a worker, which holds a place among those the server bears from now on."""
        with route.coming(number):
            if self._routes.any_retired:
                await self._routes.give_up(number, retired=True)
            try:
                secret = await asyncio.to_thread(connection_secret, self._store, route.card.id, secret_of(route.card))
            except SecretError as error:
                raise ConnectionDownError(str(error), error_class="secret") from error
            seat = route.seats[number] = Seat(open_session(route.card, secret, partial(self._may_end, number)))
        try:
            await seat.session.connect()
            route.connected(seat, self._store.clock())
        finally:
            self._hand.arrived.set()  # others may have waited to see whether it would
        if not self._may_end(number):
            raise HeldUpError
        return seat

    async def _refused(self, letter: Claimed, route: Route, number: int, error: DispatchError) -> Settlement | None:
        """A refusal or a failure: what it means for the letter is the route's to say."""
        now = self._store.clock()
        verdict = route.judge(number, error, now)
        if verdict is Verdict.AGAIN or isinstance(error, ConnectionDownError):
            await route.leave(number)
        self._hand.arrived.set()
        if verdict is Verdict.AGAIN:
            return None
        self.tally.connection_faults += isinstance(error, ConnectionDownError)
        if verdict is Verdict.LETTER:
            return self._failed(letter, route, error)
        again = now if self._routes.pick(now) is not None else self._routes.next_try(now)
        return Settlement(
            letter.id, DeliveryState.PENDING, again, letter.attempts, route.card.name, error.code, error.answer,
            error.error_class, self._routes.waiting_for, counted=False, transcript=self._kept(error),
        )  # fmt: skip

    def _failed(self, letter: Claimed, route: Route, error: DispatchError) -> Settlement:
        """An attempt that counts: again after a pause, or never."""
        now = self._store.clock()
        sending = self._outgoing.sending if self._outgoing else Sending()
        attempts = letter.attempts + 1
        self.tally.failed += 1
        final = isinstance(error, PermanentError) or attempts >= sending.max_attempts
        self.tally.dead += final
        pause = next_pause_s(attempts, sending.pause_s, retry_after_s=error.retry_after_s, random=random.random)
        return Settlement(
            letter.id, DeliveryState.DEAD if final else DeliveryState.PENDING, now + timedelta(seconds=pause), attempts,
            route.card.name, error.code, error.answer, error.error_class, transcript=self._kept(error),
        )  # fmt: skip

    def _kept(self, error: DispatchError) -> str:
        """What is kept of what was said."""
        none = self._mailing is not None and self._mailing.transcripts is Transcripts.NONE
        return "" if none else error.transcript


def _waiting(letter: Claimed, again: datetime, reason: str) -> Settlement:
    """Back to the others, untried."""
    return Settlement(letter.id, DeliveryState.PENDING, again, letter.attempts, reason=reason, counted=False)
