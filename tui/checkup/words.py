"""What was found, in words; sizes and spans short enough for a line."""

from datetime import timedelta

from store.vocabulary import Language
from tui.checkup.case import Finding, Size
from tui.texts import Texts
from tui.widgets.delivery_words import reason_in_words

MEGABYTE, GIGABYTE = 1_000_000, 1_000_000_000
REASON = "reason"
"""The parameter that is a reason code, or an error class."""
_BYTES = {Language.RU: ("МБ", "ГБ"), Language.EN: ("MB", "GB")}
_UNITS = {
    Language.RU: ((86_400, "дн."), (3_600, "ч"), (60, "мин"), (1, "с")),
    Language.EN: ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")),
}


def text_of(found: Finding, texts: Texts) -> str:
    """What was found."""
    return texts(f"doctor.{found.word}", **_filled(found, texts))


def remedy_of(found: Finding, texts: Texts) -> str:
    """What to do about it; empty where there is nothing to do."""
    if found.remedy:
        return texts(f"doctor.{found.remedy}", **_filled(found, texts))
    return found.advice.get(texts.language.value, "")


def seconds(span: float) -> str:
    """A span in seconds, to the hundredth below ten."""
    return f"{span:.2f}" if span < 10 else f"{span:.0f}"  # noqa: PLR2004 - read at a glance


def _filled(found: Finding, texts: Texts) -> dict[str, object]:
    params = {name: _value(value, texts.language) for name, value in found.params.items()}
    if isinstance(reason := params.get(REASON), str):
        params[REASON] = reason_in_words(reason, texts) or "-"
    return params


def _value(value: object, language: Language) -> object:
    if isinstance(value, timedelta):
        return _span(value, language)
    if isinstance(value, Size):
        mega, giga = _BYTES[language]
        return f"{value / GIGABYTE:.1f} {giga}" if value >= GIGABYTE else f"{value / MEGABYTE:.1f} {mega}"
    return value


def _span(passed: timedelta, language: Language) -> str:
    """A span in its largest unit."""
    for length, unit in _UNITS[language]:
        if passed.total_seconds() >= length:
            return f"{int(passed.total_seconds() // length)} {unit}"
    return f"0 {_UNITS[language][-1][1]}"
