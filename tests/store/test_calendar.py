"""The working calendar, held against counting every quarter of an hour on the clock on the wall."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from holidays import HolidayBase, country_holidays
from hypothesis import example, given
from hypothesis import strategies as st

from store.calendar import YEARS, WorkCalendar
from store.cards import Company
from store.types import to_micros
from store.working_hours import OFF, WEEKDAYS

HOUR = 3_600_000_000
QUARTER = HOUR // 4
WEEK: dict[str, str] = dict.fromkeys(WEEKDAYS[:5], "09:00-18:00")
ZONES = ("Europe/Moscow", "Europe/Berlin")
COUNTRIES = ("", "RU", "DE-BY")
WINDOWS = (
    datetime(2026, 3, 27, tzinfo=UTC),  # clocks go forward in Berlin on the 29th
    datetime(2026, 10, 23, tzinfo=UTC),  # and back on the 25th
    datetime(2026, 12, 29, tzinfo=UTC),
    datetime(2024, 4, 25, tzinfo=UTC),  # Russia works on Saturday the 27th
)
DAYS = 10


def micros(text: str, zone: str = "Europe/Moscow") -> int:
    return to_micros(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def acme(hours: dict[str, str] | None = None, timezone: str = "Europe/Moscow", **rest: Any) -> Company:
    return Company("ACME", timezone=timezone, working_hours=WEEK if hours is None else hours, **rest)


def calendar(hours: dict[str, str] | None = None, **rest: Any) -> WorkCalendar:
    return WorkCalendar.of(acme(hours, **rest))


@lru_cache
def law(country: str, year: int) -> HolidayBase:
    code, _, part = country.partition("-")
    return country_holidays(code, subdiv=part or None, years=year, expand=False)


def at_work(company: Company, micro: int) -> bool:
    """Whether the company works in the quarter of an hour that begins then: read off the clock on the wall."""
    wall = datetime.fromtimestamp(micro // 1_000_000, ZoneInfo(company.timezone))
    span = company.special_days.get(wall.date().isoformat())
    if span is None:
        span = company.working_hours.get(WEEKDAYS[wall.weekday()])
        if company.holidays:
            by_law = law(company.holidays, wall.year)
            if wall.date() in by_law:
                span = None
            elif wall.date() in by_law.weekend_workdays:
                span = next(company.working_hours[day] for day in WEEKDAYS if day in company.working_hours)
    return span not in (None, OFF) and span[:5] <= f"{wall:%H:%M}" < span[6:]


@st.composite
def spans(draw: st.DrawFn) -> str:
    """Quarters of an hour, at times that no clock skips or shows twice."""
    times = [f"{hour:02}:{minute:02}" for hour in (0, 1, *range(4, 24)) for minute in (0, 15, 30, 45)] + ["24:00"]
    opening, close = sorted(draw(st.lists(st.sampled_from(times), min_size=2, max_size=2, unique=True)))
    return f"{opening}-{close}"


@st.composite
def companies(draw: st.DrawFn, start: datetime) -> Company:
    days = st.integers(0, DAYS).map(lambda day: (start + timedelta(days=day)).date().isoformat())
    return acme(
        draw(st.dictionaries(st.sampled_from(WEEKDAYS), spans(), min_size=1)),
        timezone=draw(st.sampled_from(ZONES)),
        holidays=draw(st.sampled_from(COUNTRIES)),
        special_days=draw(st.dictionaries(days, spans() | st.just(OFF), max_size=4)),
    )


@pytest.mark.no_cover  # Hypothesis goes many times where the others have been
@given(st.sampled_from(WINDOWS).flatmap(lambda start: st.tuples(st.just(start), companies(start))))
def test_what_was_worked_is_what_the_clock_on_the_wall_counts(asked: tuple[datetime, Company]) -> None:
    start, company = asked
    known, counted = WorkCalendar.of(company), 0
    first = to_micros(start)
    base, opens = known.worked(first), list[int]()
    for step in range(DAYS * 96):
        quarter = first + step * QUARTER
        assert known.worked(quarter) - base == counted
        works = at_work(company, quarter)
        if works:
            opens.append(quarter)
            counted += QUARTER
            assert known.worked(quarter + 1) - base == counted - QUARTER + 1
    moment = start
    for opening in (quarter for quarter in opens if quarter - QUARTER not in set(opens) and quarter > first):
        found = known.next_opening(moment)
        if found is not None:
            assert to_micros(found) == opening
        moment = datetime.fromtimestamp(opening / 1e6, UTC)
        assert known.next_opening(moment) is None
        while at_work(company, to_micros(moment)):
            moment += timedelta(minutes=15)


MOMENTS = st.integers(to_micros(datetime(2018, 1, 1, tzinfo=UTC)), to_micros(datetime(2031, 1, 1, tzinfo=UTC)))


@pytest.mark.no_cover  # Hypothesis goes many times where the others have been
@given(companies(WINDOWS[2]), MOMENTS, st.integers(0, 30 * 24 * HOUR))
def test_a_moment_and_what_was_worked_by_then_belong_together(company: Company, at: int, later: int) -> None:
    known = WorkCalendar.of(company)
    done = known.worked(at)
    back = known.moment(done)
    assert back <= at
    assert known.worked(back) == done
    assert known.worked(back - 1) < done
    assert 0 <= known.worked(at + later) - done <= later


@pytest.mark.no_cover  # Hypothesis goes many times where the others have been
@given(companies(WINDOWS[0]), st.integers(0, DAYS))
def test_the_hours_of_a_day_are_what_is_worked_in_it(company: Company, days: int) -> None:
    known, day = WorkCalendar.of(company), (WINDOWS[0] + timedelta(days=days)).date()
    zone = ZoneInfo(company.timezone)
    start, end = (to_micros(datetime(one.year, one.month, one.day, tzinfo=zone)) for one in (day, day + timedelta(1)))
    span = known.hours(day)
    assert known.worked(end) - known.worked(start) == (span[1] - span[0] if span else 0)
    if span:
        assert (
            known.worked(span[0] + 1) - known.worked(span[0]) == 1 == known.worked(span[1]) - known.worked(span[1] - 1)
        )


@given(st.integers(-(10**17), 10**17))
@example(0)
def test_any_time_has_its_place(at: int) -> None:
    known = calendar()
    assert known.worked(at - 1) <= known.worked(at) <= known.worked(at - 1) + 1
    assert known.worked(known.moment(at)) == at
    assert known.moment(known.worked(at)) <= at


def test_the_edges_of_the_years_fit() -> None:
    known = calendar(dict.fromkeys(WEEKDAYS, "00:00-24:00"))
    for year in (YEARS.start, 1999, 2020, 2026, YEARS.stop):
        edge = micros(f"{year}-01-01")
        assert known.worked(edge + 5 * HOUR) - known.worked(edge - 5 * HOUR) == 10 * HOUR
        assert known.moment(known.worked(edge)) == edge


def test_without_hours_it_always_works() -> None:
    known = calendar({}, holidays="RU", special_days={"2026-12-30": OFF})
    assert known.always
    assert (known.worked(12345), known.moment(12345)) == (12345, 12345)
    assert known.hours(date(2026, 12, 30)) is None
    assert known.next_opening(datetime(2026, 12, 30, tzinfo=UTC)) is None
    assert not calendar().always


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)])
def test_a_day_is_as_long_as_the_clocks_make_it(day: str, hours: int) -> None:
    known = calendar(dict.fromkeys(WEEKDAYS, "00:00-24:00"), timezone="Europe/Berlin")
    span = known.hours(date.fromisoformat(day))
    assert span is not None
    assert span[1] - span[0] == hours * HOUR


def test_an_opening_that_the_clock_skips_is_an_hour_later() -> None:
    known = calendar({"sun": "02:30-08:00"}, timezone="Europe/Berlin")
    assert known.hours(date(2026, 3, 29)) == (
        micros("2026-03-29T03:30", "Europe/Berlin"),
        micros("2026-03-29T08:00", "Europe/Berlin"),
    )


def test_a_day_that_a_zone_skipped_is_not_worked_twice() -> None:
    known = calendar(dict.fromkeys(WEEKDAYS, "09:00-18:00"), timezone="Pacific/Apia")
    start, end = micros("2011-12-29", "Pacific/Apia"), micros("2012-01-01", "Pacific/Apia")
    assert known.worked(end) - known.worked(start) == 2 * 9 * HOUR


@pytest.mark.parametrize(
    ("settings", "day", "hours"),
    [
        ({"holidays": "RU"}, "2026-11-04", None),
        ({"holidays": ""}, "2026-11-04", 9),
        ({"holidays": "RU"}, "2024-04-27", 9),  # a Saturday worked by decree
        ({"holidays": ""}, "2024-04-27", None),
        ({"holidays": "RU", "special_days": {"2026-11-04": "10:00-12:00"}}, "2026-11-04", 2),
        ({"holidays": "RU", "special_days": {"2024-04-27": OFF}}, "2024-04-27", None),
        ({"holidays": "DE"}, "2026-01-06", 9),
        ({"holidays": "DE-BY"}, "2026-01-06", None),  # Epiphany is of Bavaria
        ({"holidays": "XX"}, "2026-11-04", 9),  # no such country: its days are worked
    ],
)
def test_a_day_is_what_is_said_of_it_before_what_the_law_says(
    settings: dict[str, Any], day: str, hours: int | None
) -> None:
    span = calendar(**settings).hours(date.fromisoformat(day))
    assert (span and (span[1] - span[0]) // HOUR) == hours


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("23T09:00", None),  # Monday
        ("23T17:59", None),
        ("23T08:59", "23T09:00"),
        ("23T18:00", "27T09:00"),  # the end is outside
        ("25T12:00", "27T09:00"),
        ("27T23:59", None),
        ("28T00:00", "30T09:00"),
    ],
)
def test_letters_wait_for_the_next_opening(moment: str, opens: str | None) -> None:
    known = calendar({"mon": "09:00-18:00", "fri": "09:00-24:00"})
    found = known.next_opening(datetime.fromisoformat(f"2026-11-{moment}+03:00").astimezone(UTC))
    assert found == (datetime.fromisoformat(f"2026-11-{opens}+03:00") if opens else None)
    assert found is None or found.tzinfo is UTC


def test_the_day_is_that_of_the_companys_zone() -> None:
    known = calendar({"tue": "00:00-01:00"}, timezone="Asia/Vladivostok")
    assert known.next_opening(datetime(2026, 11, 23, 14, 30, tzinfo=UTC)) is None


def test_letters_wait_over_the_new_years_holidays() -> None:
    known = calendar(holidays="RU", special_days={"2027-01-09": "10:00-12:00"})
    found = known.next_opening(datetime(2026, 12, 30, 16, tzinfo=UTC))
    assert found == datetime.fromisoformat("2027-01-09T10:00+03:00")


def test_the_key_follows_what_the_calendar_says() -> None:
    made = [
        calendar(),
        calendar({"mon": "09:00-18:00"}),
        calendar(timezone="Europe/Berlin"),
        calendar(holidays="RU"),
        calendar(special_days={"2026-12-30": OFF}),
        calendar(special_days={"2026-12-31": OFF}),
    ]
    assert len({one.key for one in made}) == len(made)
    assert WorkCalendar.of(acme()) is made[0]


def test_holidays_are_imported_only_for_a_country() -> None:
    code = """
import sys
from store.calendar import WorkCalendar
from store.cards import Company
known = WorkCalendar.of(Company("A", working_hours={"mon": "09:00-18:00"}))
known.worked(1_790_000_000_000_000)
assert "holidays" not in sys.modules
WorkCalendar.of(Company("A", working_hours={"mon": "09:00-18:00"}, holidays="RU")).worked(1_790_000_000_000_000)
assert "holidays" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
