"""How many letters a dispatcher takes in hand: as many as leave within half a second. Pure; the time is handed in.

More would stand between an urgent letter, or another dispatcher, and a server that is slow; fewer would have the
connections of a fast one wait for the store.
"""

LEAST, MOST = 40, 2_000
HOLD_S = 0.5
STEP_S = 0.05
SHRINKS_TO = 0.8
"""What is left of it in a step at least: planning and sending take turns, and a pause is no slow server."""


class Window:
    """Follows the rate at which letters leave; doubles while they leave faster than they come.

    Attributes:
        size: Letters in hand at most.
    """

    def __init__(self) -> None:
        self.size = LEAST
        self._at: float | None = None
        self._gone = 0

    def look(self, now: float, gone: int, waiting: int) -> int:
        """Adapt, and give the size.

        Args:
            now: Seconds that only go forward.
            gone: Letters that have left, in all.
            waiting: Letters in hand that nobody has begun.
        """
        if self._at is None:
            self._at, self._gone = now, gone
        elif now - self._at >= STEP_S:
            left = gone - self._gone
            wanted = int(left / (now - self._at) * HOLD_S)
            if left and not waiting:
                wanted = max(wanted, 2 * self.size)
            self.size = min(MOST, max(LEAST, wanted, int(SHRINKS_TO * self.size)))
            self._at, self._gone = now, gone
        return self.size
