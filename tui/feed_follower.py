"""Follows the store for the panes: one thread polls, the panes are told at most ten times a second."""

import threading
from typing import TYPE_CHECKING

from store import feed
from store.cards import FeedRow
from store.errors import StoreError
from store.status import read_status

if TYPE_CHECKING:
    from tui.app import ConsoleApp
    from tui.widgets.live_pane import LivePane

POLL_S = 0.1
STATUS_EVERY = 10
"""Polls between two readings of the status when nothing changes."""
FIRST = 300


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
        store = self._console.store
        watch = feed.Watch(store)
        try:
            first = feed.latest(store, limit=FIRST)
            self._last = first[0].id if first else 0
            self._tell(first, [], [])
            quiet = STATUS_EVERY
            while not self._stop.is_set():
                quiet += 1
                if watch.changed():
                    fresh = feed.after(store, self._last)
                    self._last = fresh[-1].id if fresh else self._last
                    moving = [row.id for row in self._known[:900] if row.state.value in {0, 1, 2}]
                    changed = feed.by_ids(store, moving) if moving else []
                    self._tell([], fresh, changed)
                    quiet = max(quiet, STATUS_EVERY // 2)
                if quiet >= STATUS_EVERY:
                    quiet = 0
                    self._post(self._console.show_status, read_status(store))
                self._stop.wait(POLL_S)
        except StoreError as error:
            self._post(self._console.store_failed, str(error))
        finally:
            watch.close()

    def _tell(self, first: list[FeedRow], fresh: list[FeedRow], changed: list[FeedRow]) -> None:
        if first:
            self._known = first
        by_id = {row.id: row for row in changed}
        self._known = (fresh[::-1] + [by_id.get(row.id, row) for row in self._known])[:2000]
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
