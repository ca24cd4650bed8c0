"""Rules of one's own: saved when they can work, refused with the field when they cannot."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dispatch.cloudevents import parse_event
from dispatch.condition import ConditionError, holds
from dispatch.context import build
from dispatch.directory import Directory
from store.audit import page, settings_revision
from store.cards import Company
from store.catalogue.standard import STANDARD
from store.engine import Store
from store.errors import SettingsError
from store.events import as_stored
from store.revert import revert
from store.rule_check import FIELDS, check_rule
from store.rulebook import armed_rules_in, list_rules, save_rule, set_enabled, tell_past
from store.rules import Repeat, Rule, Threshold
from store.settings_file import apply_settings
from store.vocabulary import DeadlineKind, Language, Role, RuleKind
from tests.desk import NOON, HandClock, event

RULE = STANDARD[0]
LATE = next(rule for rule in STANDARD if rule.kind is RuleKind.ESCALATION)
OWN = replace(LATE, code="own.late", standard=False)
MADE, LATER = NOON, NOON + timedelta(hours=3)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def armed(store: Store) -> dict[str, datetime]:
    """When each escalation that is on was armed."""
    with store.read() as connection:
        return {rule.code: at for rule, at in armed_rules_in(connection)}


def test_every_standard_rule_passes_its_own_check() -> None:
    for rule in STANDARD:
        check_rule(rule)


def test_conditions_may_speak_of_exactly_what_the_plan_shows_them() -> None:
    everything = event(
        author="a@example.org", comment={"text": "!"}, actor="b@example.org", parent={"number": "RP-9"},
        changes={"responsible": {"from": "c@example.org"}},
    )  # fmt: skip
    everything["data"]["deadline"] = {"kind": "resolution", "due": NOON.isoformat()}
    context = build(as_stored(parse_event(everything), None), Directory(), Company(), Language.RU, NOON)
    assert set(context) == set(FIELDS)
    for name, parts in FIELDS.items():
        assert parts is None or set(context[name]) == parts, name


def test_saving_the_same_rule_again_is_no_change(store: Store) -> None:
    before = settings_revision(store)
    save_rule(store, RULE, "test")
    assert settings_revision(store) == before
    save_rule(store, replace(RULE, condition="responsible is none", reason="has_person"), "test")
    assert settings_revision(store) == before + 1
    assert list_rules(store)[0].condition == "responsible is none"


def test_a_rule_that_cannot_work_is_refused_whole(store: Store) -> None:
    with pytest.raises(SettingsError) as caught:
        save_rule(store, replace(RULE, code="own", template="none.such"), "test")
    assert caught.value.path == "template"
    assert "own" not in {rule.code for rule in list_rules(store)}


@pytest.mark.parametrize("condition", ["'a' * 10 ** 10", "2 ** 99"])
def test_a_condition_never_takes_the_memory_of_the_dispatcher(condition: str) -> None:
    with pytest.raises(ConditionError, match="not allowed"):
        holds(condition, {})


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"threshold": Threshold("percent_left", 100)}, "threshold.percent_left"),
        ({"threshold": Threshold("percent_left", 0)}, "threshold.percent_left"),
        ({"threshold": Threshold("minutes_after", 0)}, "threshold.minutes_after"),
        ({"threshold": Threshold("at_due", working_time=True)}, "threshold.working_time"),
        ({"repeat": Repeat(0, 1)}, "repeat.every_minutes"),
        ({"repeat": Repeat(7 * 24 * 60 + 1, 1)}, "repeat.every_minutes"),
        ({"repeat": Repeat(1, 0)}, "repeat.times"),
        ({"repeat": Repeat(1, 101)}, "repeat.times"),
    ],
    ids=str,
)
def test_a_threshold_or_a_repeat_that_cannot_be_is_refused(changed: dict[str, object], path: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_rule(replace(LATE, **changed))  # pyright: ignore[reportArgumentType]
    assert caught.value.path == path


def test_only_escalations_repeat() -> None:
    with pytest.raises(SettingsError) as caught:
        check_rule(replace(RULE, repeat=Repeat(30, 4)))
    assert caught.value.path == "repeat"
    check_rule(
        replace(LATE, threshold=Threshold("minutes_before", 30, working_time=True), repeat=Repeat(7 * 1440, 100))
    )


def test_what_a_rule_watches_and_how_it_repeats_is_read_as_it_was_saved(store: Store) -> None:
    threshold = Threshold("minutes_after", 45, working_time=True)
    for repeat in (Repeat(30, 4, until_status_change=True), Repeat(10, 1), None):
        save_rule(store, replace(OWN, threshold=threshold, repeat=repeat), "test")
        assert replace(OWN, threshold=threshold, repeat=repeat) in list_rules(store)


def _switch_on(store: Store) -> None:
    set_enabled(store, [OWN.code], False, "test")
    set_enabled(store, [OWN.code], True, "test")


def _save(**changed: object) -> Callable[[Store], None]:
    return lambda store: save_rule(store, replace(OWN, **changed), "test")  # pyright: ignore[reportArgumentType]


def _save_off_and_on(store: Store) -> None:
    _save(enabled=False)(store)
    save_rule(store, OWN, "test")


def _save_off_changed_and_on(store: Store) -> None:
    changed = replace(OWN, enabled=False, threshold=Threshold("minutes_before", 7))
    save_rule(store, changed, "test")
    set_enabled(store, [OWN.code], True, "test")


def _apply(store: Store) -> None:
    text = f"escalations: [{{code: {OWN.code}, threshold: {{percent_left: 7}}}}]"
    apply_settings(store, text, Path(), "test")


def _revert(store: Store) -> None:
    set_enabled(store, [OWN.code], False, "test")
    revert(store, page(store, limit=1)[0].id, "test")


def _on_already(store: Store) -> None:
    assert set_enabled(store, [OWN.code], True, "test") == 0


ARMS: dict[str, Callable[[Store], None]] = {
    "switched on": _switch_on,
    "saved as on": _save_off_and_on,
    "changed while off": _save_off_changed_and_on,
    "another threshold": _save(threshold=Threshold("minutes_before", 7)),
    "in working time": _save(threshold=replace(OWN.threshold or Threshold("at_due"), working_time=True)),
    "another object": _save(object_type="task"),
    "another deadline": _save(deadline=DeadlineKind.APPROVAL),
    "applied": _apply,
    "taken back": _revert,
}
LEAVES: dict[str, Callable[[Store], None]] = {
    "titles": _save(titles={"ru": "Иначе", "en": "Other"}),
    "recipients": _save(recipients=(Role.HEAD,)),
    "repeat": _save(repeat=Repeat(30, 4)),
    "working hours of letters": _save(working_hours=True),
    "nothing": _save(),
    "on already": _on_already,
}


def test_a_new_escalation_is_armed_from_when_it_was_made(store: Store) -> None:
    save_rule(store, OWN, "test")
    assert armed(store)[OWN.code] == MADE


@pytest.mark.parametrize("change", ARMS.values(), ids=ARMS.keys())
def test_what_watches_for_something_new_is_armed_anew(
    store: Store, clock: HandClock, change: Callable[[Store], None]
) -> None:
    save_rule(store, OWN, "test")
    others = armed(store)
    clock.now = LATER
    change(store)
    assert armed(store) == {**others, OWN.code: LATER}


@pytest.mark.parametrize("change", LEAVES.values(), ids=LEAVES.keys())
def test_what_goes_on_watching_stays_armed(store: Store, clock: HandClock, change: Callable[[Store], None]) -> None:
    save_rule(store, OWN, "test")
    before = armed(store)
    clock.now = LATER
    change(store)
    assert armed(store) == before


def test_one_that_is_off_is_not_armed(store: Store) -> None:
    save_rule(store, replace(OWN, enabled=False), "test")
    assert OWN.code not in armed(store)
    save_rule(store, OWN, "test")
    set_enabled(store, [OWN.code], False, "test")
    assert OWN.code not in armed(store)


def test_what_has_passed_is_told_when_one_says_so_and_that_is_in_the_audit(store: Store, clock: HandClock) -> None:
    save_rule(store, OWN, "test")
    before, since = armed(store), MADE - timedelta(days=7)
    clock.now = LATER
    assert tell_past(store, [OWN.code, OWN.code], "анна", since) == 1
    assert armed(store) == {**before, OWN.code: since}
    (entry,) = page(store, limit=1)
    assert (entry.what, entry.who) == (f"rule:{OWN.code}", "анна")
    assert (entry.before, entry.after) == ({"tells_since": MADE.isoformat()}, {"tells_since": since.isoformat()})
    with pytest.raises(SettingsError) as caught:
        revert(store, entry.id, "анна")
    assert caught.value.key == "deed"


def test_one_that_tells_of_longer_ago_already_is_left_alone(store: Store) -> None:
    save_rule(store, OWN, "test")
    before, revision = armed(store), settings_revision(store)
    assert tell_past(store, [OWN.code], "анна", MADE + timedelta(hours=1)) == 0
    assert (armed(store), settings_revision(store)) == (before, revision)


def _off(rule: Rule) -> Rule:
    return replace(rule, enabled=False)


@pytest.mark.parametrize(
    "rule", [_off(OWN), replace(RULE, code=OWN.code, standard=False), None], ids=["off", "action", "none"]
)
def test_only_an_escalation_that_is_on_tells_of_what_has_passed(store: Store, rule: Rule | None) -> None:
    if rule is not None:
        save_rule(store, rule, "test")
    before = armed(store)
    with pytest.raises(SettingsError) as caught:
        tell_past(store, [LATE.code, OWN.code], "анна", MADE - timedelta(days=400))
    assert (caught.value.path, caught.value.key) == (f"rule:{OWN.code}", "no_escalation_on")
    assert armed(store) == before
