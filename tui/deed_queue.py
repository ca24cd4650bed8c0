"""What is done from a console, one deed after the other, and how the last ones are taken back."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

    from store.acknowledgements import Progress

DEPTH = 20
"""So many deeds can be taken back, one after the other."""


@dataclass(frozen=True, slots=True)
class Undoable:
    """A deed that can be taken back.

    Attributes:
        what: What was done, in words.
        size: For how many.
        take_back: Takes it back, in a thread, and gives for how many; 0 where it is too late.
    """

    what: str
    size: int
    take_back: "Callable[[Progress | None], int]"


class DeedQueue:
    """Deeds run in threads, one at a time and in the order they were asked for, whichever screen they come from.

    So who takes a deed back while it is under way takes back that one, and not the one before it.
    """

    def __init__(self, app: "App[Any]") -> None:
        self._app = app
        self._turn = asyncio.Lock()
        self._done: deque[Undoable] = deque(maxlen=DEPTH)
        self._questions = 0

    def start(self, work: Callable[[], None]) -> None:
        """Do it in a thread when its turn has come, also when its screen is left before. To be called by the loop."""
        self._app.run_worker(self._in_turn(work, self._questions), group="deeds", exit_on_error=False)

    async def _in_turn(self, work: Callable[[], None], questions: int) -> None:
        async with self._turn:
            if questions == self._questions:
                await asyncio.to_thread(work)

    def asked(self) -> None:
        """The deed under way ends in a question: what was asked for behind it is dropped.

        Those keys are for whoever answers; a machine that is quicker would have given them to the question.
        """
        self._questions += 1

    def keep(self, deed: Undoable) -> None:
        """Keep how a deed is taken back; the oldest one is forgotten. For what runs in its turn."""
        self._done.append(deed)

    def take(self) -> Undoable | None:
        """The last deed, which is no longer kept; `None` when there is none. For what runs in its turn."""
        return self._done.pop() if self._done else None

    def __len__(self) -> int:
        return len(self._done)
