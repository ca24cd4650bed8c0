"""Following the store: what a screen shows is read again whenever something was committed."""

import threading
import time
from collections.abc import Callable
from contextlib import closing

from store.engine import Store
from store.errors import StoreError
from store.feed import Watch

POLL_S = 0.1
RETRY_S = 1.0
"""Pause after the store could not be read."""
REST = 10
LONG_REST = 3
REST_S = 0.3
"""After a reading one rests `REST` times as long, so that a busy store takes little of the console. But no longer than
`REST_S`, so that what others do is seen within half a second, unless reading itself takes long."""


def follow(store: Store, gone: threading.Event, in_front: Callable[[], bool], load: Callable[[], object]) -> None:
    """Call `load` after each change of the store until `gone` is set, while `in_front` says so. Runs in a thread.

    It is called once at the beginning, for what may have happened before anybody watched. While the store cannot be
    read it is tried again; the follower of the feed says so, loudly.
    """
    while not gone.is_set():
        try:
            with closing(Watch(store)) as watch:
                changed = False
                while not gone.wait(POLL_S):
                    changed = watch.changed() or changed
                    if changed and in_front():
                        begun = time.monotonic()
                        load()
                        changed = False
                        spent = time.monotonic() - begun
                        gone.wait(min(spent * REST, max(REST_S, spent * LONG_REST)))
        except StoreError:
            gone.wait(RETRY_S)
