"""Working hours as one types them: `пн-пт 09:00-18:00, сб 10:00-15:00`."""

import re
from collections.abc import Mapping

from store.errors import SettingsError
from store.working_hours import WEEKDAYS, check_working_hours
from tui.widgets.form import Say

PATH = "company.working_hours"
_NAMES = {
    **dict(zip(("пн", "вт", "ср", "чт", "пт", "сб", "вс"), WEEKDAYS, strict=True)),
    **{day: day for day in WEEKDAYS},
}
"""Days in both languages, whichever the console speaks."""
_DAYS = re.compile(rf"({'|'.join(_NAMES)})(?:-({'|'.join(_NAMES)}))?", re.IGNORECASE)
_SPAN = re.compile(r"(\d{1,2}:\d\d)-(\d{1,2}:\d\d)")
_DASHES = str.maketrans("–—", "--")


def hours_in_words(hours: Mapping[str, str], say: Say) -> str:
    """The hours in the language of the console; neighbouring days that are alike stand together."""
    runs: list[tuple[int, int, str]] = []
    for day, name in enumerate(WEEKDAYS):
        span = hours.get(name)
        if span is None:
            continue
        if runs and runs[-1][1:] == (day - 1, span):
            runs[-1] = (runs[-1][0], day, span)
        else:
            runs.append((day, day, span))
    names = say("company.weekdays").split()
    return ", ".join(
        f"{names[first]} {span}" if first == last else f"{names[first]}-{names[last]} {span}"
        for first, last, span in runs
    )


def hours_from_words(text: str) -> dict[str, str]:
    """What was typed, by weekday: days, then their span; commas and semicolons are as good as spaces.

    Raises:
        SettingsError: A word is neither, a day has no span or two, or a span is none.
    """
    found: dict[str, str] = {}
    waiting: list[str] = []
    for token in re.sub(r"\s*-\s*", "-", text.translate(_DASHES)).replace(",", " ").replace(";", " ").split():
        if (days := _DAYS.fullmatch(token)) is not None:
            waiting += _days(days[1].lower(), (days[2] or days[1]).lower())
        elif (span := _SPAN.fullmatch(token)) is not None and waiting:
            if twice := [day for day in waiting if day in found]:
                raise SettingsError(PATH, f"{twice[0]} has two spans", key="hours_twice", value=token)
            found |= dict.fromkeys(waiting, f"{span[1]:0>5}-{span[2]:0>5}")
            waiting = []
        else:
            raise _unclear(token)
    if waiting:
        raise _unclear(text.rsplit(maxsplit=1)[-1])
    check_working_hours(found, PATH)
    return {day: found[day] for day in WEEKDAYS if day in found}


def _days(first: str, last: str) -> list[str]:
    """From one to the other; over the end of the week, where it says so."""
    start, end = WEEKDAYS.index(_NAMES[first]), WEEKDAYS.index(_NAMES[last])
    return [WEEKDAYS[(start + step) % 7] for step in range((end - start) % 7 + 1)]


def _unclear(token: str) -> SettingsError:
    problem = f"{token!r} is unclear. Example: mon-fri 09:00-18:00, sat 10:00-15:00"
    return SettingsError(PATH, problem, key="hours_unclear", value=token)
