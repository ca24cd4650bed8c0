"""Spans and moments as people type them: `2 ч`, `1h30m`, `90 мин`, `18:00`, `26.11.2026 18:00`, ISO 8601."""

import re
from datetime import datetime, time, timedelta, tzinfo

MOST = timedelta(days=3660)
"""Longer than any span somebody means; what is longer counts as this, since it would leave the calendar."""
_UNITS = {
    **dict.fromkeys(("m", "min", "м", "мин"), timedelta(minutes=1)),
    **dict.fromkeys(("h", "ч", "час"), timedelta(hours=1)),
    **dict.fromkeys(("d", "д", "дн"), timedelta(days=1)),
    **dict.fromkeys(("w", "н", "нед"), timedelta(weeks=1)),
}
_PART = r"(\d{1,9})\s*([a-zа-я]+)\.?\s*"
_DAY_AND_TIME = re.compile(r"(\d{1,2})\.(\d{1,2})(?:\.(\d{4}|\d{2}))?(?:[\s,]+(\d{1,2}):(\d{2}))?")
_TIME = re.compile(r"(\d{1,2}):(\d{2})")


def span(text: str) -> timedelta | None:
    """A span of minutes, hours, days and weeks, in Russian or English; `None` for what is none."""
    words = text.strip().casefold()
    if not re.fullmatch(f"(?:{_PART})+", words):
        return None
    found = timedelta()
    for number, unit in re.findall(_PART, words):
        if unit not in _UNITS:
            return None
        found = min(found + min(int(number), MOST // _UNITS[unit] + 1) * _UNITS[unit], MOST)
    return found


def moment(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    """A moment: a time of today, a day (of this year, where it has none) with or without a time, or ISO 8601.

    Args:
        text: What was typed. What names no zone is meant in `zone`.
        now: Today is the day it lies in.
        zone: Usually the company's.

    Returns:
        An aware datetime; `None` for what is no moment.
    """
    words, today = text.strip(), now.astimezone(zone)
    try:
        if clock := _TIME.fullmatch(words):
            return datetime.combine(today, time(int(clock[1]), int(clock[2])), zone)
        if day := _DAY_AND_TIME.fullmatch(words):
            year = int(day[3] or today.year)
            at = time(int(day[4] or 0), int(day[5] or 0))
            return datetime(year + 2000 * (year < 100), int(day[2]), int(day[1]), at.hour, at.minute, tzinfo=zone)  # noqa: PLR2004 - two digits
        found = datetime.fromisoformat(words)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def before(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    """A moment, or so long ago where a span was typed; `None` for what is neither."""
    ago = span(text)
    return moment(text, now, zone) if ago is None else now - ago


def after(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    """A moment, or so long from now where a span was typed; `None` for what is neither."""
    ahead = span(text)
    return moment(text, now, zone) if ahead is None else now + ahead
