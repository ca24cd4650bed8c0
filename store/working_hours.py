"""The company's working hours: by weekday, in its time zone."""

import re
from collections.abc import Mapping
from datetime import date

from store.errors import SettingsError
from store.sanitise import clean_line

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24):([0-5]\d)")
_ISO_DAY = re.compile(r"(19[7-9]\d|2[01]\d\d)-\d\d-\d\d", re.ASCII)
MOST_SPECIAL_DAYS = 1000
OFF = "off"
"""What is written of a special day that is free."""
WORKING_HOURS = "working_hours"
"""Why a letter waits that could go: its rule keeps to the company's working hours."""


def check_working_hours(hours: Mapping[str, str], path: str) -> None:
    """Refuse hours that are none.

    Raises:
        SettingsError: A day is none, or its span is not like `09:00-18:00`.
    """
    for day, span in hours.items():
        if day not in WEEKDAYS:
            problem = f"{clean_line(day)!r} is no day; there are {', '.join(WEEKDAYS)}"
            raise SettingsError(path, problem, key="weekday", value=clean_line(day))
        _check_span(span, f"{path}.{day}", "hours", "Example: 09:00-18:00")


def check_special_days(days: Mapping[str, str], path: str) -> None:
    """Refuse special days that are none: their dates are ISO, their hours a span or `off`.

    Raises:
        SettingsError: A date is none or long past all use, or its hours are neither.
    """
    if len(days) > MOST_SPECIAL_DAYS:
        problem = f"there are {len(days)} days; {MOST_SPECIAL_DAYS} are allowed: take out those that are over"
        raise SettingsError(path, problem, key="special_days_many", most=MOST_SPECIAL_DAYS)
    for day, span in days.items():
        if not _ISO_DAY.fullmatch(day) or not _is_date(day):
            shown = clean_line(day)
            problem = f"{shown!r} is no date. Example: 2026-12-31"
            raise SettingsError(path, problem, key="special_date", value=shown)
        if span != OFF:
            _check_span(span, f"{path}.{day}", "special_hours", "Example: 09:00-14:00, or off for a free day")


def _check_span(span: str, path: str, key: str, example: str) -> None:
    if not _SPAN.fullmatch(span) or span[:5] >= span[6:] or span[6:] > "24:00":
        shown = clean_line(span)
        raise SettingsError(path, f"{shown!r} is not a span. {example}", key=key, value=shown)


def _is_date(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def minutes_of(span: str) -> tuple[int, int]:
    """Opening and close in minutes after midnight, of a span like `09:00-18:00`; 24:00 is 1440."""
    opening, close = (int(text[:2]) * 60 + int(text[3:]) for text in span.split("-"))
    return opening, close
