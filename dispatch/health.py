"""Whether a dispatcher does its work: plans, sends, keeps the clock, reaches its store. Words of ours alone."""

import time
from collections.abc import Callable, Iterable

from dispatch.membership import FRESH_FOR_S
from dispatch.outgoing import HOLD_CONNECTION, HOLD_SENDING
from dispatch.routes import CONNECTION_DOWN
from dispatch.sender import Sender

STALLED_S = 30.0
"""A loop that has not come round for so long stands still: the longest wait in one, for a locked store, is 10 s."""
STORE_AWAY_S = FRESH_FOR_S
"""When no heartbeat got through for so long, no letter is begun any more."""
STORE, PLANNER, CLOCK, SENDER = "store_unreachable", "planner_stalled", "clock_stalled", "sender_stalled"
STOPPING = "stopping"
_HOLDS = (HOLD_SENDING, HOLD_CONNECTION)
"""Why nothing goes out, where nobody has meant it to stop. Silent mode is meant."""


class Pulse:
    """When each loop of a dispatcher came round last, by the monotonic clock."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.planned_at = self.ticked_at = self.beaten_at = now()

    def planned(self) -> None:
        """The planner has looked for events."""
        self.planned_at = self._now()

    def ticked(self) -> None:
        """The clock has looked for deadlines."""
        self.ticked_at = self._now()

    def beaten(self) -> None:
        """The heartbeat is in the store."""
        self.beaten_at = self._now()

    def problems(self, sender: Sender, *, stopping: bool = False) -> list[str]:
        """What is wrong now, in stable words; empty when all is well."""
        now = self._now()
        last = {PLANNER: self.planned_at, CLOCK: self.ticked_at, SENDER: sender.looked_at}
        found = [STOPPING] if stopping else []
        if now - self.beaten_at > STORE_AWAY_S:
            return [*found, STORE]  # all the others wait for it
        found += [word for word, at in last.items() if now - at > STALLED_S]
        if sender.held_back in _HOLDS:
            found.append(str(sender.held_back))
        return [*found, CONNECTION_DOWN] if _all_down(sender) else found


def _all_down(sender: Sender) -> bool:
    """Whether each connection is out of order; one that rests because its server wants fewer letters is not."""
    circuits = [route.circuit for route in sender.routes]
    return bool(circuits) and all(one.state != "closed" and not one.resting for one in circuits)


def answer(problems: Iterable[str]) -> dict[str, object]:
    """What is told to whoever asks."""
    found = list(problems)
    return {"ok": not found, "problems": found}
