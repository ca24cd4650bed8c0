"""What a plan adds to the counters of the rules, and that the planner writes them with it."""

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given

from dispatch import planner
from dispatch.intake import emit
from dispatch.plan import Rulebook
from dispatch.planner import Planner, Settings
from dispatch.rule_counts import add_counts
from store.cards import DecisionCard, StormLimits
from store.engine import Store
from store.rule_stats import Mark, RuleCount, RuleStats, read_stats
from store.rulebook import list_rules, save_rule
from store.vocabulary import Role
from tests.desk import NOON, HandClock, event, furnish, lines
from tests.dispatch.any_desk import OURS, Desk, desks

CODE = "request.added.client.email"
STAFF = "request.added.responsible.email"


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


@pytest.fixture
def store(store: Store) -> Store:
    furnish(store)
    return store


def counted(*cards: DecisionCard, rendered: bool = True) -> RuleCount:
    counts: defaultdict[str, RuleCount] = defaultdict(RuleCount)
    add_counts(counts, cards, {"r"} if rendered else set())
    return counts["r"]


def card(reason: str, recipient: str = "a@b.ru", **params: str) -> DecisionCard:
    return DecisionCard("r", recipient, taken=reason == "told", reason=reason, params=params)


CASES = {
    "told, some without an address": ([card("told"), card("no_address", "Анна")], RuleCount(1, 1, 1)),
    "several told": ([card("told"), card("told", "c@d.ru")], RuleCount(1, 1, 2)),
    "left out": ([card("rule_off", "")], RuleCount()),
    "its own reason": ([card("no_responsible", "")], RuleCount()),
    "nobody in its roles": ([card("nobody_in_role", "")], RuleCount(1)),
    "no address that works": ([card("no_address", "Анна"), card("bad_address", "@")], RuleCount(1, unaddressed=1)),
    "no address, or the actor": ([card("no_address", "Анна"), card("actor")], RuleCount(1)),
    "told by another": (
        [card("already_told", by="s"), card("responsible_told", "c@d.ru")],
        RuleCount(1, shadowed=1, shadowed_by="s"),
    ),
    "the responsible alone": ([card("responsible_told")], RuleCount(1)),
    "told by another, or without address": ([card("already_told", by="s"), card("no_address", "Анна")], RuleCount(1)),
}


@pytest.mark.parametrize(("cards", "expected"), CASES.values(), ids=CASES.keys())
def test_what_is_counted(cards: list[DecisionCard], expected: RuleCount) -> None:
    assert counted(*cards) == expected


def test_a_rule_whose_words_could_not_be_rendered_has_not_fired() -> None:
    assert counted(card("told"), card("template_error", ""), rendered=False) == RuleCount(1)


@given(desks())
def test_a_rule_is_counted_as_the_plan_has_it(desk: Desk) -> None:
    settings = Settings(0, Rulebook(desk.rules), desk.directory, desk.company, OURS, StormLimits())
    made = planner.draft(desk.event, settings)
    counts: defaultdict[str, RuleCount] = defaultdict(RuleCount)
    add_counts(counts, made.decisions, {note.taken.rule.code for note in made.notes})
    told = {code: one.notifications for code, one in counts.items() if one.fired}
    by_rule: dict[str, int] = defaultdict(int)
    for note in made.notes:
        by_rule[note.taken.rule.code] += len(note.recipients)
    assert told == by_rule
    assert all(one.matched == 1 >= one.fired + one.unaddressed + one.shadowed for one in counts.values())


def test_the_planner_counts_what_it_plans_and_nothing_twice(store: Store, clock: HandClock) -> None:
    emit(store, lines(*(event(number=number) for number in range(3))))
    one, two = Planner(store), Planner(store)
    drafts = [planner.draft(found, settings) for events, settings, _ in [one._read()] for found in events]
    assert two.plan_now() == 3
    assert store.write(lambda connection: one._write(connection, drafts)).events == 0
    assert read_stats(store)[CODE] == RuleStats(NOON, 3, 3, 3)
    clock.forward(days=1)
    emit(store, lines(event(number=4), event(number=5, client={"email": "", "name": "Без адреса"})))
    two.plan_now()
    assert read_stats(store)[CODE] == RuleStats(clock.now, 5, 4, 4, unaddressed=1)


def test_a_rule_that_others_cover_says_which_one_does(store: Store) -> None:
    staff = next(rule for rule in list_rules(store) if rule.code == STAFF)
    save_rule(store, replace(staff, code="z.own", standard=False, recipients=(Role.RESPONSIBLE,)), "test")
    emit(store, lines(event()))
    Planner(store).plan_now()
    assert read_stats(store)["z.own"] == RuleStats(None, 1, shadowed=1, shadowed_by=STAFF, mark=Mark.SHADOWED)
