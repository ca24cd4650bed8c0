"""What an operator does about storms: release, drop, digest; asked first where letters would go or be cancelled."""

from collections.abc import Callable, Sequence
from typing import Any

from dispatch.digest import send_now
from store import feed
from store.acknowledgements import portions
from store.cards import FeedRow
from store.engine import Store
from store.errors import StoreError
from store.storms import HOLD_OBJECT, OBJECT, Storm, StormCard, drop, list_storms, release
from tui.operator import operator
from tui.spoken import Spoken
from tui.widgets.question import Question

Deed = Callable[[Store, Storm, str], int]
DEEDS: dict[str, Deed] = {"release": release, "drop": drop, "digest": send_now}
NAMED = 3
"""Storms a question names."""


def storms_of(rows: Sequence[FeedRow], storms: Sequence[StormCard]) -> list[StormCard]:
    """The storms that hold these letters."""
    objects = {(row.object_type, row.object_number) for row in rows if row.reason == HOLD_OBJECT}
    people = {row.recipient_address for row in rows if row.reason != HOLD_OBJECT}
    return [
        storm
        for storm in storms
        if ((storm.object_type, storm.key) in objects if storm.kind == OBJECT else storm.key in people)
    ]


class StormDeeds:
    """Does something about the storms that hold some letters, in threads.

    Args:
        screen: Where questions are asked and answers told.
        after: Called in the thread when something was done.
    """

    def __init__(self, screen: Spoken[Any], after: Callable[[], None]) -> None:
        self._screen, self._after = screen, after

    def do(self, deed: str, ids: Sequence[int]) -> None:
        """Release, drop or digest the storms of these letters."""
        if ids:
            self._run(lambda: self._find(deed, ids))

    def _find(self, deed: str, ids: Sequence[int]) -> None:
        store = self._screen.store
        storms = list_storms(store)
        letters = (feed.by_ids(store, some) for some in portions(ids, None, pause_s=0))
        these = {storm for rows in letters for storm in storms_of(rows, storms)}
        found = [storm for storm in storms if storm in these]
        if not found:
            self._screen.notify(self._screen.say("storms.none"), markup=False)
        elif deed == "digest":
            self._done(deed, found)
        else:
            self._screen.app.call_from_thread(self._ask, deed, found)

    def _ask(self, deed: str, storms: list[StormCard]) -> None:
        say = self._screen.say
        named = ", ".join(storm.key for storm in storms[:NAMED])
        if len(storms) > NAMED:
            named = f"{named} {say('storms.more', count=len(storms) - NAMED)}"
        letters = sum(storm.letters for storm in storms)
        question = Question(
            say(f"storms.ask_{deed}", letters=letters, what=named), yes=say(f"storms.yes_{deed}"), no=say("storms.no")
        )

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._run(lambda: self._done(deed, storms))

        self._screen.app.push_screen(question, answered)

    def _done(self, deed: str, storms: list[StormCard]) -> None:
        letters = sum(DEEDS[deed](self._screen.store, storm, operator()) for storm in storms)
        self._screen.notify(self._screen.say(f"storms.done_{deed}", letters=letters), markup=False)
        self._after()

    def _run(self, work: Callable[[], None]) -> None:
        def safely() -> None:
            try:
                work()
            except StoreError as error:
                self._screen.notify(str(error), severity="error", markup=False)

        self._screen.run_worker(safely, group="storms", thread=True, exit_on_error=False)
