"""Special days as one types them: `31.12.2026 09:00-14:00, 30.12.2026 выходной`, or `2026-12-30 off`."""

import re
from collections.abc import Mapping
from datetime import date, datetime

from store.errors import SettingsError
from store.vocabulary import Language
from store.working_hours import OFF, check_special_days
from tui.texts import catalogue
from tui.widgets.form import Say

PATH = "company.special_days"
_FORMATS = ("%d.%m.%Y", "%Y-%m-%d")
_DAY = re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}|\d{4}-\d{1,2}-\d{1,2}", re.ASCII)
_SPAN = re.compile(r"(\d{1,2}:\d\d)-(\d{1,2}:\d\d)", re.ASCII)
_DASHES = str.maketrans("–—", "--")


def day_in_words(day: date, say: Say) -> str:
    """A day as the language of the console writes it."""
    return day.strftime(say("company.day_format"))


def days_in_words(days: Mapping[str, str], say: Say) -> str:
    """Special days in the language of the console, the earliest first."""
    return ", ".join(
        f"{day_in_words(date.fromisoformat(day), say)} {say('company.day_off') if span == OFF else span}"
        for day, span in sorted(days.items())
    )


def days_from_words(text: str) -> dict[str, str]:
    """What was typed, by ISO date: dates, then their hours; commas and semicolons are as good as spaces.

    Raises:
        SettingsError: A word is neither, a date has no hours or two, is none, or hours are none.
    """
    off = {catalogue(language)["company.day_off"] for language in Language}
    found: dict[str, str] = {}
    waiting: list[str] = []
    for token in re.sub(r"\s*-\s*", "-", text.translate(_DASHES)).replace(",", " ").replace(";", " ").split():
        span = _SPAN.fullmatch(token)
        if _DAY.fullmatch(token):
            day = _day(token)
            if day in found or day in waiting:
                raise SettingsError(PATH, f"{token} is there twice", key="special_twice", value=token)
            waiting.append(day)
        elif waiting and (span or token.casefold() in off):
            found |= dict.fromkeys(waiting, f"{span[1]:0>5}-{span[2]:0>5}" if span else OFF)
            waiting = []
        else:
            raise _unclear(token)
    if waiting:
        raise _unclear(text.rsplit(maxsplit=1)[-1])
    try:
        check_special_days(found, PATH)
    except SettingsError as error:
        # A form has one field for all of them.
        raise SettingsError(PATH, error.problem, key=error.key, **error.params) from None
    return dict(sorted(found.items()))


def _day(token: str) -> str:
    for form in _FORMATS:
        try:
            return datetime.strptime(token, form).date().isoformat()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise SettingsError(PATH, f"{token!r} is no date. Example: 2026-12-31", key="special_date", value=token)


def _unclear(token: str) -> SettingsError:
    problem = f"{token!r} is unclear. Example: 2026-12-31 09:00-14:00, 2026-12-30 off"
    return SettingsError(PATH, problem, key="special_unclear", value=token)
