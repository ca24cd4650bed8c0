"""The company's working hours: by weekday, in its time zone."""

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from store.errors import SettingsError
from store.sanitise import clean_line

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24):([0-5]\d)")
DAYS_AHEAD = 8
"""A week and today's rest: whoever works at all opens within them."""


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


def next_opening(hours: Mapping[str, str], zone: str, moment: datetime) -> datetime | None:
    """When the company works next: `None` when it does at that moment, or has no hours at all.

    The end of a span is outside of it. Where clocks go forward over the opening, it is an hour later.
    """
    if not hours:
        return None
    local = moment.astimezone(ZoneInfo(zone))
    for days in range(DAYS_AHEAD):
        day = local.date() + timedelta(days=days)
        span = hours.get(WEEKDAYS[day.weekday()])
        if span is None:
            continue
        opens = datetime.combine(day, time.fromisoformat(span[:5]), local.tzinfo)
        if local < opens:
            return opens.astimezone(moment.tzinfo)
        # Compared as texts: 24:00 is the end of the day, and no time of it.
        if not days and f"{local:%H:%M}" < span[6:]:
            return None
    return None
