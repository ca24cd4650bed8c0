"""The settler: writes what became of letters in batches, together with the news of the connections."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from dispatch.figures import Figures
from dispatch.routes import Routes
from store import outbox
from store.clock import steady
from store.engine import Store
from store.errors import StoreUnreachableError
from store.outbox import Settlement
from store.status import save_health
from store.vocabulary import DeliveryState

SETTLE_EVERY_S = 0.02
"""A crash between acceptance and its record sends a letter twice: this caps how many."""
ENOUGH = 80
"""Letters that are recorded without waiting for more."""
MOST_UNRECORDED = 250
"""So does this, where the store is slower than the mail server."""
WRITTEN_WITHIN_S = 1.0
"""A store that takes longer is waited for: no further letter is begun meanwhile."""
STORE_RETRY_S = 1.0
"""Pause after the store could not be written."""
LAST_TRIES_S = 60.0
"""How long to try to record what was sent, when leaving."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Batch:
    """What is written together: outcomes by the name under which the letters were begun."""

    at: datetime
    done: dict[str, list[Settlement]]
    tried: bool = False

    @property
    def all(self) -> list[Settlement]:
        return [one for some in self.done.values() for one in some]


class Settler:
    """Settles letters on behalf of one dispatcher.

    Args:
        written: Called when what is sent is recorded, for whoever was held up by it.
    """

    def __init__(self, store: Store, routes: Routes, figures: Figures, written: Callable[[], None]) -> None:
        self._store = store
        self._written = written
        self._routes = routes
        self._figures = figures
        self._done: list[tuple[Settlement, str]] = []
        self._batch: _Batch | None = None
        self._outcome = asyncio.Event()
        self._enough = asyncio.Event()
        self._writing = 0
        self._begun: float | None = None
        self._failing = False
        self._finished = False

    @property
    def idle(self) -> bool:
        """Nothing to settle, nothing on its way into the store."""
        return not self._done and self._batch is None

    @property
    def room(self) -> int:
        """How many more letters may be sent before some are recorded."""
        return max(0, MOST_UNRECORDED - len(self._done) - self._writing)

    @property
    def stuck(self) -> bool:
        """Whether what is sent cannot be recorded soon: then nothing more is to be sent."""
        if self._failing or not self.room:
            return True
        return self._begun is not None and steady() - self._begun > WRITTEN_WITHIN_S

    @property
    def unrecorded(self) -> set[int]:
        """Letters whose outcome is not in the store for certain."""
        return {one.id for one, _ in self._done} | {one.id for one in (self._batch.all if self._batch else ())}

    def record(self, settlement: Settlement, owner: str) -> None:
        """Take what is to be written of a letter that was leased under a name."""
        self._done.append((settlement, owner))
        self._outcome.set()
        if len(self._done) >= ENOUGH:
            self._enough.set()

    def finish(self) -> None:
        """Nothing more will come."""
        self._finished = True
        self._outcome.set()
        self._enough.set()

    async def run(self) -> None:
        """Write what comes until finished; a store that cannot be written is tried again."""
        until: float | None = None
        while not self._finished or not self.idle:
            await self._outcome.wait()
            if not self._finished:
                self._outcome.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_EVERY_S):
                    await self._enough.wait()
            if self._finished and until is None:
                until = steady() + LAST_TRIES_S
            try:
                await self._flush()
            except StoreUnreachableError as error:
                if until is not None and steady() > until:
                    count = len(self.unrecorded)
                    _log.error("%d letters could not be recorded; those that were sent may be sent again", count)
                    return
                _log.error("what was sent cannot be recorded yet: %s", error)
                self._outcome.set()
                await asyncio.sleep(STORE_RETRY_S)

    async def _flush(self) -> None:
        """Write a batch: the one that may or may not have been written, if there is such, else what has come."""
        if self._batch is None:
            if not self._done:
                return
            done: defaultdict[str, list[Settlement]] = defaultdict(list)
            for settlement, owner in self._done:
                done[owner].append(settlement)
            self._writing = len(self._done)
            self._done, self._batch = [], _Batch(self._store.clock(), done)
            self._enough.clear()
        elif self._done:
            self._outcome.set()
        await self._write(self._batch)
        self._batch, self._writing, self._failing = None, 0, False
        self._written()

    async def _write(self, batch: _Batch) -> None:
        at, sent_by = batch.at, {s.connection for s in batch.all if s.state is DeliveryState.SENT}
        health = [(route.card.id, route.news(at, sent=route.card.name in sent_by)) for route in self._routes]
        tried, batch.tried = batch.tried, True

        def write(connection: Connection) -> None:
            # A commit whose answer was lost with the connection may have come to pass.
            if not (tried and outbox.settled_before(connection, at, batch.all)):
                for owner, done in batch.done.items():
                    outbox.settle(connection, at, owner, done)
            for key, values in health:
                if values:
                    save_health(connection, key, **values)

        self._begun = steady()
        try:
            await asyncio.wrap_future(self._store.submit(write))
            self._figures.settled(batch.all)
        except StoreUnreachableError:
            # What a server accepted must be recorded, or it is sent twice: kept for the next round.
            self._failing = True
            for route in self._routes:
                route.unwritten()
            raise
        finally:
            self._begun = None
