"""Decisions in words."""

import pytest

from store.cards import DecisionCard
from store.catalogue.standard import STANDARD
from store.vocabulary import Language
from tui.texts import Texts
from tui.widgets.delivery_words import decision_in_words

RULES = {rule.code: rule for rule in STANDARD}
CODE = "request.added.client.email"


@pytest.mark.parametrize(
    ("by", "told"),
    [
        (CODE, "told already by “Added → client · E-mail alert”"),
        ("gone.[/b]", "told already by “gone.[/b]”"),
        ("", "told already in another role"),
    ],
    ids=["a rule", "a rule that is gone", "from before it was recorded"],
)
def test_who_was_told_by_another_rule_has_it_named(by: str, told: str) -> None:
    card = DecisionCard("x", "a@b.ru", taken=False, reason="already_told", params={"by": by} if by else {})
    assert decision_in_words(card, RULES, {}, Texts(Language.EN)) == f"a@b.ru: {told}"
