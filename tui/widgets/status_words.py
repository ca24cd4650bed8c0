"""Statuses as one types them: `отложена, ожидает ответа`; codes the console has no word for, as they are."""

from collections.abc import Iterable
from functools import cache

from store.vocabulary import Language
from tui.texts import catalogue

_PREFIX = "rules.status_"
_NO_STATUS = frozenset({"hint"})


@cache
def _words(language: Language) -> dict[str, str]:
    """By code."""
    return {
        key.removeprefix(_PREFIX): text
        for key, text in catalogue(language).items()
        if key.startswith(_PREFIX) and key.removeprefix(_PREFIX) not in _NO_STATUS
    }


@cache
def _codes() -> dict[str, str]:
    """By word, in both languages."""
    return {word.casefold(): code for language in Language for code, word in _words(language).items()}


def statuses_in_words(codes: Iterable[str], language: Language) -> str:
    """Statuses on one line."""
    return ", ".join(_words(language).get(code, code) for code in codes)


def statuses_from_words(text: str) -> tuple[str, ...]:
    """The codes of what was typed, between commas or semicolons."""
    words = (" ".join(word.split()) for word in text.replace(";", ",").split(","))
    return tuple(_codes().get(word.casefold(), word) for word in words if word)
