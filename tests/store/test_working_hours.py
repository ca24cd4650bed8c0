"""Working hours: when letters that keep to them may leave."""

from datetime import UTC, datetime

import pytest

from store.errors import SettingsError
from store.working_hours import check_working_hours, next_opening

WEEK = {"mon": "09:00-18:00", "fri": "09:00-24:00"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}+03:00")


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
    found = next_opening(WEEK, "Europe/Moscow", at(moment).astimezone(UTC))
    assert found == (at(opens) if opens else None)
    assert found is None or found.tzinfo is UTC


def test_without_hours_it_is_always_open() -> None:
    assert next_opening({}, "Europe/Moscow", at("28T03:00")) is None


def test_the_day_is_that_of_the_companys_zone() -> None:
    assert next_opening({"tue": "00:00-01:00"}, "Asia/Vladivostok", datetime(2026, 11, 23, 14, 30, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("hours", "path"),
    [
        ({"monday": "09:00-18:00"}, "h"),
        ({"mon": "9-18"}, "h.mon"),
        ({"mon": "18:00-09:00"}, "h.mon"),
        ({"mon": "09:00-09:00"}, "h.mon"),
        ({"mon": "09:00-24:30"}, "h.mon"),
        ({"mon": "09:60-18:00"}, "h.mon"),
    ],
)
def test_hours_that_are_none_are_refused(hours: dict[str, str], path: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_working_hours(hours, "h")
    assert caught.value.path == path
