"""What a rule has done, in words that fit where they are shown."""

from datetime import timedelta

import pytest

from store.catalogue.standard import STANDARD
from store.rule_stats import Mark, RuleStats
from store.vocabulary import Language
from tests.desk import NOON
from tui.texts import Texts
from tui.widgets.rule_list import _WIDE_WIDTHS
from tui.widgets.rule_words import SIGNS, RuleLine, ago, rule_line

RULES = {rule.code: rule for rule in STANDARD}
CODE, OTHER = "request.added.client.email", "request.added.responsible.email"
LONG_AGO = NOON - timedelta(days=120)


def line(stats: RuleStats, language: Language = Language.EN) -> RuleLine:
    return rule_line(RULES[CODE], Texts(language), stats, NOON, RULES)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ({"seconds": 59}, "now"), ({"seconds": 60}, "1 min"), ({"minutes": 59}, "59 min"), ({"hours": 23}, "23 h"),
        ({"hours": 47}, "1 d"), ({"days": 365}, "365 d"), ({"seconds": -5}, "now"),
    ],
    ids=str,
)  # fmt: skip
def test_how_long_ago_something_was(span: dict[str, float], said: str) -> None:
    assert ago(NOON - timedelta(**span), NOON, Texts(Language.EN)) == said


@pytest.mark.parametrize("language", Language)
def test_the_times_fit_into_their_column(language: Language) -> None:
    for span in ({"minutes": 59}, {"hours": 23}, {"days": 999}, {"seconds": 0}):
        assert len(ago(NOON - timedelta(**span), NOON, Texts(language))) < _WIDE_WIDTHS["last"]


@pytest.mark.parametrize(
    ("stats", "sign", "did"),
    [
        (RuleStats(NOON, 3, 2, 5), "", "Fired in 30 days: 2, notifications: 5 · last: now"),
        (RuleStats(matched=3), "", "Matched in 30 days: 3, there was nobody to tell"),
        (RuleStats(LONG_AGO), "", "Not once in 30 days · last: 120 d"),
        (RuleStats(mark=Mark.NOT_YET), "", "Not once yet"),
        (RuleStats(LONG_AGO, mark=Mark.NEVER), "○", "○ Not once in 90 days · last: 120 d"),
        (RuleStats(matched=2, mark=Mark.UNADDRESSED), "!", "! Nobody had an address; matched in 30 days: 2"),
        (RuleStats(matched=2, mark=Mark.SHADOWED, shadowed_by=OTHER), "◐",
         "◐ Shadowed: “Added → responsible” tells; matched in 30 days: 2"),
        (RuleStats(matched=2, mark=Mark.SHADOWED, shadowed_by="gone"), "◐",
         "◐ Shadowed by another action; matched in 30 days: 2"),
    ],
)  # fmt: skip
def test_what_a_rule_did(stats: RuleStats, sign: str, did: str) -> None:
    assert (line(stats).sign, line(stats).did) == (sign, did)


def test_every_mark_has_words_and_all_but_one_a_sign() -> None:
    for language in Language:
        said = [line(RuleStats(mark=mark), language).did for mark in Mark]
        assert len(set(said)) == len(Mark)
    assert set(Mark) - SIGNS.keys() == {Mark.NOT_YET}
