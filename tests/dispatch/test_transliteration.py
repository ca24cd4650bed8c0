"""Cyrillic to Latin."""

from hypothesis import given
from hypothesis import strategies as st

from dispatch.transliteration import transliterate


def test_russian() -> None:
    assert transliterate("Съешь ещё этих мягких французских булок") == "Sesh eshchyo etikh myagkikh frantsuzskikh bulok"
    assert transliterate("Щука № 5 — «Ёж»…") == 'Shchuka No 5 - "Yozh"...'


@given(st.text())
def test_the_result_is_always_ascii(text: str) -> None:
    assert transliterate(text).isascii()


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_stays(text: str) -> None:
    assert transliterate(text) == text
