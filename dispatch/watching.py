"""The dispatcher's watch on its store: when to look again.

SQLite tells nobody of a commit, so its change counter is read, and seldom where nothing has come for a while: waking up
for it is most of what a dispatcher costs that has nothing to do. PostgreSQL tells, and the loop wakes for that alone.
"""

import asyncio
import contextlib
import math
import time

from store.engine import Store
from store.feed import LOOK_S, Watch

CLOSELY_S, DOZE_S = 0.005, 0.05
"""How often to look while events come, and how often where none has come for a while."""
AWAKE_S = 1.0
"""How long a while that is."""


class Watching:
    """For one task. Closed by `close`."""

    def __init__(self, store: Store) -> None:
        self._watch = Watch(store)
        self._came_at = -math.inf

    @property
    def told_by(self) -> int | None:
        """The file that becomes readable when there is something; `None` where one looks by the clock."""
        return self._watch.fileno()

    def changed(self) -> bool:
        """Whether anything was committed since the last look, or may have been."""
        return self._watch.changed()

    def brought_events(self) -> bool:
        """Whether events wait for the planner; to be asked after a change."""
        found = self._watch.unplanned()
        if found:
            self._came_at = time.monotonic()
        return found

    async def wait(self, most_s: float) -> None:
        """Wait until it is time to look, so many seconds at most."""
        told_by = self.told_by
        if told_by is None:
            closely = time.monotonic() - self._came_at < AWAKE_S
            await asyncio.sleep(min(most_s, CLOSELY_S if closely else DOZE_S))
            return
        await asyncio.sleep(CLOSELY_S)  # commits that come close together are one
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(told_by, told.set)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(most_s, LOOK_S)):
                    await told.wait()
        finally:
            loop.remove_reader(told_by)

    def close(self) -> None:
        """Let go of the store."""
        self._watch.close()
