"""The letters a dispatcher has in hand: in line, begun behind another by a worker, and with the workers."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence

from dispatch.recording import Offer
from dispatch.window import Window
from store.outbox import Claimed
from store.vocabulary import Lane


class Hand:
    """What is leased and not settled yet.

    Attributes:
        arrived: Set when there is something for the workers.
        backlog: Whether letters that are due wait in the store, as far as is known: then no newer ones go before them.
        offered: What the planner may hand over in the transaction that is under way.
    """

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.backlog = True
        self.offered: Offer | None = None
        self._line: deque[Claimed] = deque()
        self._with_workers: set[int] = set()
        self._ahead: dict[int, Claimed] = {}
        self._window = Window()
        self._gone = 0

    @property
    def waiting(self) -> int:
        """Letters in line."""
        return len(self._line)

    @property
    def busy(self) -> bool:
        """Whether letters are with the workers."""
        return bool(self._with_workers)

    @property
    def empty(self) -> bool:
        """Whether there are none."""
        return not self._line and not self._with_workers

    @property
    def ids(self) -> set[int]:
        """All of them."""
        return {letter.id for letter in self._line} | self._with_workers

    @property
    def size(self) -> int:
        """How many letters should be in line at most."""
        return self._window.look(time.monotonic(), self._gone, len(self._line))

    @property
    def low(self) -> bool:
        """Whether it is time for more."""
        return len(self._line) <= self.size // 2

    def line_up(self, letters: Sequence[Claimed]) -> None:
        """Put letters into the line, the urgent ones in front."""
        self._line.extendleft(reversed([letter for letter in letters if letter.lane == Lane.URGENT]))
        self._line.extend(letter for letter in letters if letter.lane != Lane.URGENT)
        self.arrived.set()

    def put_back(self, letter: Claimed) -> None:
        """Put a letter in front of the line: it goes again at once."""
        self._line.appendleft(letter)
        self.arrived.set()

    def has_for(self, worker: int) -> bool:
        """Whether there is a letter for a worker; one it has begun behind another is its own."""
        return bool(self._line) or worker in self._ahead

    def next_for(self, worker: int) -> Claimed:
        """The next letter of a worker, which is with it from now on."""
        return self._ahead.pop(worker) if worker in self._ahead else self.take()

    def first(self) -> Claimed:
        """The first one in line."""
        return self._line[0]

    def take(self) -> Claimed:
        """The first one in line, which is with a worker from now on."""
        letter = self._line.popleft()
        self._with_workers.add(letter.id)
        return letter

    def begin_first(self, worker: int) -> None:
        """A worker begins the first one in line behind the letter it is about to send."""
        self._ahead[worker] = self.take()

    def leave_begun(self, worker: int) -> None:
        """A worker does not come to the letter it has begun: others may take it."""
        if (letter := self._ahead.pop(worker, None)) is not None:
            self._with_workers.discard(letter.id)
            self.put_back(letter)

    def done(self, letter: Claimed) -> None:
        """A worker has done with a letter."""
        self._with_workers.discard(letter.id)
        self._gone += 1

    def drop(self) -> None:
        """Let go of all that no worker is sending: they are not ours any more, or not for us to send."""
        self._line.clear()
        self._with_workers -= {letter.id for letter in self._ahead.values()}
        self._ahead.clear()
