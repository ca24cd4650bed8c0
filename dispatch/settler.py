"""The settler: writes what became of letters in batches, together with the news of the connections."""

import asyncio
import logging

from sqlalchemy import Connection

from dispatch.routes import Routes
from store import outbox
from store.engine import Store
from store.errors import StoreUnreachableError
from store.outbox import Settlement
from store.status import save_health
from store.vocabulary import DeliveryState

SETTLE_EVERY_S = 0.02
"""A crash between acceptance and its record sends a letter twice: this caps how many."""
STORE_RETRY_S = 1.0
"""Pause after the store could not be written."""
LAST_TRIES = 10
"""Tries to record what was sent, when leaving."""
_log = logging.getLogger(__name__)


class Settler:
    """Settles letters on behalf of one dispatcher."""

    def __init__(self, store: Store, owner: str, routes: Routes) -> None:
        self._store = store
        self._owner = owner
        self._routes = routes
        self._done: list[Settlement] = []
        self._outcome = asyncio.Event()
        self._flushing = 0
        self._finished = False

    @property
    def idle(self) -> bool:
        """Nothing to settle, nothing on its way into the store."""
        return not self._done and not self._flushing

    def record(self, settlement: Settlement) -> None:
        """Take what is to be written."""
        self._done.append(settlement)
        self._outcome.set()

    def finish(self) -> None:
        """Nothing more will come."""
        self._finished = True
        self._outcome.set()

    async def run(self) -> None:
        """Write what comes until finished; a store that cannot be written is tried again."""
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
        health = [(route.card.id, route.news(now, sent=route.card.name in sent_by)) for route in self._routes]

        def write(connection: Connection) -> None:
            outbox.settle(connection, now, self._owner, done)
            for key, values in health:
                if values:
                    save_health(connection, key, **values)

        try:
            await asyncio.wrap_future(self._store.submit(write))
        except StoreUnreachableError:
            # What a server accepted must be recorded, or it is sent twice: kept for the next round.
            self._done[:0] = done
            for route in self._routes:
                route.unwritten()
            raise
        finally:
            self._flushing -= 1
