"""When to call an operator who is looking elsewhere, and for what: pure, it is told the time."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

GATHER_S = 1.0
"""A burst begins with one: the first call waits so long for the others."""


class Way(StrEnum):
    """How a terminal calls."""

    BELL = "bell"
    TITLE = "title"
    DESKTOP = "desktop"


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        bell: Whether to ring.
        title: What is in the window's title: all that nobody has looked at, by kind; empty leaves it as it is.
        desktop: What the desktop's notification tells of: what is new since the last call, by kind; empty means none.
    """

    bell: bool = False
    title: Mapping[str, int] = field(default_factory=dict[str, int])
    desktop: Mapping[str, int] = field(default_factory=dict[str, int])


class Caller:
    """Makes calls of news: a burst is one call, and between two calls lie at least `every_s` seconds.

    Args:
        wishes: For each way, the kinds it is wished for.
        every_s: Seconds.
    """

    def __init__(self, wishes: Mapping[Way, Collection[str]], every_s: float) -> None:
        self._wishes = {way: frozenset(wishes.get(way, ())) for way in Way}
        self._every_s = every_s
        self._waiting: Counter[str] = Counter()
        self._unseen: Counter[str] = Counter()
        self._since = self._called_at = float("-inf")

    def take(self, news: Mapping[str, int], now: float) -> Call | None:
        """Take what is new, which may be nothing, and say whether to call now.

        Args:
            news: How many of each kind have come since this was last called.
            now: Seconds of a clock that does not go back.
        """
        if not self._waiting:
            self._since = now
        wished = frozenset[str]().union(*self._wishes.values())
        self._waiting.update({kind: count for kind, count in news.items() if kind in wished and count > 0})
        if not self._waiting or now < max(self._since + GATHER_S, self._called_at + self._every_s):
            return None
        new, self._waiting, self._called_at = self._waiting, Counter(), now
        self._unseen += new
        call = Call(
            bell=bool(new.keys() & self._wishes[Way.BELL]),
            title=self._of(Way.TITLE, self._unseen) if new.keys() & self._wishes[Way.TITLE] else {},
            desktop=self._of(Way.DESKTOP, new),
        )
        return call if call != Call() else None

    def seen(self) -> None:
        """The operator is here: what the title told of has been looked at."""
        self._unseen.clear()

    def _of(self, way: Way, counts: Mapping[str, int]) -> dict[str, int]:
        return {kind: count for kind, count in counts.items() if kind in self._wishes[way]}
