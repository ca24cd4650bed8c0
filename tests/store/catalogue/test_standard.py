"""The standard set: every row of it exists, and every letter can be written."""

from collections import Counter
from typing import Any

import pytest

from dispatch.cloudevents import parse_event
from dispatch.compose import render
from dispatch.condition import holds
from dispatch.context import build
from dispatch.directory import Directory
from store.cards import Company
from store.catalogue.letters import template_text
from store.catalogue.standard import STANDARD
from store.events import as_stored
from store.rules import Rule
from store.vocabulary import EventType, Language, Role, RuleKind
from tests.desk import NOON, PEOPLE, TEAMS, event

EXPECTED = {
    ("request", RuleKind.EVENT_ACTION): 30,
    ("task", RuleKind.EVENT_ACTION): 15,
    ("approval", RuleKind.EVENT_ACTION): 7,
    ("problem", RuleKind.EVENT_ACTION): 8,
    ("change", RuleKind.EVENT_ACTION): 9,
    ("article", RuleKind.EVENT_ACTION): 2,
    ("request", RuleKind.ESCALATION): 20,
    ("task", RuleKind.ESCALATION): 11,
    ("approval", RuleKind.ESCALATION): 6,
}
COMPANY = Company("ACME", "Служба поддержки", timezone="Europe/Moscow")
DIRECTORY = Directory(PEOPLE, TEAMS)


def _contexts(rule: Rule, language: Language) -> list[dict[str, Any]]:
    """One with everything there is, one with nothing but the object."""
    full = event(
        f"{rule.object_type}.{rule.event_type.value}",
        author="petrov",
        status="resolved",
        parent={"type": "request", "number": "RP-9", "title": "Родитель"},
        attributes={"priority": "high"},
        changes={"status": {"from": "in_progress", "to": "resolved"}, "responsible": {"from": "petrov"}},
        comment={"text": "Первая\nвторая", "mentions": ["ivanov"], "chosen": ["petrov"]},
        actor="boss",
    )
    full["data"]["deadline"] = {"kind": "resolution", "due": NOON.isoformat(), "threshold": "x"}
    full["data"]["waiting_days"] = 3
    bare = event(f"{rule.object_type}.{rule.event_type.value}")
    bare["data"]["object"] = {"id": "1", "title": "Т", "status": "new"}
    made = [as_stored(parse_event(document), None) for document in (full, bare)]
    return [build(one, DIRECTORY, COMPANY, language, one.at) for one in made]


def test_every_row_of_the_standard_set_exists_and_is_on() -> None:
    assert Counter((rule.object_type, rule.kind) for rule in STANDARD) == EXPECTED
    assert all(rule.enabled and rule.standard for rule in STANDARD)
    assert len({rule.code for rule in STANDARD}) == len(STANDARD)


@pytest.mark.parametrize(
    "code",
    [
        "request.added.client.email",
        "request.added.responsible.interface",
        "request.status_changed.resolved.client.email",
        "request.waiting.client.email",
        "request.resolution.25.responsible.email",
        "request.resolution.due.managers.interface",
        "task.planned_start.due.responsible.email",
        "approval.approval.30.approvers.email",
    ],
)
def test_codes_scripts_rely_on(code: str) -> None:
    assert code in {rule.code for rule in STANDARD}


def test_managers_are_the_team_leader_and_the_head() -> None:
    (rule,) = [rule for rule in STANDARD if rule.code == "request.resolution.due.managers.email"]
    assert rule.recipients == (Role.TEAM_LEADER, Role.HEAD)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("rule", STANDARD, ids=lambda rule: rule.code)
def test_every_letter_can_be_written_with_much_and_with_little(rule: Rule, language: Language) -> None:
    for context in _contexts(rule, language):
        rendered = render(template_text(rule.template, language), context)
        assert rendered.subject.startswith(context["object"]["number"])
        assert rendered.short
        assert "None" not in rendered.subject + rendered.short + rendered.text
        assert "\n\n\n" not in rendered.text
        holds(rule.condition, context)
        assert rule.titles[language]


def test_letters_end_with_a_link_where_there_is_one() -> None:
    for rule in STANDARD:
        full, bare = _contexts(rule, Language.RU)
        assert "https://" in render(template_text(rule.template, Language.RU), full).text
        assert "http" not in render(template_text(rule.template, Language.RU), bare).text


def test_both_languages_have_every_template() -> None:
    for key in {rule.template for rule in STANDARD}:
        russian, english = (template_text(key, language) for language in Language)
        assert russian != english


def test_escalations_have_a_threshold_and_event_actions_have_none() -> None:
    for rule in STANDARD:
        assert (
            (rule.threshold is not None)
            == (rule.event_type is EventType.DEADLINE)
            == (rule.kind is RuleKind.ESCALATION)
        )
