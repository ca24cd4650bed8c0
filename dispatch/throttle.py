"""The throttle of the sending parameters: at most so many letters, then a pause."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from store.cards import Sending


@dataclass(slots=True)
class Throttle:
    """At most `batch_size` letters within `batch_interval_s`; without an interval, at once. The time is handed in."""

    used: int = 0
    until: datetime | None = None

    def left(self, sending: Sending, now: datetime, most: int) -> int:
        """How many letters may go now, `most` at once."""
        if not sending.batch_size:
            return most
        begun = sending.batch_interval_s and self.until is not None and now < self.until
        return max(0, min(most, sending.batch_size - (self.used if begun else 0)))

    def put_back(self, by: timedelta) -> None:
        """The clock was put back: the interval lasts no longer for it."""
        if self.until is not None:
            self.until -= by

    def took(self, count: int, sending: Sending, now: datetime) -> None:
        """So many letters are on their way; the first of them begins an interval."""
        if not count:
            return
        if self.until is None or now >= self.until:
            self.used, self.until = 0, now + timedelta(seconds=sending.batch_interval_s)
        self.used += count
