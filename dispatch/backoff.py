"""Pauses between attempts: exponential with jitter, bounded, and never sooner than the server asked."""

from collections.abc import Callable

MAX_PAUSE_S = 6 * 3600.0
JITTER = 0.2
"""Part of the pause that is left to chance, so that letters refused together do not return together."""


def next_pause_s(attempt: int, base_s: float, *, retry_after_s: float | None, random: Callable[[], float]) -> float:
    """Seconds to wait after a failed attempt.

    Args:
        attempt: Failed attempts so far, from 1.
        base_s: The configured pause: what the first failure waits.
        retry_after_s: What the server asked for, if it did.
        random: Gives numbers in [0, 1).
    """
    pause = min(MAX_PAUSE_S, base_s * 2 ** min(attempt - 1, 30))
    pause *= 1 + JITTER * random()
    return max(pause, retry_after_s or 0.0)
