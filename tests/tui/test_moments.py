"""Spans and moments as people type them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tui.moments import MOST, moment, span

MOSCOW = ZoneInfo("Europe/Moscow")
MIN = timedelta(minutes=1)
NOW = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
"""In Moscow it is the 24th already."""


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90m", 90), ("90 мин", 90), ("90 мин.", 90), ("2h", 120), ("2 Ч", 120), ("1 ч 30 мин", 90), ("1h30m", 90),
        ("3д", 3 * 1440), ("1 нед 2 дн", 9 * 1440), ("0m", 0),
        ("999999999w", MOST / MIN), ("9999d 9999d", MOST / MIN),
    ],
)  # fmt: skip
def test_a_span(text: str, minutes: int) -> None:
    assert span(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "2", "h", "2x", "-2h", "2h x", "1.5h", "18:00", "２h ago"])
def test_what_is_no_span(text: str) -> None:
    assert span(text) is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("18:00", "2026-11-24T18:00+03:00"),
        ("30.11 9:05", "2026-11-30T09:05+03:00"),
        ("30.11.2027", "2027-11-30T00:00+03:00"),
        ("30.11.27, 18:00", "2027-11-30T18:00+03:00"),
        ("2026-11-30T18:00", "2026-11-30T18:00+03:00"),
        ("2026-11-30T18:00Z", "2026-11-30T18:00+00:00"),
        ("2026-11-30", "2026-11-30T00:00+03:00"),
    ],
)
def test_a_moment(text: str, at: str) -> None:
    assert moment(text, NOW, MOSCOW) == datetime.fromisoformat(at)


@pytest.mark.parametrize("text", ["", "25:00", "31.02.2026", "30.11.2026 24:00", "tomorrow", "0.0", "18", "2h"])
def test_what_is_no_moment(text: str) -> None:
    assert moment(text, NOW, MOSCOW) is None
