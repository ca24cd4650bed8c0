"""The workers: each takes letters from the hand, one at a time, and sends them over a session of its own.

Faults of a connection open its circuit and count against no letter; the next connection by priority takes over.
Faults of a letter count as attempts.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from dispatch import traces
from dispatch.backoff import next_pause_s
from dispatch.channels.envelope import Envelope
from dispatch.channels.limit_words import RATE_LIMITED
from dispatch.channels.sessions import Together, open_session
from dispatch.errors import ConnectionDownError, DispatchError, HeldUpError, PermanentError, TransientError
from dispatch.figures import Figures, Tally
from dispatch.hand import Hand
from dispatch.mailing import Mailing
from dispatch.membership import Membership
from dispatch.outgoing import Outgoing
from dispatch.routes import Route, Routes, Seat, Verdict
from dispatch.settler import STORE_RETRY_S, Settler
from store import message_ids
from store.cards import Sending
from store.engine import Store
from store.errors import SecretError, StoreUnreachableError
from store.limits import MOST_CONNECTIONS
from store.outbox import Claimed, Settlement
from store.sanitise import clean_line
from store.settings import connection_secret, secret_of
from store.vocabulary import DeliveryState, Transcripts

SESSIONS = MOST_CONNECTIONS
"""Workers: each holds a session of its own on a connection."""
TOGETHER_BYTES = 64 * 1024
"""Letters that leave together are no larger in all, unless one is by itself."""
MOMENT_S = 0.005
"""A moment: less than it takes to plan and to record a letter."""
IDLE_CLOSE_S = 60.0
"""A connection without letters for so long is closed, before the server does it."""
_log = logging.getLogger(__name__)


class Workers:
    """The workers of one dispatcher, and what they share.

    Attributes:
        hand: The letters it has leased, from which they are taken.
        routes: The connections in use.
        settler: Records what becomes of letters.
        tally: What they have done.
        figures: The same for a monitoring system.
        owner: The name under which the letters in hand are leased.
        outgoing: The settings they go by; `None` before the first are known.
        leaving: Whether no further letter is begun.

    Args:
        membership: The dispatcher, whose letters they are while it is fresh.
        wake: Is set when there is room for more letters, while some wait in the store.
    """

    def __init__(self, store: Store, membership: Membership, wake: asyncio.Event) -> None:
        self.hand = Hand()
        self.routes = Routes()
        self.tally = Tally()
        self.figures = Figures()
        self.settler = Settler(store, self.routes, self.figures, self.go_on)
        self.owner = membership.id
        self.outgoing: Outgoing | None = None
        self.leaving = False
        self._store = store
        self._membership = membership
        self._wake = wake
        self._mailing: Mailing | None = None
        self._begun_as: dict[int, str] = {}
        self._begun: dict[int, Envelope] = {}
        self._held_up = False

    def use(self, outgoing: Outgoing) -> None:
        """Go by new settings."""
        self._mailing = Mailing(outgoing.sending, self._store.keyring.derive(message_ids.PURPOSE))
        self.outgoing = outgoing
        self._begun.clear()  # they are written as the settings were
        self.hand.arrived.set()

    def leave(self) -> None:
        """Begin no further letter; each worker ends when it has done with its own."""
        self.hand.drop()
        self.leaving = True
        self.hand.arrived.set()

    def may_begin(self) -> bool:
        """Whether letters may be begun: they are ours for certain, and what becomes of them can be recorded."""
        if self.owner != self._membership.id:
            self.owner = self._membership.id
            self.hand.drop()  # they were taken over
        may = self._membership.fresh and not self.settler.stuck
        self._held_up |= not may
        return may

    def go_on(self) -> None:
        """Let the workers go on that were held up, if they may."""
        if self._held_up and self.may_begin():
            self._held_up = False
            self.hand.arrived.set()

    async def work(self, number: int) -> None:
        """One of the workers: a letter at a time, over sessions of its own."""
        try:
            while True:
                now = self._store.clock()
                route = self.routes.pick(now)
                free = route is None or route.has_room(number)
                if free and self.hand.has_for(number) and self.may_begin() and self.hand.has_for(number):
                    letter = self.hand.next_for(number)
                    if self.hand.backlog and self.hand.low:
                        self._wake.set()
                    self._begun_as[number] = self.owner
                    await self._handle(letter, route, number, now)
                    if route is not None and route.spent(number):
                        await route.leave(number)
                        self.hand.arrived.set()
                elif self.leaving:
                    return
                else:
                    if not free:
                        self.hand.leave_begun(number)
                    await self._await_letters(number)
        finally:
            await self.routes.give_up(number)

    def _look_ahead(self, route: Route, mailing: Mailing, number: int) -> Envelope | None:
        """The letter a worker sends next, whose transaction begins with the end of this one: a round trip less.

        Not where there are hardly more than workers: another one may be free sooner.
        """
        if self.hand.waiting <= SESSIONS or self.leaving or not route.may_go_on(number):
            return None
        if self._together(route, number):
            return None
        envelope = self._envelope_of_first(mailing)
        if envelope is not None:
            letter = self.hand.first()
            self._begun[letter.id] = envelope
            self.hand.begin_first(number)
            route.seats[number].open_for = letter.id
        return envelope

    def _together(self, route: Route, number: int) -> int:
        """How many letters a worker should send in one piece, 0 for one as ever: no more than leave others theirs.

        Where the server is done with all of them in a moment, the others would gain nothing by theirs.
        """
        waiting = min(self.hand.waiting, self.settler.room)
        most = max(waiting // SESSIONS, min(waiting + 1, int(MOMENT_S / route.seats[number].letter_s)))
        return min(most, route.together(number)) if most > 1 and not self.leaving else 0

    def _company(self, mailing: Mailing, most: int, room: int) -> Iterator[tuple[Claimed, Envelope]]:
        """The letters that leave together with one, taken from the line: so many at most, of so many bytes in all."""
        for _ in range(most):
            envelope = self._envelope_of_first(mailing) if self.hand.waiting else None
            if envelope is None or len(envelope.content) > room:
                return
            room -= len(envelope.content)
            yield self.hand.take(), envelope

    def _envelope_of_first(self, mailing: Mailing) -> Envelope | None:
        """The first letter in line in its envelope; `None` where there is something to be told when it is its turn."""
        letter = self.hand.first()
        if self.outgoing is None or self.outgoing.held(self._store.clock(), letter.recipient_address) is not None:
            return None
        try:
            return mailing.envelope(letter)
        except PermanentError:
            return None

    async def _await_letters(self, number: int) -> None:
        """Wait for letters, or for room on a connection that bears fewer sessions than there are workers."""
        self.hand.arrived.clear()
        try:
            # Not by `wait_for`: in Python 3.11 it begins to wait a little later, and the next worker may have
            # cleared the event by then.
            async with asyncio.timeout(IDLE_CLOSE_S if self.routes.holds(number) else None):
                await self.hand.arrived.wait()
        except TimeoutError:
            await self.routes.give_up(number)
            self.hand.arrived.set()

    async def _handle(self, letter: Claimed, route: Route | None, number: int, now: datetime) -> None:
        """Send a letter, if it may go."""
        outgoing, mailing = self.outgoing, self._mailing
        if outgoing is None or mailing is None:
            self._settle(letter, number, _waiting(letter, now, ""))
        elif (reason := outgoing.held(now, letter.recipient_address)) is not None:
            self.tally.held += 1
            held = Settlement(letter.id, DeliveryState.HELD, now, letter.attempts, reason=reason, counted=False)
            self._settle(letter, number, held)
        elif route is None:
            self._settle(letter, number, _waiting(letter, self.routes.next_try(now), self.routes.waiting_for))
        elif not route.limits.take(now):
            self._settle(letter, number, _waiting(letter, route.limits.next_at(now), RATE_LIMITED))
        else:
            await self._try(letter, route, mailing, number)

    def _settle(self, letter: Claimed, number: int, settlement: Settlement | None) -> None:
        """Record what became of a worker's letter; with `None`, put it back in front."""
        owner = self._begun_as[number]
        if settlement is not None:
            if traces.wanted():
                traces.attempted(letter, settlement)
            self.settler.record(settlement, owner)
        elif not self.leaving and owner == self.owner:
            self.hand.put_back(letter)
        self.hand.done(letter)
        self._begun.pop(letter.id, None)

    async def _try(self, letter: Claimed, route: Route, mailing: Mailing, number: int) -> None:
        """Try to send a letter, and others with it where they may leave together.

        Nothing a letter does may end the dispatcher.
        """
        begun = self._begun.pop(letter.id, None)
        letters = deque([letter])  # those of which nothing is known yet
        try:
            envelope = begun or mailing.envelope(letter)
            route.circuit.begin(self._store.clock())
            seat = await self._seat_for(letter, route, number)
            together = None if begun else seat.session.together
            if together is not None and (most := self._together(route, number)):
                company = list(self._company(mailing, most - 1, TOGETHER_BYTES - len(envelope.content)))
                letters.extend(one for one, _ in company)
                together.depart([envelope, *(one for _, one in company)])
                await self._arrivals(together, letters, route, number)
            else:
                asked_at = time.perf_counter()
                answer = await seat.session.send(envelope, partial(self._look_ahead, route, mailing, number))
                self.figures.took(time.perf_counter() - asked_at)
                self._accepted(letters[0], route, number, answer)
                letters.popleft()
        except HeldUpError:
            await route.leave(number)
            while letters:
                self._settle(letters.pop(), number, None)
        except DispatchError as error:
            if begun is not None and error.error_class == "timeout":
                route.goes_on = False  # it may have lost what came with the end of the letter before
            spoilt = [self._refused(one, route, number, error) for one in letters]
            await self._leave_if(route, number, spoilt=any(spoilt))
        except StoreUnreachableError as error:
            about = traces.of_letter(letter) | {"connection": route.card.name}
            _log.error("the secret of %s cannot be read: %s", route.card.name, error, extra={"about": about})
            again = self._store.clock() + timedelta(seconds=STORE_RETRY_S)
            self._settle(letter, number, _waiting(letter, again, ""))
        except Exception as error:  # noqa: BLE001 - whatever it is, the letters behind it must go on
            await route.leave(number)
            fault = TransientError(clean_line(f"{type(error).__name__}: {error}"), error_class="internal")
            for one in letters:
                about = traces.of_letter(one) | {"connection": route.card.name}
                _log.exception("delivery D%s cannot be sent", one.id, extra={"about": about})
                self._settle(one, number, self._failed(one, route, fault))

    async def _arrivals(self, together: Together, letters: deque[Claimed], route: Route, number: int) -> None:
        """Hear what becomes of letters that departed together; each is settled as soon as that is known."""
        asked_at, count, spoilt = time.perf_counter(), len(letters), False
        while letters:
            try:
                answer = await together.arrive()
            except DispatchError as error:
                spoilt |= self._refused(letters.popleft(), route, number, error)
            else:
                self.figures.took(time.perf_counter() - asked_at)
                self._accepted(letters[0], route, number, answer)
                letters.popleft()
        seat = route.seats[number]
        seat.piece_s = time.perf_counter() - asked_at
        seat.letter_s = seat.piece_s / count
        await self._leave_if(route, number, spoilt=spoilt)

    def _accepted(self, letter: Claimed, route: Route, number: int, answer: str) -> None:
        """The server took a letter."""
        now, seat = self._store.clock(), route.seats[number]
        route.accepted(seat, now)
        self.tally.sent += 1
        self.figures.arrived(letter, now)
        all_kept = self._mailing is not None and self._mailing.transcripts is Transcripts.ALL
        settlement = Settlement(
            letter.id, DeliveryState.SENT, now, letter.attempts + 1, route.card.name, 250, answer,
            transcript=seat.session.transcript() if all_kept else "",
        )  # fmt: skip
        self._settle(letter, number, settlement)

    async def _seat_for(self, letter: Claimed, route: Route, number: int) -> Seat:
        """The session over which a worker sends a letter."""
        seat = route.seats.get(number)
        if seat is not None and seat.open_for not in {None, letter.id}:
            await route.leave(number)  # a transaction stands open there that this letter must not be added to
            seat = None
        seat = seat or await self._seat(route, number)
        seat.open_for = None
        return seat

    async def _seat(self, route: Route, number: int) -> Seat:
        """Open a session for a worker, which holds a place among those the server bears from now on."""
        with route.coming(number):
            if self.routes.any_retired:
                await self.routes.give_up(number, retired=True)
            try:
                secret = await asyncio.to_thread(connection_secret, self._store, route.card.id, secret_of(route.card))
            except SecretError as error:
                raise ConnectionDownError(str(error), error_class="secret") from error
            seat = route.seats[number] = Seat(open_session(route.card, secret, partial(self._may_end, number)))
        try:
            await seat.session.connect()
            route.connected(seat, self._store.clock())
        finally:
            self.hand.arrived.set()  # others may have waited to see whether it would
        if not self._may_end(number):
            raise HeldUpError
        return seat

    def _may_end(self, number: int) -> bool:
        """Whether the letter a worker has begun may leave: it is still ours."""
        return self._begun_as.get(number) == self._membership.id and self._membership.fresh

    def _refused(self, letter: Claimed, route: Route, number: int, error: DispatchError) -> bool:
        """A refusal or a failure: what it means for the letter is the route's to say. Gives whether to leave it."""
        now = self._store.clock()
        verdict = route.judge(number, error, now)
        down = isinstance(error, ConnectionDownError)
        if verdict is Verdict.AGAIN:
            self._settle(letter, number, None)
            return True
        self.tally.connection_faults += down
        if verdict is Verdict.LETTER:
            self._settle(letter, number, self._failed(letter, route, error))
            return down
        again = now if self.routes.pick(now) is not None else self.routes.next_try(now)
        settlement = Settlement(
            letter.id, DeliveryState.PENDING, again, letter.attempts, route.card.name, error.code, error.answer,
            error.error_class, self.routes.waiting_for, counted=False, transcript=self._kept(error),
        )  # fmt: skip
        self._settle(letter, number, settlement)
        return down

    async def _leave_if(self, route: Route, number: int, *, spoilt: bool) -> None:
        """After a refusal, leave the session where it is of no more use; others may have waited for what it shows."""
        if spoilt:
            await route.leave(number)
        self.hand.arrived.set()

    def _failed(self, letter: Claimed, route: Route, error: DispatchError) -> Settlement:
        """An attempt that counts: again after a pause, or never."""
        now = self._store.clock()
        sending = self.outgoing.sending if self.outgoing else Sending()
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
