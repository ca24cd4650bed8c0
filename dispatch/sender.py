"""The sender: claims due letters in batches, has its workers send them, and settles them in batches.

The time between a server's acceptance and the commit that records it is capped by the settler, because a crash in it
sends a letter twice.
"""

import asyncio
import logging
import time
from datetime import timedelta

from dispatch.figures import Figures, Tally
from dispatch.look import NO_ROOM, Room, Wanted, look_in
from dispatch.membership import Membership
from dispatch.recording import Offer, Recorded
from dispatch.routes import Routes
from dispatch.settler import SETTLE_EVERY_S, STORE_RETRY_S
from dispatch.throttle import Throttle
from dispatch.window import MOST
from dispatch.workers import SESSIONS, Workers
from store import outbox
from store.engine import Store
from store.errors import StoreUnreachableError
from store.outbox import Claimed

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
_log = logging.getLogger(__name__)


class Sender:
    """Sends what is due on one store, as one dispatcher.

    Attributes:
        looked_at: When the store was last asked for letters, by the monotonic clock.

    Args:
        membership: The dispatcher, whose name its leases carry, and whose letters they are while it is fresh.
        stop: When set, letters in hand are finished and the rest is given back.
        wake: When set, there may be something new in the store.
    """

    def __init__(self, store: Store, membership: Membership, stop: asyncio.Event, wake: asyncio.Event) -> None:
        self.looked_at = time.monotonic()
        self._store = store
        self._membership = membership
        self._stop = stop
        self._wake = wake
        self._workers = Workers(store, membership, wake)
        self._hand, self._routes, self._settler = self._workers.hand, self._workers.routes, self._workers.settler
        self._throttle = Throttle()
        self._release_at = 0.0
        self._holding: set[str] | None = None
        self._unsure = False
        self._asked_for = 0

    @property
    def tally(self) -> Tally:
        """What it has done."""
        return self._workers.tally

    @property
    def figures(self) -> Figures:
        """The same for a monitoring system: how long it took, and by connection."""
        return self._workers.figures

    @property
    def routes(self) -> Routes:
        """The connections in use."""
        return self._routes

    @property
    def held_back(self) -> str | None:
        """Why no letter at all may leave now, a word of `dispatch.outgoing`; `None` when letters may."""
        outgoing = self._workers.outgoing
        return None if outgoing is None else outgoing.hold_all(self._store.clock())

    @property
    def idle(self) -> bool:
        """Nothing claimed, nothing in hand, nothing to settle."""
        return self._hand.empty and self._settler.idle

    async def run(self) -> None:
        """Run until the stop event; ends with letters in hand finished and the rest given back."""
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._workers.work(number)) for number in range(SESSIONS)]
            settler = group.create_task(self._settler.run())
            try:
                await self._feed_loop()
            finally:
                self._workers.leave()
                await asyncio.gather(*workers)
                self._settler.finish()
                await settler
        owner = self._workers.owner
        try:
            await asyncio.wrap_future(
                self._store.submit(lambda connection: outbox.give_back(connection, self._store.clock(), owner))
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
            self._workers.go_on()
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
        outgoing = self._workers.outgoing
        if outgoing is None or self._hand.backlog or self._workers.leaving or outgoing.hold_all(self._store.clock()):
            return None
        room = min(letters, self._room().letters)
        self._hand.offered = Offer(self._workers.owner, outgoing.revision, room) if room else None
        return self._hand.offered

    def take(self, offer: Offer | None, recorded: Recorded | None) -> None:
        """Take what was handed over; where that is not known, what is ours in the store is looked for."""
        self._hand.offered = None
        self._unsure |= offer is not None and recorded is None
        if recorded is not None and recorded.handed:
            outgoing, ours = self._workers.outgoing, offer is not None and offer.owner == self._workers.owner
            if ours and outgoing is not None and not self._workers.leaving:
                self._throttle.took(len(recorded.handed), outgoing.sending, self._store.clock())
                self._hand.line_up(recorded.handed)
            else:
                self._unsure = True
        if recorded is None or recorded.waiting or self._unsure:
            self._hand.backlog = True
            self._wake.set()

    def _room(self) -> Room:
        """How many letters may come now."""
        hand, outgoing, now = self._hand, self._workers.outgoing, self._store.clock()
        offered = hand.offered.letters if hand.offered else 0
        waiting, size = hand.waiting + offered, hand.size
        if outgoing is None or not self._workers.may_begin() or waiting > size + URGENT_BATCH:
            return NO_ROOM
        self._routes.refresh(now)
        route = self._routes.pick(now)
        if any(one.circuit.state == "closed" for one in self._routes):
            room = self._throttle.left(outgoing.sending, now, MOST) - offered - self._asked_for
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
        owner, kept = self._workers.owner, self._known() if self._unsure and self._hand.offered is None else None
        holding = None if time.monotonic() >= self._release_at else self._holding
        wanted = Wanted(room, owner, kept, self._workers.outgoing, holding)
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
        if look.outgoing is not self._workers.outgoing:
            self._routes.use(look.outgoing.connections, look.learned, self._store.clock())
            self._workers.use(look.outgoing)
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
