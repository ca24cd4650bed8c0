"""Follows the store for the lists of deliveries: one thread reads what each of them wants to see, when it changes."""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from store import feed
from store.delivery_views import VIEWS, DeliveryView
from store.errors import StoreError
from store.status import read_status
from tui.delivery_reader import DeliveryReader, Snapshot, View

if TYPE_CHECKING:
    from tui.app import ConsoleApp

POLL_S = 0.1
"""Arrivals gather for so long; a list that wants to see something else is served at once."""
STATUS_EVERY = 10
"""Polls between two readings of the status when nothing changes."""
RETRY_S = 1.0
"""Pause after the store could not be read."""


class FedList(Protocol):
    """A list of deliveries that is fed."""

    @property
    def wanted(self) -> View | None:
        """What it wants to see, `None` while nobody sees it. Asked for in the follower's thread."""
        ...

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Take what was seen. Called in the application's thread."""
        ...


class FeedFollower:
    """Reads for the lists that are attached."""

    def __init__(self, console: "ConsoleApp") -> None:
        self._console = console
        self._lock = threading.Lock()
        self._lists: dict[FedList, DeliveryReader] = {}
        self._seen: dict[FedList, Snapshot] = {}
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(2)

    def attach(self, one: FedList) -> None:
        """A list is there: feed it."""
        with self._lock:
            self._lists[one] = DeliveryReader(self._console.store)
        self.wake()

    def detach(self, one: FedList) -> None:
        """A list is gone."""
        with self._lock:
            self._lists.pop(one, None)
            self._seen.pop(one, None)

    def wake(self) -> None:
        """A list wants to see something else: do not wait for the next poll."""
        self._wake.set()

    def _run(self) -> None:
        """Follow for as long as the console lives: a store that cannot be read is told once, and tried again."""
        failed = False
        while not self._stop.is_set():
            try:
                for _ in self._follow():
                    if failed:
                        failed = False
                        self._post(self._console.store_recovered)
                    if self._stop.is_set():
                        return
            except StoreError as error:
                if not failed:
                    self._post(self._console.store_failed, str(error))
                failed = True
                self._stop.wait(RETRY_S)

    def _follow(self) -> Iterator[None]:
        """Look, wait, look again; yields after each look."""
        with closing(feed.Watch(self._console.store)) as watch:
            quiet = STATUS_EVERY
            views: list[DeliveryView] | None = None
            while True:
                changed = watch.changed()
                busy = self._serve(changed=changed)
                quiet = max(quiet, STATUS_EVERY // 2) + 1 if changed else quiet + 1
                if quiet >= STATUS_EVERY:
                    quiet = 0
                    self._post(self._console.show_status, read_status(self._console.store))
                    with self._console.store.read() as connection:
                        found = VIEWS.all_in(connection)
                    if found != views:
                        views = found
                        self._post(self._console.show_views, views)
                yield
                self._wake.wait(0 if busy else POLL_S)
                self._wake.clear()

    def _serve(self, *, changed: bool) -> bool:
        """Look once for each list; gives whether one of them has more to look through."""
        busy = False
        with self._lock:
            lists = list(self._lists.items())
        for one, reader in lists:
            view = one.wanted
            if view is None:
                reader.miss(changed=changed)
                continue
            if (seen := reader.look(view, changed=changed)) is not None:
                self._hand_over(one, seen)
            busy = busy or reader.busy
        return busy

    def _hand_over(self, one: FedList, seen: Snapshot) -> None:
        """Give a list what was seen last; what it has not taken yet is out of date and forgotten."""
        with self._lock:
            waiting = one in self._seen
            if one in self._lists:
                self._seen[one] = seen
        if not waiting:
            self._post(self._show, one)

    def _show(self, one: FedList) -> None:
        with self._lock:
            seen = self._seen.pop(one, None)
        if seen is not None:
            one.show_snapshot(seen)

    def _post(self, call: object, *args: object) -> None:
        if not self._stop.is_set():
            self._console.call_later_from_thread(call, *args)
