"""Lanes: what tells of a deadline goes before all others, and who causes a flood waits behind them. Pure.

A flood is told by who causes it: an import, a mass incident, a robot that comments on everything. Everybody else's
letters overtake it. Counted in memory: a restart forgets a minute, and of several dispatchers each counts its own, so
that nobody waits for anybody's count.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from dispatch.directory import Directory
from store.events import StoredEvent
from store.vocabulary import EventType, Lane

FLOOD = 200
"""Letters within a minute that one at one desk may cause without their going behind the others."""
WINDOW = timedelta(minutes=1)
_URGENT, _ORDINARY = (Lane.URGENT,), (Lane.ORDINARY,)
Lanes = Sequence[Lane]


class Flow:
    """How many letters were caused lately, by whom; minutes begin with the first letter after the last one."""

    def __init__(self) -> None:
        self._begun: datetime | None = None
        self._letters: dict[tuple[str, str], int] = {}

    def lanes(self, event: StoredEvent, directory: Directory, letters: int, now: datetime) -> Lanes:
        """The lane of each of so many letters an event leads to, which are counted."""
        if event.event_type == EventType.DEADLINE:
            return _URGENT * letters
        if self._begun is None or not timedelta() <= now - self._begun < WINDOW:
            self._begun, self._letters = now, {}
        actor = directory.know(event.data.get("actor"))
        key = (event.source, actor.key if actor else "")
        before = self._letters.get(key, 0)
        self._letters[key] = before + letters
        ordinary = min(letters, max(0, FLOOD - before))
        return _ORDINARY * ordinary + (Lane.BULK,) * (letters - ordinary)
