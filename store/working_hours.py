"""The company's working hours: by weekday, in its time zone."""

import re
from collections.abc import Mapping

from store.errors import SettingsError
from store.sanitise import clean_line

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24):([0-5]\d)")
OFF = "off"
"""What is written of a special day that is free."""


def check_working_hours(hours: Mapping[str, str], path: str) -> None:
    """Refuse hours that are none.

    Raises:
        SettingsError: A day is none, or its span is not like `09:00-18:00`.
    """
    for day, span in hours.items():
        if day not in WEEKDAYS:
            problem = f"{clean_line(day)!r} is no day; there are {', '.join(WEEKDAYS)}"
            raise SettingsError(path, problem, key="weekday", value=clean_line(day))
        if not _SPAN.fullmatch(span) or span[:5] >= span[6:] or span[6:] > "24:00":
            shown = clean_line(span)
            problem = f"{shown!r} is not a span. Example: 09:00-18:00"
            raise SettingsError(f"{path}.{day}", problem, key="hours", value=shown)


def minutes_of(span: str) -> tuple[int, int]:
    """Opening and close in minutes after midnight, of a span like `09:00-18:00`; 24:00 is 1440."""
    opening, close = (int(text[:2]) * 60 + int(text[3:]) for text in span.split("-"))
    return opening, close
