"""Follows the store for the panes: one thread polls, the panes are told at most ten times a second."""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from store import feed
from store.cards import FeedRow
from store.errors import StoreError
from store.status import read_status
from store.vocabulary import DeliveryState

if TYPE_CHECKING:
    from tui.app import ConsoleApp
    from tui.widgets.live_pane import LivePane

POLL_S = 0.1
STATUS_EVERY = 10
"""Polls between two readings of the status when nothing changes."""
FIRST = 300
WINDOW = 2000
"""Rows kept for the panes; older ones are read again when one scrolls to them."""
RETRY_S = 1.0
"""Pause after the store could not be read."""
MOVING = frozenset({DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.HELD})
"""States that may still change by themselves."""


class FeedFollower:
    """Reads what is new above the last id, and the rows whose state changed."""

    def __init__(self, console: "ConsoleApp") -> None:
        self._console = console
        self._panes: list[LivePane] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._last = 0
        self._known: list[FeedRow] = []

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2)

    def attach(self, pane: "LivePane") -> None:
        """A pane is shown: give it what is known."""
        self._panes.append(pane)
        pane.show_all(list(self._known))

    def detach(self, pane: "LivePane") -> None:
        """A pane is gone."""
        if pane in self._panes:
            self._panes.remove(pane)

    def read_older(self, pane: "LivePane", before_id: int) -> None:
        """Read the page before a row, in a thread, and hand it to the pane."""

        def read() -> None:
            older = feed.latest(self._console.store, limit=FIRST, before_id=before_id)
            if older:
                self._console.call_from_thread(pane.append_older, older)

        self._console.run_worker(read, thread=True, group="older", exclusive=True, exit_on_error=False)

    def _run(self) -> None:
        """Follow for as long as the console lives: a store that cannot be read is told once, and tried again."""
        failed = False
        while not self._stop.is_set():
            try:
                for _ in self._follow():
                    if failed:
                        failed = False
                        self._post(self._console.store_recovered)
                    self._stop.wait(POLL_S)
                    if self._stop.is_set():
                        return
            except StoreError as error:
                if not failed:
                    self._post(self._console.store_failed, str(error))
                failed = True
                self._stop.wait(RETRY_S)

    def _follow(self) -> Iterator[None]:
        """Read what there is, then what is new; yields between two looks."""
        store = self._console.store
        with closing(feed.Watch(store)) as watch:
            first = feed.latest(store, limit=FIRST)
            self._last = first[0].id if first else 0
            self._tell(first, [], [])
            quiet = STATUS_EVERY
            while True:
                quiet += 1
                if watch.changed():
                    fresh = self._fresh()
                    moving = [row.id for row in self._known[:900] if row.state in MOVING]
                    changed = feed.by_ids(store, moving) if moving else []
                    self._tell([], fresh, changed)
                    quiet = max(quiet, STATUS_EVERY // 2)
                if quiet >= STATUS_EVERY:
                    quiet = 0
                    self._post(self._console.show_status, read_status(store))
                yield

    def _fresh(self) -> list[FeedRow]:
        """Everything above the last id; of a burst larger than the window only what fits into it."""
        fresh: list[FeedRow] = []
        while page := feed.after(self._console.store, self._last):
            self._last = page[-1].id
            fresh = (fresh + page)[-WINDOW:]
        return fresh

    def _tell(self, first: list[FeedRow], fresh: list[FeedRow], changed: list[FeedRow]) -> None:
        if first:
            self._known = first
        by_id = {row.id: row for row in changed}
        self._known = (fresh[::-1] + [by_id.get(row.id, row) for row in self._known])[:WINDOW]
        self._post(self._deliver, bool(first), fresh, changed)

    def _deliver(self, first: bool, fresh: list[FeedRow], changed: list[FeedRow]) -> None:  # noqa: FBT001
        for pane in self._panes:
            if first:
                pane.show_all(list(self._known))
            else:
                pane.merge(fresh, changed)

    def _post(self, call: object, *args: object) -> None:
        if self._stop.is_set():
            return
        self._console.call_later_from_thread(call, *args)
