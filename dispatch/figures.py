"""What a dispatcher counts for a monitoring system. Plain numbers: a letter pays some hundred nanoseconds for them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from store.histogram import Histogram
from store.outbox import Claimed, Settlement
from store.vocabulary import DeliveryState

ROAD_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400)
"""A letter that waits for silent mode to end is on its way for hours, and is meant to be."""
TRANSACTION_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
MOST_KINDS = 500
"""Kinds of attempts told apart: connections come and go under new names, and each would be kept for ever."""
OTHER = "other"


@dataclass(slots=True)
class Tally:
    """What a sender has done since it started."""

    sent: int = 0
    failed: int = 0
    dead: int = 0
    held: int = 0
    released: int = 0
    connection_faults: int = 0


class Figures:
    """Counts since the dispatcher was started.

    Attributes:
        attempts: By connection, outcome (`sent`, `failed`, `connection_failed`, which counts as no attempt) and
            error class.
        road: Seconds from the commit of an event to the server's acceptance of each of its letters.
        transaction: Seconds of giving one letter to a server that took it.
    """

    def __init__(self) -> None:
        self.attempts: Counter[tuple[str, str, str]] = Counter()
        self.road = Histogram(ROAD_BOUNDS)
        self.transaction = Histogram(TRANSACTION_BOUNDS)

    def took(self, seconds: float) -> None:
        """A server took a letter, in so many seconds."""
        self.transaction.add(seconds)

    def arrived(self, letter: Claimed, now: datetime) -> None:
        """A server took a letter, now."""
        if letter.accepted_at is not None:
            self.road.add((now - letter.accepted_at).total_seconds())

    def settled(self, done: Iterable[Settlement]) -> None:
        """What became of some letters is in the store."""
        for one in done:
            if one.state is DeliveryState.SENT:
                key = (one.connection, "sent", "")
            elif one.error_class:
                key = (one.connection, "failed" if one.counted else "connection_failed", one.error_class)
            else:
                continue  # held, or given back untried
            if key not in self.attempts and len(self.attempts) >= MOST_KINDS:
                key = (OTHER, key[1], OTHER)
            self.attempts[key] += 1
