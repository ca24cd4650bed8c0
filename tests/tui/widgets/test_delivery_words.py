"""Decisions in words."""

from typing import Any, cast

import pytest

from store.cards import DecisionCard
from store.catalogue.standard import STANDARD
from store.vocabulary import Language
from tui.texts import Texts
from tui.widgets.delivery_words import Story, _decision

RULES = {rule.code: rule for rule in STANDARD}
CODE = "request.added.client.email"
NOTHING = cast("Any", None)


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
    story = Story(NOTHING, NOTHING, RULES, {})
    assert _decision(card, story, Texts(Language.EN)) == f"a@b.ru: {told}"
