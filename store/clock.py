"""The one place the time is read. Everything else is handed a clock."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""A callable that gives the time as an aware UTC datetime."""


def system_clock() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)
