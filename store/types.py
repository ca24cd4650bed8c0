"""Column types of our own: times, and the width of keys on both engines."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, String
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

BigKey = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit key. SQLite numbers rows by itself only when the column is spelled INTEGER."""

Sortable = String().with_variant(String(collation="C"), "postgresql")
"""Text that sorts by code points on both engines, whatever the language of the server."""


def to_micros(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime.

    Raises:
        ValueError: The datetime is naive: its zone would be a guess.
    """
    if moment.tzinfo is None:
        msg = "a naive datetime has no place in the store; give it a zone"
        raise ValueError(msg)
    return (moment - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime of microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=micros)


class UtcMicros(TypeDecorator[datetime]):
    """Aware datetime in Python, microseconds since the epoch in the store.

    An integer sorts, ranges and does arithmetic alike on SQLite and PostgreSQL, which the deadline
    thresholds (`due - (due - started) * 25 / 100`) and the due index need.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Python to store."""
        del dialect
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Store to Python."""
        del dialect
        return None if value is None else from_micros(int(value))
