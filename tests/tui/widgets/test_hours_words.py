"""Working hours in words: what is shown can be typed, and what cannot be understood is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.errors import SettingsError
from store.vocabulary import Language
from store.working_hours import WEEKDAYS
from tui.texts import Texts
from tui.widgets.hours_words import hours_from_words, hours_in_words

RU = Texts(Language.RU)
SPANS = st.sampled_from(["09:00-18:00", "00:00-24:00", "10:30-15:45"])


@given(st.dictionaries(st.sampled_from(WEEKDAYS), SPANS), st.sampled_from(Language))
def test_what_is_shown_reads_back_as_it_was(hours: dict[str, str], language: Language) -> None:
    assert hours_from_words(hours_in_words(hours, Texts(language))) == hours


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("", ""),
        ("пн-пт 9:00-18:00", "пн-пт 09:00-18:00"),
        ("Пн – Пт 09:00–18:00; сб 10:00 - 15:00", "пн-пт 09:00-18:00, сб 10:00-15:00"),
        ("mon, wed 9:00-18:00 fri 9:00-18:00", "пн 09:00-18:00, ср 09:00-18:00, пт 09:00-18:00"),
        ("сб-пн 10:00-24:00", "пн 10:00-24:00, сб-вс 10:00-24:00"),
    ],
)
def test_it_is_typed_as_one_writes(typed: str, shown: str) -> None:
    assert hours_in_words(hours_from_words(typed), RU) == shown


@pytest.mark.parametrize(
    ("typed", "key", "value"),
    [
        ("будни 9:00-18:00", "hours_unclear", "будни"),
        ("09:00-18:00", "hours_unclear", "09:00-18:00"),
        ("пн-пт", "hours_unclear", "пн-пт"),
        ("пн 9-18", "hours_unclear", "9-18"),
        ("пн 18:00-09:00", "hours", "18:00-09:00"),
        ("пн 09:00-25:00", "hours", "09:00-25:00"),
        ("пн-ср 09:00-18:00 вт 10:00-12:00", "hours_twice", "10:00-12:00"),
    ],
)
def test_what_cannot_be_understood_is_named(typed: str, key: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        hours_from_words(typed)
    assert (caught.value.key, caught.value.params["value"]) == (key, value)
