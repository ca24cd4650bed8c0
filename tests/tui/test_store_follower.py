"""What a section shows is read again after each change, also after the store could not be read for a while."""

import threading
import time
from collections.abc import Callable

import pytest

from store.engine import Store
from store.errors import StoreUnreachableError
from tests.tui.scripted_desk import add_notice
from tui import store_follower
from tui.store_follower import follow

DEADLINE_S = 30


def until(condition: Callable[[], object], what: str) -> None:
    ends = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < ends, what
        time.sleep(0.01)


def test_it_reads_after_each_change_and_goes_on_after_a_store_that_was_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_follower, "RETRY_S", 0.01)
    gone, in_front = threading.Event(), threading.Event()
    read: list[bool] = []
    lost = [True]

    def load() -> None:
        read.append(lost[0])
        if lost[0]:
            raise StoreUnreachableError("gone")

    in_front.set()
    thread = threading.Thread(target=follow, args=(store, gone, in_front.is_set, load))
    thread.start()
    try:
        until(lambda: len(read) > 2, "it is not tried again")
        lost[0] = False
        until(lambda: read[-1] is False, "it is not followed any more")
        in_front.clear()
        read.clear()
        add_notice(store, subject="Письмо", name="Кто-то")
        time.sleep(3 * store_follower.POLL_S)  # that something does not happen can only be waited for
        assert read == [], "nobody sees it"
        in_front.set()
        until(lambda: read, "what changed meanwhile is not read")
    finally:
        gone.set()
        thread.join(DEADLINE_S)
