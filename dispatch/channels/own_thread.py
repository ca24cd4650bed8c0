"""Blocking calls in a thread of their own, with an end.

A thread cannot be cancelled, and a pool of them has to be waited for: a server that drips bytes would keep the
dispatcher from ending. These threads are daemons, one a call; one that overstays is left behind, and whoever
called must throw away what it was using.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def in_own_thread(work: Callable[[], T], limit_s: float) -> T:
    """Run a blocking call; gives its result or raises what it raised.

    Raises:
        TimeoutError: It took longer than `limit_s`. It may still be running.
    """
    future: Future[T] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the caller
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name="mail channel", daemon=True).start()
    return await asyncio.wait_for(asyncio.wrap_future(future), limit_s)
