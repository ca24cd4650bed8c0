"""Following the store: what a screen shows is read again whenever something was committed."""

import threading
import time
from collections.abc import Callable

from store.engine import Store
from store.errors import StoreError
from store.feed import Watch

POLL_S = 0.25
REST = 10
"""Parts of the time a reading took for which nothing is read: what is long is read at most a tenth of the time."""


def follow(store: Store, gone: threading.Event, in_front: Callable[[], bool], load: Callable[[], object]) -> None:
    """Call `load` after each change of the store until `gone` is set, while `in_front` says so. Runs in a thread."""
    try:
        watch = Watch(store)
        changed = not watch.changed()
        while not gone.wait(POLL_S):
            changed = watch.changed() or changed
            if changed and in_front():
                changed = False
                begun = time.monotonic()
                load()
                gone.wait((time.monotonic() - begun) * REST)
        watch.close()
    except StoreError:
        return  # the follower of the feed says so, loudly
