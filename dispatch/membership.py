"""A dispatcher among the others on a store: its heartbeat, whether its leases are still its own, and who is dead.

Nobody's clock is compared with anybody else's. Each dispatcher watches whether the heartbeats of the others change,
and counts their silence in seconds of its own that only go forward (`store.clock.steady`). One that was silent for
`DEAD_AFTER_S` is dead, one whose process is gone from this very machine is dead at once; its leases are given back.

A dispatcher that was merely slow must not send what was taken from it: it begins no letter, and ends none with its
text, unless its own last heartbeat is younger than `FRESH_FOR_S`. That is less than the others wait, so it has stopped
by itself before they begin, whatever it was that held it up (a store that did not answer, SIGSTOP, a machine asleep).
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from dispatch.identity import is_dead, new_name
from store import clock, outbox
from store.cards import DispatcherCard
from store.engine import Store
from store.heartbeats import beat, heartbeats_in, leave, take_over

HEARTBEAT_S = 2.0
FRESH_FOR_S = 10.0
DEAD_AFTER_S = 15.0
"""Five seconds above `FRESH_FOR_S`: for a letter whose text is on its way, and for clocks that run unequally."""
WATCHED_S = 3 * HEARTBEAT_S
"""Who did not look for so long has missed heartbeats, and begins to count anew."""
STRANGERS_EVERY = 15
"""Heartbeats between two looks for leases of dispatchers that are not there at all."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A heartbeat of another dispatcher, and since when there was no later one."""

    at: datetime
    since: float


@dataclass(frozen=True, slots=True)
class _Beaten:
    """What a heartbeat brought: whether we are (still) there, who is, and what came back from whom."""

    there: bool
    all: dict[str, datetime] = field(default_factory=dict[str, datetime])
    taken: dict[str, int] = field(default_factory=dict[str, int])
    strangers: int = 0


class Membership:
    """One dispatcher's place among those on a store.

    Args:
        store: The store.
        steady: Seconds that only go forward.

    Attributes:
        id: Its name, which its leases carry. Another one from the moment it was found dead by others: what is claimed
            under the old one is theirs.
    """

    def __init__(self, store: Store, steady: Callable[[], float] = clock.steady) -> None:
        self._store = store
        self._steady = steady
        self._started_at = store.clock()
        self._host, self._pid = socket.gethostname(), os.getpid()
        self._beats = 0
        self._beaten_at: float | None = None
        self._looked_at: float | None = None
        self._others: dict[str, _Seen] = {}
        self.id = new_name()

    @property
    def fresh(self) -> bool:
        """Whether its leases are certain to be its own."""
        return self._beaten_at is not None and self._steady() - self._beaten_at < FRESH_FOR_S

    async def beat(self) -> int:
        """Have a heartbeat, and take over what dead dispatchers had in hand; gives how many letters came back.

        Raises:
            StoreUnreachableError: It could not be written.
        """
        returned = await self._beat_once()
        # One that has just been found dead on this machine need not wait for the next heartbeat.
        if any(is_dead(name) for name in self._others):
            returned += await self._beat_once()
        return returned

    async def leave(self) -> None:
        """Be there no more.

        Raises:
            StoreUnreachableError: It could not be written; the others will find out.
        """
        self._beaten_at = None
        await asyncio.wrap_future(self._store.submit(lambda connection: leave(connection, self.id)))

    async def _beat_once(self) -> int:
        now, begun, first = self._store.clock(), self._steady(), self._beaten_at is None
        card = DispatcherCard(self.id, self._host, self._pid, self._started_at, now, alive=True)
        dead = {name: seen.at for name, seen in self._others.items() if self._is_dead(name, seen, begun)}
        strangers = first or self._beats % STRANGERS_EVERY == 0
        self._beats += 1

        def write(connection: Connection) -> _Beaten:
            if not beat(connection, card, first=first):
                return _Beaten(there=False)
            found = {name: take_over(connection, now, name, seen_at) for name, seen_at in dead.items()}
            taken = {name: letters for name, letters in found.items() if letters is not None}
            back = outbox.give_back_strangers(connection, now) if strangers or taken else 0
            return _Beaten(there=True, all=heartbeats_in(connection), taken=taken, strangers=back)

        beaten = await asyncio.wrap_future(self._store.submit(write))
        if not beaten.there:
            _log.warning("this dispatcher was silent for so long that another one has taken its letters over")
            self.id, self._beaten_at = new_name(), None
            return await self._beat_once()
        self._beaten_at = begun
        self._look_at(beaten.all)
        for name, letters in beaten.taken.items():
            _log.warning("dispatcher %s is dead; %d letters it had in hand go again", name, letters)
        return sum(beaten.taken.values()) + beaten.strangers

    def _is_dead(self, name: str, seen: _Seen, now: float) -> bool:
        watched = self._looked_at is not None and now - self._looked_at < WATCHED_S
        return (watched and now - seen.since >= DEAD_AFTER_S) or is_dead(name)

    def _look_at(self, beats: dict[str, datetime]) -> None:
        """Remember since when nobody else has had a later heartbeat.

        Counted from when it was read: it was written before that. After a gap of our own everybody gets time anew.
        """
        now = self._steady()
        if self._looked_at is None or now - self._looked_at >= WATCHED_S:
            self._others.clear()
        known, self._looked_at = self._others, now
        self._others = {
            name: known[name] if name in known and known[name].at == at else _Seen(at, now)
            for name, at in beats.items()
            if name != self.id
        }
