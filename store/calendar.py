"""The company's working calendar: hours by weekday, public holidays, special days, in its time zone."""

import json
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version
from threading import Lock
from typing import NamedTuple
from zoneinfo import ZoneInfo

from store.cards import Company
from store.errors import SettingsError
from store.sanitise import clean_line
from store.types import from_micros, to_micros
from store.working_hours import OFF, WEEKDAYS, minutes_of

ANCHOR = 2020
"""The year at whose start nothing was worked yet. Fixed: what is kept of one process is good in another."""
YEARS = range(1970, 2201)
"""Years that have working days; it always works before and after them, so that a date gone wrong costs nothing."""
KEPT = 16
"""Calendars that are kept ready: there is one company, and old settings of it under test."""
_DAY = timedelta(days=1)


class _Settings(NamedTuple):
    hours: tuple[tuple[str, str], ...]
    zone: str
    holidays: str
    special_days: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """Whole years whose days are computed, side by side; never changed, so that threads may read it.

    Attributes:
        years: First year, and the one after the last.
        start: The start of the first year, µs; `end` of the last.
        opens: Openings, µs, ascending. The start comes first, as a day that closes when it opens.
        closes: The close of each.
        before: Working µs from the anchor to each opening.
        total: Working µs from the anchor to `end`.
    """

    years: tuple[int, int]
    start: int
    end: int
    opens: "array[int]"
    closes: "array[int]"
    before: "array[int]"
    total: int


class WorkCalendar:
    """When the company works. Times are microseconds since the epoch, UTC; days are those of its time zone.

    Opening and close are read off the clock on the wall: a day from 00:00 to 24:00 has 23 hours where clocks go
    forward, 25 where they go back. An opening that the clock skips is as much later as it skips.

    A day is, in this order: as `special_days` say; free on a public holiday; worked when a decree made it so, with the
    hours of the first weekday that has any; as its weekday. Years are computed when they are first asked for.

    Attributes:
        always: No working hours are set: it always works, on holidays too.
        key: Changes whenever what the calendar says changes, with a release of the holidays too.
    """

    @classmethod
    def of(cls, company: Company) -> "WorkCalendar":
        """The calendar of a company; the same object for as long as its settings are the same."""
        return _made(
            _Settings(
                tuple(company.working_hours.items()),
                company.timezone,
                company.holidays,
                tuple(company.special_days.items()),
            )
        )

    def __init__(self, settings: _Settings) -> None:
        self.always = not settings.hours
        told = [*settings, version("holidays") if settings.holidays else ""]
        self.key = blake2b(json.dumps(told).encode(), digest_size=16).hexdigest()
        self._zone = ZoneInfo(settings.zone)
        self._holidays = settings.holidays
        self._special = {
            date.fromisoformat(day): None if span == OFF else minutes_of(span) for day, span in settings.special_days
        }
        hours = dict(settings.hours)
        self._week = [minutes_of(hours[day]) if day in hours else None for day in WEEKDAYS]
        self._decreed = next((span for span in self._week if span), None)
        self._years: dict[int, tuple[frozenset[date], frozenset[date]]] = {}
        self._lock = Lock()
        start, none = self._edge(ANCHOR), array("q", [0])
        at_start = array("q", [start])
        self._known = _Known((ANCHOR, ANCHOR), start, start, at_start, at_start, none, 0)

    def worked(self, at: int) -> int:
        """Working microseconds from the anchor to a moment, negative before it; never falls."""
        if self.always:
            return at
        known = self._known
        if not known.start <= at < known.end:
            known = self._reach(at)
            if at < known.start:
                return known.before[0] - (known.start - at)
            if at >= known.end:
                return known.total + (at - known.end)
        index = bisect_right(known.opens, at) - 1
        return known.before[index] + min(at, known.closes[index]) - known.opens[index]

    def moment(self, worked: int) -> int:
        """The first moment at which so much was worked: what `worked` gives, undone."""
        if self.always:
            return worked
        known = self._known
        while worked > known.total and known.years[1] < YEARS.stop:
            known = self._grow(forward=True)
        while worked <= known.before[0] and known.years[0] > YEARS.start:
            known = self._grow(forward=False)
        if worked > known.total:
            return known.end + (worked - known.total)
        index = bisect_left(known.before, worked) - 1
        if index < 0:
            return known.start - (known.before[0] - worked)
        return known.opens[index] + (worked - known.before[index])

    def hours(self, day: date) -> tuple[int, int] | None:
        """Opening and close of a day, `None` when it is free or the calendar has no hours at all."""
        span = None if self.always else self._span(day)
        return None if span is None else (self._at(day, span[0]), self._at(day, span[1]))

    def next_opening(self, at: datetime) -> datetime | None:
        """When the company works next: `None` when it does at that moment, or has no hours at all.

        The end of a span is outside of it.
        """
        if self.always:
            return None
        micros = to_micros(at)
        known = self._reach(micros)
        if not known.start <= micros < known.end:
            return None
        index = bisect_right(known.opens, micros)
        if micros < known.closes[index - 1]:
            return None
        while index == len(known.opens):
            if known.years[1] == YEARS.stop:
                return None
            known = self._grow(forward=True)
            index = bisect_right(known.opens, micros)
        return from_micros(known.opens[index]).astimezone(at.tzinfo)

    def _span(self, day: date) -> tuple[int, int] | None:
        if day in self._special:
            return self._special[day]
        free, decreed = self._of_year(day.year)
        if day in free:
            return None
        return self._decreed if day in decreed else self._week[day.weekday()]

    def _of_year(self, year: int) -> tuple[frozenset[date], frozenset[date]]:
        """Public holidays of a year, and the free weekdays that are worked by decree."""
        found = self._years.get(year)
        if found is None:
            found = self._years[year] = _by_law(self._holidays, year)
        return found

    def _at(self, day: date, minute: int) -> int:
        hour, minute = divmod(minute, 60)
        if hour == 24:  # noqa: PLR2004 - the end of the day is the start of the next
            day, hour = day + _DAY, 0
        return to_micros(datetime(day.year, day.month, day.day, hour, minute, tzinfo=self._zone))

    def _edge(self, year: int) -> int:
        return self._at(date(year, 1, 1), 0)

    def _reach(self, at: int) -> _Known:
        """Years up to a moment; as far as there are any."""
        known = self._known
        while at >= known.end and known.years[1] < YEARS.stop:
            known = self._grow(forward=True)
        while at < known.start and known.years[0] > YEARS.start:
            known = self._grow(forward=False)
        return known

    def _grow(self, *, forward: bool) -> _Known:
        """One year more at one end. That many threads ask for it at once does no harm."""
        with self._lock:
            known = self._known
            first, stop = known.years
            if forward and stop < YEARS.stop:
                start, end, (opens, closes, before, worked) = known.end, self._edge(stop + 1), self._year(stop)
                self._known = _Known(
                    (first, stop + 1),
                    known.start,
                    end,
                    known.opens + array("q", opens),
                    known.closes + array("q", closes),
                    known.before + array("q", [known.total + one for one in before]),
                    known.total + worked,
                )
            elif not forward and first > YEARS.start:
                start, (opens, closes, before, worked) = self._edge(first - 1), self._year(first - 1)
                base = known.before[0] - worked
                self._known = _Known(
                    (first - 1, stop),
                    start,
                    known.end,
                    array("q", [start, *opens]) + known.opens[1:],
                    array("q", [start, *closes]) + known.closes[1:],
                    array("q", [base, *(base + one for one in before)]) + known.before[1:],
                    known.total,
                )
            return self._known

    def _year(self, year: int) -> tuple[list[int], list[int], list[int], int]:
        """Openings, closes, what was worked before each, and in the whole year."""
        opens, closes, before = list[int](), list[int](), list[int]()
        worked, last, end = 0, self._edge(year), self._edge(year + 1)
        day = date(year, 1, 1)
        while day.year == year:
            if (span := self._span(day)) is not None:
                # Zones have skipped whole days (Samoa, 30 December 2011): such a one lies over its neighbour.
                opening, close = max(last, self._at(day, span[0])), min(end, self._at(day, span[1]))
                if opening < close:
                    opens.append(opening)
                    closes.append(close)
                    before.append(worked)
                    worked, last = worked + close - opening, close
            day += _DAY
        return opens, closes, before, worked


def check_holidays(code: str, path: str) -> None:
    """Refuse what is not a country with known holidays, or a part of one.

    Raises:
        SettingsError: There is no such country, or it has no such part.
    """
    if not code:
        return
    from holidays.utils import list_supported_countries

    country, dash, part = code.partition("-")
    parts = list_supported_countries().get(country)
    shown = clean_line(code)
    if parts is None:
        problem = f"{shown!r} is no country with known holidays. Example: RU, or DE-BY for a part of one"
        raise SettingsError(path, problem, key="country", value=shown)
    if dash and not parts:
        problem = f"{country} has no part {clean_line(part)!r}; it has none. Example: {country}"
        raise SettingsError(path, problem, key="country_whole", value=shown, country=country)
    if dash and part not in parts:
        there = ", ".join(parts)
        problem = f"{country} has no part {clean_line(part)!r}; there are {there}. Example: {country}-{parts[0]}"
        raise SettingsError(path, problem, key="country_part", value=shown, country=country, parts=there)


def next_holiday(code: str, after: date, language: str) -> tuple[date, str] | None:
    """The next public holiday within a year, and what it is called: in `language` where that is known."""
    if not code:
        return None
    from holidays import country_holidays

    country, _, part = code.partition("-")
    try:
        years = (after.year, after.year + 1)
        found = country_holidays(country, subdiv=part or None, years=years, expand=False, language=_tongue(language))
    except NotImplementedError:
        return None
    return min(((day, clean_line(name)) for day, name in found.items() if day >= after), default=None)


def _tongue(language: str) -> str:
    return {"en": "en_US"}.get(language, language)


_made = lru_cache(maxsize=KEPT)(WorkCalendar)


def _by_law(country: str, year: int) -> tuple[frozenset[date], frozenset[date]]:
    if not country:
        return frozenset(), frozenset()
    # Only who has set a country pays for the import.
    from holidays import country_holidays

    code, _, part = country.partition("-")
    try:
        found = country_holidays(code, subdiv=part or None, years=year, expand=False)
    except NotImplementedError:
        # Refused when it is saved; another release of the package may know fewer. Then its days are worked:
        # an alarm on a holiday does less harm than none on a working day.
        return frozenset(), frozenset()
    return (
        frozenset(day for day in found if day.year == year),
        frozenset(day for day in found.weekend_workdays if day.year == year),
    )
