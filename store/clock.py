"""The one place the time is read. Everything else is handed a clock."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""A callable that gives the time as an aware UTC datetime."""


def system_clock() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


def steady() -> float:
    """Seconds that only go forward, whatever is done to the clock, and also while the machine sleeps.

    For how long something lasts or has been silent: Linux stops its monotonic clock while it sleeps, and a dispatcher
    that wakes must know how long it was away.
    """
    return time.clock_gettime(_STEADY)


_STEADY: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
