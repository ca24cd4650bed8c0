"""What escalations would tell of what has passed: as many as the clock then tells of, on both engines."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import dispatch.past
from dispatch.intake import emit
from dispatch.past import look_back
from dispatch.ticks import tick
from store.cards import Company
from store.engine import Store
from store.errors import SettingsError
from store.rulebook import list_rules, save_rule, set_enabled, tell_past
from store.rules import Repeat, Rule, Threshold
from store.settings import deadline_settings_in, save_company, save_deadline_settings
from store.vocabulary import CatchUp, RuleKind
from tests.desk import NOON, HandClock, event, furnish, lines

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def desk(store: Store) -> Store:
    """A desk with no escalations that are on, and three requests: due an hour ago, in an hour, in four days."""
    furnish(store)
    set_enabled(store, [rule.code for rule in list_rules(store, RuleKind.ESCALATION)], False, "test")
    events: list[dict[str, Any]] = []
    for number, hours in enumerate((-1, 1, 96), 1):
        given = {"started": (NOON - 10 * HOUR).isoformat(), "due": (NOON + hours * HOUR).isoformat()}
        events.append({**event(number=number, deadlines={"resolution": given}), "time": (NOON - 10 * HOUR).isoformat()})
    emit(store, lines(*events))
    return store


def escalation(store: Store, code: str = "own", **changed: Any) -> Rule:
    rule = list_rules(store, RuleKind.ESCALATION)[0]
    own = replace(rule, code=code, standard=False, enabled=True, **changed)
    save_rule(store, own, "test")
    return own


@pytest.mark.parametrize(
    ("threshold", "deadlines"),
    [
        (Threshold("percent_left", 25), 2), (Threshold("percent_left", 99), 3), (Threshold("percent_left", 1), 1),
        (Threshold("minutes_before", 60), 2), (Threshold("minutes_before", 61), 2),
        (Threshold("minutes_before", 59), 1),
        (Threshold("at_due"), 1), (Threshold("minutes_after", 60), 1), (Threshold("minutes_after", 61), 0),
        (Threshold("minutes_before", 60, working_time=True), 2),
    ],
    ids=str,
)  # fmt: skip
def test_as_many_are_told_of_as_was_said(desk: Store, clock: HandClock, threshold: Threshold, deadlines: int) -> None:
    escalation(desk, threshold=threshold)
    clock.forward(seconds=1)
    assert tick(desk) == 0
    past = look_back(desk, ["own"])
    assert (past.deadlines, past.more, past.since) == (deadlines, False, clock.now - timedelta(days=7))
    assert tell_past(desk, ["own"], "test", past.since) == 1
    assert tick(desk) == deadlines
    assert look_back(desk, ["own"]).deadlines == 0


def test_in_working_time_what_has_not_been_reached_is_not_counted(desk: Store, clock: HandClock) -> None:
    save_company(desk, Company(working_hours={"tue": "09:00-18:00"}), "test")
    escalation(desk, threshold=Threshold("minutes_after", 30, working_time=True))
    assert look_back(desk, ["own"]).deadlines == 0  # it is Monday
    clock.now = NOON + 24 * HOUR
    assert look_back(desk, ["own"]).deadlines == 2


def test_a_deadline_with_many_thresholds_and_repeats_counts_once(desk: Store, clock: HandClock) -> None:
    escalation(desk, threshold=Threshold("percent_left", 50), repeat=Repeat(10, 5))
    escalation(desk, "other", threshold=Threshold("at_due"))
    clock.forward(seconds=1)
    past = look_back(desk, ["own", "other"])
    assert past.deadlines == 2
    tell_past(desk, ["own", "other"], "test", past.since)
    assert tick(desk) == 2


def test_what_another_rule_has_told_of_at_the_same_threshold_is_not_told_again(desk: Store, clock: HandClock) -> None:
    escalation(desk, "first", threshold=Threshold("at_due"))
    clock.forward(hours=2)
    assert tick(desk) == 1
    escalation(desk, threshold=Threshold("at_due"))
    clock.forward(seconds=1)
    assert look_back(desk, ["own"]).deadlines == 1  # the one that was over before the first was armed


def test_only_as_far_back_as_the_catch_up_goes_and_nothing_where_nothing_is_told_late(
    desk: Store, clock: HandClock
) -> None:
    with desk.read() as connection:
        settings = deadline_settings_in(connection)
    clock.forward(days=2)
    escalation(desk, threshold=Threshold("at_due"))
    clock.forward(seconds=1)
    assert look_back(desk, ["own"]).deadlines == 2
    save_deadline_settings(desk, replace(settings, catch_up_days=1), "test")
    assert look_back(desk, ["own"]).deadlines == 0
    save_deadline_settings(desk, replace(settings, catch_up=CatchUp.NONE), "test")
    past = look_back(desk, ["own"])
    assert (past.deadlines, past.policy) == (0, CatchUp.NONE)


def test_counting_ends_where_nobody_reads_on(desk: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    escalation(desk, threshold=Threshold("percent_left", 99))
    clock.forward(seconds=1)
    monkeypatch.setattr(dispatch.past, "STEP", 1)
    assert look_back(desk, ["own"]).count == "3"
    monkeypatch.setattr(dispatch.past, "MOST", 2)
    assert look_back(desk, ["own"]).count == "2+"


def test_what_is_off_is_refused(desk: Store) -> None:
    with pytest.raises(SettingsError) as caught:
        look_back(desk, ["own"])
    assert caught.value.key == "no_escalation_on"
