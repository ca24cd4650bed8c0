"""`deliveries --follow`: the live pane as plain text, for terminals that cannot show the console, and for pipes."""

import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from types import FrameType

from store.cards import FeedRow
from store.delivery_query import matching
from store.delivery_stream import DeliveryStream
from store.delivery_traits import DeliveryQuery
from store.engine import Store
from store.errors import StoreError
from store.feed import Watch
from tui.cli.output import drop_output, note

POLL_S = 0.1
RETRY_S = 1.0
"""Pause after the store could not be read."""


def follow(store: Store, query: DeliveryQuery, tail: int, tell: Callable[[FeedRow], None]) -> None:
    """Tell of deliveries as they happen until SIGINT or SIGTERM, or until nobody reads standard output any more.

    Args:
        store: An open store. One that cannot be read for a while is told of once, and tried again.
        query: Only of those that are wanted, as they are when they are read.
        tail: So many of the newest are told first.
        tell: Writes one of them.
    """
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stream, lost = DeliveryStream(store, tail), False
        rows: list[FeedRow] = []
        with closing(Watch(store)) as watch:
            while not ended.is_set() and _read_on():
                begun = time.monotonic()
                try:
                    rows += [row for row, _ in stream.read()] if watch.changed() or lost else []
                    wanted = matching(store, query, [row.id for row in rows])
                except StoreError as error:
                    if not lost:
                        note(f"{error}; trying again")
                    lost = True
                    ended.wait(RETRY_S)
                    continue
                if lost:
                    note("the store can be read again")
                    lost = False
                for row in rows:
                    if row.id in wanted:
                        tell(row)
                rows.clear()
                sys.stdout.flush()
                ended.wait(max(POLL_S, time.monotonic() - begun))
    except BrokenPipeError:
        drop_output()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _read_on() -> bool:
    """Whether somebody may still read what is written: a pipe without a reader reports an error."""
    try:
        poll = select.poll()
        poll.register(sys.stdout, 0)
    except (AttributeError, OSError, ValueError):
        return True  # no file of the system's, or a system without poll
    return not poll.poll(0)
