"""Rules of one's own: saved when they can work, refused with the field when they cannot."""

from dataclasses import replace

import pytest

from dispatch.cloudevents import parse_event
from dispatch.condition import ConditionError, holds
from dispatch.context import build
from dispatch.directory import Directory
from store.audit import settings_revision
from store.cards import Company
from store.catalogue.standard import STANDARD
from store.engine import Store
from store.errors import SettingsError
from store.events import as_stored
from store.rule_check import FIELDS, check_rule
from store.rulebook import list_rules, save_rule
from store.vocabulary import Language
from tests.desk import NOON, event

RULE = STANDARD[0]


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
