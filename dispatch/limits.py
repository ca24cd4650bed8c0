"""Limits of one server, learned from what it says: letters over one connection, connections at once, letters a minute.

A pure state machine; the time is handed in. Each limit goes down at once when the server refuses, and comes back
slowly (`store.limits`), like the congestion window of TCP: a hiccup is forgotten, a real limit is found again at the
price of one letter that goes again without having counted.

Several dispatchers on one store each learn on their own and write the same columns, the last one for good: a server
that counts all of them together then refuses each until their sum fits. What is stored is where a dispatcher begins.
"""

from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from store.limits import MOST_CONNECTIONS, Learned

LEAST_PER_MINUTE = 10
"""No lower rate is learned: no mail service is known to count fewer (Exchange Online takes 30 a minute), and a refusal
in sparse traffic says little of the rate. Where a server does take fewer, its refusals and their pauses do the rest."""
WINDOW = timedelta(minutes=1)
"""Over which the rate is seen."""
SAMPLE = timedelta(seconds=1)
BURST_S = 5.0
"""Letters of so many seconds may go together after a rest."""


class Limits:
    """What a connection may do now.

    Attributes:
        learned: What is to be kept; a new object whenever something was learned.
        letters: Letters over one connection, `None` without limit.
        connections: Connections at once.
        per_minute: Letters a minute, `None` without limit.
    """

    def __init__(self, learned: Learned, now: datetime) -> None:
        self.learned = learned
        self.letters: int | None = None
        self.connections = MOST_CONNECTIONS
        self.per_minute: int | None = None
        self._accepted = 0
        self._accepted_before_refusal = 0
        self._samples = deque([(now, 0)])
        self._closed_after: int | None = None
        self._tokens = 1.0
        self._filled_at = now
        self.refresh(now)

    def refresh(self, now: datetime) -> None:
        """Let what was learned fade. To be called every second or so while letters go."""
        found = self.learned.in_force(now)
        self.letters, self.per_minute = found.letters, found.per_minute
        self.connections = found.connections or MOST_CONNECTIONS
        if now - self._samples[-1][0] >= SAMPLE:
            self._samples.append((now, self._accepted))
        while len(self._samples) > 1 and now - self._samples[1][0] >= WINDOW:
            self._samples.popleft()

    def put_back(self, now: datetime) -> None:
        """The clock was put back: what was learned in the future was learned now."""
        self._samples = deque([(now, self._accepted)])
        self._filled_at = min(self._filled_at, now)
        learned = self.learned.columns()
        self.learned = Learned(**{name: _by(value, now) for name, value in learned.items()})
        self.refresh(now)

    def accepted(self) -> None:
        """A letter was accepted."""
        self._accepted += 1

    def closed_after(self, letters: int, now: datetime, *, said: bool) -> bool:
        """The server closed a connection after so many letters; gives whether that taught us a new limit.

        Without a word (`said`) it is believed the second time it happens after as many: a server that restarts
        closes its connections too, each after another number.
        """
        if letters < 1:
            return False
        if not said and self._closed_after != letters:
            self._closed_after = letters
            return False
        new = self.letters != letters
        self.learned = replace(self.learned, letters_limit=letters, letters_limit_at=now)
        self.refresh(now)
        return new

    def connection_refused(self, others: int, now: datetime) -> bool:
        """A connection was one too many beside so many others; gives whether that taught us a new limit."""
        limit = max(1, min(others, MOST_CONNECTIONS - 1))
        new = self.learned.connections_limit != limit or self.connections == MOST_CONNECTIONS
        self.learned = replace(self.learned, connections_limit=limit, connections_limit_at=now)
        self.refresh(now)
        return new

    def connected(self, count: int, now: datetime) -> None:
        """So many are connected: where that is more than was thought possible, it is possible."""
        if count > self.connections:
            self.learned = replace(self.learned, connections_limit=count, connections_limit_at=now)
            self.refresh(now)

    def slowed(self, now: datetime) -> bool:
        """The server asked for fewer letters; gives whether that taught us a new limit.

        The rate becomes half of what went in the last minute. A refusal with no letter accepted since the last one
        says nothing of the rate, only that the pause was too short.
        """
        if self._accepted == self._accepted_before_refusal:
            if self.per_minute is not None:
                self.learned = replace(self.learned, rate_limit_at=now)
                self.refresh(now)
            return False
        self._accepted_before_refusal = self._accepted
        seen = self._accepted - self._samples[0][1]
        if self.per_minute is not None:
            seen = min(seen, self.per_minute)
        rate = max(LEAST_PER_MINUTE, seen // 2)
        new = self.learned.rate_limit != rate or self.per_minute is None
        self.learned = replace(self.learned, rate_limit=rate, rate_limit_at=now)
        self._tokens, self._filled_at = 0.0, now
        self.refresh(now)
        return new

    def room(self, now: datetime, most: int) -> int:
        """How many letters may go now, `most` at once."""
        return most if self.per_minute is None else min(most, int(self._fill(now, self.per_minute)))

    def take(self, now: datetime) -> bool:
        """A letter wants to go; gives whether it may."""
        if self.per_minute is None:
            return True
        if self._fill(now, self.per_minute) < 1:
            return False
        self._tokens -= 1
        return True

    def next_at(self, now: datetime) -> datetime:
        """When the next letter may go, after one was refused to go now."""
        if self.per_minute is None:
            return now
        return now + timedelta(seconds=(1 - self._tokens) * 60 / self.per_minute)

    def _fill(self, now: datetime, per_minute: int) -> float:
        gained = max(0.0, (now - self._filled_at).total_seconds()) * per_minute / 60
        self._tokens = min(max(1.0, per_minute * BURST_S / 60), self._tokens + gained)
        self._filled_at = now
        return self._tokens


def _by(value: object, now: datetime) -> Any:
    return min(value, now) if isinstance(value, datetime) else value
