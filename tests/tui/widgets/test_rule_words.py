"""What a rule has done, in words that fit where they are shown."""

from dataclasses import replace
from datetime import timedelta

import pytest

from store.catalogue.standard import STANDARD
from store.rule_stats import Mark, RuleStats
from store.rules import Repeat, Rule, Threshold
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


LATE = next(rule for rule in STANDARD if rule.threshold is not None)
HALF, DAY = Threshold("minutes_before", 30), Threshold("minutes_after", 1440)
THRESHOLDS = (
    Threshold("percent_left", 75), Threshold("percent_left", 25), Threshold("minutes_before", 120), HALF,
    Threshold("at_due"), Threshold("minutes_after", 5), DAY,
)  # fmt: skip
"""In the order of time."""


def late(rule: Rule, language: Language = Language.RU) -> RuleLine:
    return rule_line(rule, Texts(language), RuleStats(), NOON, RULES)


@pytest.mark.parametrize(
    ("threshold", "repeat", "ru", "en"),
    [
        (HALF, None, "за 30 мин", "30 min before"),
        (DAY, None, "через 1440 мин после срока", "1440 min after it is due"),
        (replace(DAY, working_time=True), None, "через 1440 мин после срока раб.", "1440 min after it is due working"),
        (replace(HALF, working_time=True), Repeat(30, 4), "за 30 мин раб. ↻ 30 мин ×4",
         "30 min before working ↻ 30 min ×4"),
        (Threshold("at_due"), Repeat(90, 2, until_status_change=True), "срок наступил ↻ 90 мин ×2", "due ↻ 90 min ×2"),
        (Threshold("percent_left", 25), Repeat(120, 1), "осталось 25 % ↻ 120 мин ×1", "25 % left ↻ 120 min ×1"),
    ],
)  # fmt: skip
def test_a_threshold_and_its_repeats_in_short(threshold: Threshold, repeat: Repeat | None, ru: str, en: str) -> None:
    rule = replace(LATE, threshold=threshold, repeat=repeat)
    assert (late(rule).when, late(rule, Language.EN).when) == (f"Решение: {ru}", f"Resolution: {en}")


def test_how_it_repeats_in_a_sentence() -> None:
    rule = replace(LATE, repeat=Repeat(30, 4, until_status_change=True))
    assert late(rule).again == "повтор каждые 30 мин, не больше 4, до смены статуса"
    assert late(replace(rule, threshold=replace(HALF, working_time=True), repeat=Repeat(30, 4)), Language.EN).again == (
        "again every 30 min working, at most 4 times"
    )
    assert late(LATE).again == ""


def test_thresholds_are_sorted_by_when_they_are() -> None:
    backwards = [late(replace(LATE, threshold=one)) for one in reversed(THRESHOLDS)]
    in_order = sorted(backwards, key=lambda line: line.order("when"))
    assert [line.when for line in in_order] == [late(replace(LATE, threshold=one)).when for one in THRESHOLDS]


def test_every_mark_has_words_and_all_but_one_a_sign() -> None:
    for language in Language:
        said = [line(RuleStats(mark=mark), language).did for mark in Mark]
        assert len(set(said)) == len(Mark)
    assert set(Mark) - SIGNS.keys() == {Mark.NOT_YET}
