"""The housekeeping of a dispatcher: it removes what is kept long enough, a little at a time, letters first.

How much, and what stays, is said in `store.housekeeping`. Here it is run: every hour, and soon after the settings have
changed, with a pause after each step that is longer than the step, and much longer while letters go.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from store.cards import Retention
from store.engine import Store
from store.errors import StoreUnreachableError
from store.housekeeping import Housekeeping, NotAloneError
from store.retention import retention

_log = logging.getLogger(__name__)
EVERY_S = 3600.0
LOOK_S = 20.0
"""How often to look whether the settings have changed."""
AGAIN_S = 60.0
"""After so long it is tried again where somebody else is at it: they may have been killed."""
PAUSES, BUSY_PAUSES = 3, 9
"""So many times as long as a step took nothing is done after it; the second while letters go."""
LEAST_PAUSE_S = 0.01
"""A program that waits for the lock of SQLite looks for it only so often."""


class Housekeeper:
    """Runs the housekeeping.

    Args:
        store: The store.
        holder: The dispatcher.
        busy: Whether letters go at present; asked before each pause.
    """

    def __init__(self, store: Store, holder: str, busy: Callable[[], bool]) -> None:
        self._store, self._holder, self._busy = store, holder, busy
        self._settings: Retention | None = None
        self._again_at = 0.0

    async def run(self) -> None:
        """Remove what is old, if it is time to look for it."""
        settings = await asyncio.to_thread(retention, self._store)
        if settings == self._settings and time.monotonic() < self._again_at:
            return
        work = Housekeeping(self._store, self._holder)
        more = True
        try:
            while more:
                more = await asyncio.to_thread(work.step)
                await asyncio.sleep(self._pause_s(work.took_s))
        except NotAloneError:
            self._again_at = time.monotonic() + AGAIN_S
        finally:
            if more:
                with suppress(StoreUnreachableError):
                    self._store.submit(work.give_up_in)
        self._settings = settings
        if not more:
            self._again_at = time.monotonic() + EVERY_S
            _tell(work)

    def _pause_s(self, took_s: float) -> float:
        return max(took_s * (BUSY_PAUSES if self._busy() else PAUSES), LEAST_PAUSE_S)


def _tell(work: Housekeeping) -> None:
    """One line in the log, where something was removed."""
    run = work.done
    if run is not None and not run.idle:
        counts = (run.events, run.deliveries, run.entries)
        _log.info("housekeeping: removed %d events, %d deliveries, %d entries of the audit", *counts)
