"""Whether the clock was put back, as a dispatcher notices it while it runs."""

from collections.abc import Callable
from datetime import timedelta

from store.clock import Clock, steady

LEAST = timedelta(seconds=2)
"""What is less is not worth a word: a letter waits so much longer."""


class Jumps:
    """Looks at a clock again and again.

    Forward it may jump: what waits goes sooner, and nothing is sent twice, for no lease ends by the clock.
    """

    def __init__(self, clock: Clock, seconds: Callable[[], float] = steady) -> None:
        self._clock = clock
        self._seconds = seconds
        self._last = clock(), seconds()

    def back(self) -> timedelta | None:
        """By how much the clock was put back since one last looked; `None` where it was not."""
        before, then = self._last
        self._last = now, seconds = self._clock(), self._seconds()
        return before - now + timedelta(seconds=seconds - then) if before - now > LEAST else None
