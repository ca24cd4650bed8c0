"""The dispatcher: one process, one task group — planner, sender, clock, heartbeat, housekeeping — on one store."""

import asyncio
import contextlib
import json
import logging
import math
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from sqlalchemy import Connection

from dispatch.digest import send_due
from dispatch.health import Pulse, answer
from dispatch.housekeeping import LEAST_PAUSE_S, LOOK_S, Housekeeper
from dispatch.jumps import Jumps
from dispatch.membership import HEARTBEAT_S, Membership
from dispatch.planner import Planner
from dispatch.probe import Page, Probe
from dispatch.sender import STORE_RETRY_S, Sender
from dispatch.supervisor import Supervisor
from dispatch.ticks import Clock, due_count, forget
from dispatch.watching import Watching
from store import outbox, rates, rule_stats, search_index
from store.clock_jumps import from_the_future_in, put_back_in
from store.engine import Store
from store.errors import StoreUnreachableError
from store.storms import tidy

_log = logging.getLogger(__name__)
T = TypeVar("T")
TICK_S = 1.0
"""The clock looks when the next threshold is due, and this often in any case."""
MIN_TICK_S = 0.02
DIGEST_S = 1.0
"""How often to look for digests that are due."""
SCHEDULE_S = 0.005
"""Between the steps in which deadlines are scheduled anew: letters go first."""
INDEX_S = 1.0
"""How often to look for deliveries that are not in the search index."""
MERGE_S = 0.005
"""Between the steps in which parts of the search index are put together."""
BUSY = 50
"""Events planned and letters sent in a second above which letters go first."""
INDEX_PAUSES = 3
"""While they do, the index rests so many times as long as it worked."""
MAX_LAG = 10_000
"""So many new deliveries may be missing from the index then."""
TIDY_COUNTS_S = 3600.0
"""How often counts and the ledger are emptied of what is too old to be shown, or to fire again."""
STIR_S = 0.05
"""How often the clock and the sender look again because of a change that brought no event."""
FEW, PLAN_EVERY_S = 50, 0.008
"""Batches of fewer events are planned no more often than this."""
TIDY_S = 600.0
"""How often to forget what the limits against floods have counted and need no more."""
JUMPS_S = 0.5
"""How often to look whether the clock was put back."""
IDLE_REPLAN_S = 1.0
"""Even without a change, look again this often."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a dispatcher did in its life. Counts; `failed` counts attempts that were refused."""

    planned: int
    ticked: int
    sent: int
    failed: int
    dead: int
    held: int
    released: int
    connection_faults: int


class Daemon:
    """A dispatcher on one store."""

    def __init__(
        self, store: Store, *, until_idle: bool, stop: asyncio.Event, listening: socket.socket | None = None
    ) -> None:
        self._store = store
        self._listening = listening
        self._pulse = Pulse()
        self._until_idle = until_idle
        self._stop = stop
        self._plan_wake = asyncio.Event()
        self._send_wake = asyncio.Event()
        self._tick_wake = asyncio.Event()
        self._behind = asyncio.Event()
        self._clock = Clock(store)
        self._at_the_clock = asyncio.Lock()
        self._planned = 0
        self._ticked = 0
        self._ticks = 0
        self._planning = True
        self._membership = Membership(store)
        self._sender = Sender(store, self._membership, stop, self._send_wake)
        self._supervisor = Supervisor()

    async def run(self) -> Summary:
        """Run until told to stop, or until idle."""
        await self._patiently(self._beat)
        self._supervisor.tell(READY="1")
        _log.info("dispatcher %s has begun on %s", self._membership.id, self._store.shown_url)
        try:
            async with asyncio.TaskGroup() as group:
                loops = [self._plan_loop(), self._watch_loop(), self._tick_loop(), self._schedule_loop()]
                loops += [self._beat_loop(), self._housekeeping_loop(), self._index_loop(), self._jump_loop()]
                if self._supervisor.listens:
                    loops.append(self._tell_loop())
                if self._listening is not None:
                    loops.append(self._probe_loop(self._listening))
                if self._until_idle:
                    loops.append(self._idle_loop())
                tasks = [group.create_task(loop) for loop in loops]
                await self._sender.run()
                for task in tasks:
                    task.cancel()
        finally:
            # One that cannot say that it ends is found dead by the others, or by the next.
            with contextlib.suppress(StoreUnreachableError):
                await self._membership.leave()
        tally = self._sender.tally
        _log.info("dispatcher %s has ended: %s", self._membership.id, self._said)
        return Summary(
            self._planned, self._ticked, tally.sent, tally.failed, tally.dead, tally.held, tally.released,
            tally.connection_faults,
        )  # fmt: skip

    async def _plan_loop(self) -> None:
        planner = Planner(self._store, self._sender)
        while True:
            self._planning = True
            self._plan_wake.clear()
            begun = time.monotonic()
            count = await self._patiently(planner.plan_batch)
            self._pulse.planned()
            self._planned += count
            if count and count < FEW:
                # Where they come one by one, a moment's wait makes one transaction of several.
                await asyncio.sleep(PLAN_EVERY_S - (time.monotonic() - begun))
            if planner.more:
                continue
            self._planning = False
            try:
                # Not by `wait_for`: in Python 3.11 it may swallow a cancel, and the dispatcher would never end.
                async with asyncio.timeout(IDLE_REPLAN_S):
                    await self._plan_wake.wait()
            except TimeoutError:
                continue

    async def _watch_loop(self) -> None:
        watching, stirred, stir_at = Watching(self._store), False, 0.0
        try:
            while True:
                if watching.changed():
                    stirred = True
                    if watching.brought_events():
                        self._plan_wake.set()
                # Most of what is committed is our own, and of the rest hardly anything is as urgent as an event.
                if stirred and (now := time.monotonic()) >= stir_at:
                    stirred, stir_at = False, now + STIR_S
                    self._tick_wake.set()
                    if self._sender.idle:
                        self._send_wake.set()
                await watching.wait(max(stir_at - time.monotonic(), 0) if stirred else math.inf)
        finally:
            watching.close()

    async def _tick_loop(self) -> None:
        tidy_at, digest_at = time.monotonic() + TIDY_S, 0.0
        while True:
            self._tick_wake.clear()
            async with self._at_the_clock:
                made = await self._patiently(lambda: asyncio.to_thread(self._clock.tick))
            if time.monotonic() >= digest_at:
                digest_at = time.monotonic() + DIGEST_S
                await self._send_digests()
            if time.monotonic() >= tidy_at:
                tidy_at = time.monotonic() + TIDY_S
                await self._patiently(lambda: asyncio.to_thread(tidy, self._store))
            self._ticked += made
            self._ticks += 1
            self._pulse.ticked()
            if made:
                self._plan_wake.set()
            if self._clock.behind:
                self._behind.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_next_tick()):
                    await self._tick_wake.wait()

    def _until_next_tick(self) -> float:
        """Seconds until a deadline must be looked at."""
        if self._clock.next_at is None:
            return TICK_S
        return min(max((self._clock.next_at - self._store.clock()).total_seconds(), MIN_TICK_S), TICK_S)

    async def _schedule_loop(self) -> None:
        """Schedule deadlines anew when escalations have changed."""
        while True:
            await self._behind.wait()
            async with self._at_the_clock:
                more = await self._patiently(lambda: asyncio.to_thread(self._clock.reschedule))
            if not more:
                self._behind.clear()
            await asyncio.sleep(SCHEDULE_S)

    async def _index_loop(self) -> None:
        """Put deliveries into the search index: what is new, and what a store had before there was an index."""
        seen, looked_at = 0, time.monotonic()
        while True:
            # Letters go first: what is missing is looked through when somebody searches, which takes longer.
            work, begun = self._planned + self._sender.tally.sent, time.monotonic()
            busy = work - seen > BUSY * (begun - looked_at)
            seen, looked_at = work, begun
            step = partial(search_index.step, self._store, tolerated=MAX_LAG if busy else 0)
            done = await self._patiently(lambda step=step: asyncio.to_thread(step))
            took = time.monotonic() - begun
            await asyncio.sleep(took * (INDEX_PAUSES if busy else 1) if done else INDEX_S)
            more = bool(done)
            while more:
                more = await self._patiently(lambda: asyncio.to_thread(search_index.merge, self._store))
                await asyncio.sleep(MERGE_S)

    async def _send_digests(self) -> None:
        if await self._patiently(lambda: asyncio.to_thread(send_due, self._store)):
            self._send_wake.set()

    async def _beat_loop(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await self._patiently(self._beat)

    async def _jump_loop(self) -> None:
        """Notice that the clock was put back: what waits for a span of time must not wait longer."""
        jumps, host = Jumps(self._store.clock), socket.gethostname()

        def put_back(connection: Connection, by: timedelta | None) -> None:
            now = self._store.clock()
            by = from_the_future_in(connection, now) if by is None else by
            if by is not None and put_back_in(connection, now, by, host):
                _log.warning("the clock was put back by %s: what waits, waits no longer for it", by)

        await self._patiently(lambda: asyncio.wrap_future(self._store.submit(partial(put_back, by=None))))
        while True:
            await asyncio.sleep(JUMPS_S)
            if (by := jumps.back()) is None:
                continue
            self._sender.put_back(by)
            await self._patiently(lambda by=by: asyncio.wrap_future(self._store.submit(partial(put_back, by=by))))
            self._send_wake.set()
            self._tick_wake.set()

    async def _tell_loop(self) -> None:
        """Tell whoever supervises this process that it lives; a store that is away is no reason to begin anew."""
        while True:
            said = self._said
            if self._stop.is_set():
                self._supervisor.tell(WATCHDOG="1", STATUS=said, STOPPING="1")
                await asyncio.sleep(self._supervisor.every_s)
                continue
            self._supervisor.tell(WATCHDOG="1", STATUS=said)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._supervisor.every_s):
                    await self._stop.wait()

    @property
    def _said(self) -> str:
        """What it has done, in a line."""
        tally = self._sender.tally
        return f"planned {self._planned}, sent {tally.sent}, failed {tally.failed}, gave up {tally.dead}"

    async def _probe_loop(self, listening: socket.socket) -> None:
        """Answer a monitoring system."""
        # Imported here: the client library is optional, and takes a tenth of a second.
        from dispatch.metrics import Counted, Metrics

        metrics = Metrics(self._store)

        async def figures() -> Page:
            return await metrics.page(Counted(self._planned, self._ticked, self._clock.lateness, self._sender))

        await Probe(listening, {"/metrics": figures, "/healthz": self._health}).run()

    async def _health(self) -> Page:
        """Whether it plans, sends and reaches its store."""
        said = answer(self._pulse.problems(self._sender, stopping=self._stop.is_set()))
        status = HTTPStatus.OK if said["ok"] else HTTPStatus.SERVICE_UNAVAILABLE
        return Page(json.dumps(said).encode("ascii") + b"\n", "application/json", status)

    async def _beat(self) -> None:
        if await self._membership.beat():
            self._send_wake.set()
        self._pulse.beaten()

    async def _housekeeping_loop(self) -> None:
        """Delete what is kept long enough."""
        keeper, tidy_at = Housekeeper(self._store, self._membership.id, self._is_busy), 0.0
        while True:
            if time.monotonic() >= tidy_at:
                tidy_at = time.monotonic() + TIDY_COUNTS_S
                await self._patiently(self._tidy)
            await self._patiently(keeper.run)
            await asyncio.sleep(LOOK_S)

    def _is_busy(self) -> bool:
        return self._planning or not self._sender.idle

    async def _tidy(self) -> None:
        for prune in (rule_stats.prune_in, rates.prune_in):
            await asyncio.wrap_future(
                self._store.submit(lambda connection, prune=prune: prune(connection, self._store.clock()))
            )
        more = True
        while more:
            more = await asyncio.to_thread(forget, self._store)
            await asyncio.sleep(LEAST_PAUSE_S)

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it, again and again while the store cannot be written: a full disk must not end the dispatcher."""
        away = False
        while True:
            try:
                done = await work()
            except StoreUnreachableError as error:
                away = True
                _log.error("%s", error)
                await asyncio.sleep(STORE_RETRY_S)
            else:
                if away:
                    _log.warning("the store can be used again")
                return done

    async def _idle_loop(self) -> None:
        """Stop once the clock has ticked, everything is planned and nothing is due now."""
        while True:
            await asyncio.sleep(STIR_S)
            if not self._ticks or self._planning or not self._sender.idle:
                continue
            due, unplanned = await self._patiently(lambda: asyncio.wrap_future(self._store.submit(self._rest)))
            if not due and not unplanned and self._sender.idle and not self._behind.is_set():
                self._stop.set()
                self._send_wake.set()
                return

    def _rest(self, connection: Connection) -> tuple[int, int]:
        now = self._store.clock()
        due = outbox.due_count(connection, now) + due_count(connection, now)
        return due, outbox.unplanned_count(connection)


async def run(
    store: Store,
    *,
    until_idle: bool = False,
    stop: asyncio.Event | None = None,
    listening: socket.socket | None = None,
) -> Summary:
    """Run a dispatcher; with `until_idle`, end when nothing is due now.

    Set `stop` to end in good order: letters in hand are finished, the rest is given back. On a socket that is
    `listening` a monitoring system is answered; it is closed at the end.
    """
    stop = stop or asyncio.Event()
    return await Daemon(store, until_idle=until_idle, stop=stop, listening=listening).run()
