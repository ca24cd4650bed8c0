"""How long things took, or how many there were at once: counted by upper bounds, as a monitoring system reads it."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts values by the bound they do not exceed. One thread adds, any other may read.

    Attributes:
        bounds: Upper bounds, ascending; what is above the last is counted too.
        total: Sum of the values.
    """

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self._counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value; one below zero, which two clocks may give, counts as zero."""
        value = max(value, 0.0)
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._counts)

    def cumulative(self) -> list[int]:
        """How many values do not exceed each bound; the last entry counts all of them."""
        reached, found = 0, list[int]()
        for count in self._counts:
            reached += count
            found.append(reached)
        return found
