"""The plan: who is told, and why everybody else is left out."""

from dataclasses import replace
from typing import Any

import pytest

from dispatch.cloudevents import parse_event
from dispatch.directory import Directory
from dispatch.plan import Plan, Rulebook, plan
from store.cards import Company, Person
from store.catalogue.standard import STANDARD
from store.events import as_stored
from store.rules import Rule
from store.vocabulary import Channel, EventType, Role, RuleKind
from tests.desk import PEOPLE, TEAMS, event

DIRECTORY = Directory(PEOPLE, TEAMS)
COMPANY = Company("ACME", timezone="Europe/Moscow")
RULE = Rule(
    "test.client.email", RuleKind.EVENT_ACTION, {"ru": "", "en": ""}, "request", EventType.ADDED, Channel.EMAIL,
    (Role.CLIENT,), "request.added.client",
)  # fmt: skip


def _plan(
    document: dict[str, Any], rules: Any = STANDARD, *, company: Company = COMPANY, directory: Directory = DIRECTORY
) -> Plan:
    return plan(as_stored(parse_event(document), None), Rulebook(rules), directory, company)


def _reasons(made: Plan) -> list[str]:
    return [card.reason for card in made.decisions]


def _told(made: Plan) -> set[tuple[str, str]]:
    return {(t.rule.code, r.address) for t in made.taken for r in t.recipients}


def test_a_new_request_tells_the_client_and_the_responsible() -> None:
    assert _told(_plan(event())) == {
        ("request.added.client.email", "olga@example.org"),
        ("request.added.responsible.email", "ivanov@example.org"),
        ("request.added.responsible.interface", "ivanov@example.org"),
    }


def test_the_same_event_gives_the_same_plan() -> None:
    assert _plan(event()) == _plan(event())


def test_without_a_person_the_team_is_told() -> None:
    told = _told(_plan(event(responsible=None)))
    assert {address for code, address in told if code == "request.added.responsible_team.email"} == {
        "ivanov@example.org",
        "petrov@example.org",
    }


def test_whoever_caused_it_is_not_told() -> None:
    made = _plan(event(actor="olga"), [RULE])
    assert _reasons(_plan(event(actor="olga@example.org"), [RULE])) == ["actor"]
    assert _told(made) == {(RULE.code, "olga@example.org")}, "a login nobody has is somebody else"
    assert _told(_plan(event(actor="olga@example.org"), [replace(RULE, tell_actor=True)]))


def test_each_person_is_told_once_per_channel_however_many_roles_they_hold() -> None:
    rules = [replace(RULE, recipients=(Role.CLIENT, Role.AUTHOR, Role.OBSERVERS))]
    made = _plan(event(author="olga@example.org", observers=["OLGA@example.org", "john@example.org"]), rules)
    assert [r.address for t in made.taken for r in t.recipients] == ["olga@example.org", "john@example.org"]
    assert _reasons(made) == ["told", "told"], "one decision for each person"
    assert [card.params["role"] for card in made.decisions] == ["client", "observers"]


def test_who_may_not_be_told_in_one_role_is_told_in_another_of_the_same_rule() -> None:
    rules = [replace(RULE, recipients=(Role.CLIENT, Role.FIXED), fixed_addresses=("duty@example.org",))]
    made = _plan(event(client="duty@example.org"), rules)
    assert [(card.reason, card.params["role"]) for card in made.decisions] == [("told", "fixed")]


def test_two_spellings_of_one_address_are_one_person() -> None:
    rules = [replace(RULE, recipients=(Role.CLIENT, Role.OBSERVERS))]
    company = replace(COMPANY, notify_unregistered=True)
    document = event(client="кто@пример.рф", observers=["КТО@xn--e1afmkfd.xn--p1ai"])
    assert _reasons(_plan(document, rules, company=company)) == ["told"]
    document["data"]["actor"] = "кто@XN--E1AFMKFD.XN--P1AI"
    assert _reasons(_plan(document, rules, company=company)) == ["actor"]
    directory = Directory([Person("й@пример.рф", "Й")])  # as one sign; the event has it as a letter and its breve
    assert _told(_plan(event(client="й@пример.рф"), [RULE], directory=directory)) == {(RULE.code, "й@пример.рф")}


def test_managers_alerts_leave_the_responsible_out() -> None:
    rules = [replace(RULE, recipients=(Role.TEAM_LEADER, Role.HEAD))]
    made = _plan(event(responsible="petrov@example.org"), rules)
    assert "responsible_told" in _reasons(made)
    assert _told(_plan(event(), rules)) == {(RULE.code, "petrov@example.org"), (RULE.code, "boss@example.org")}


def test_the_leader_of_a_team_is_told_as_such_and_not_as_a_member() -> None:
    document = event("request.deadline")
    key = "request:resolution:at_due:0"
    document["data"]["deadline"] = {"kind": "resolution", "due": document["time"], "threshold": key}
    roles = {who.address: who.role for one in _plan(document).taken for who in one.recipients}
    assert roles["petrov@example.org"] is Role.TEAM_LEADER


def test_who_was_chosen_for_a_comment_is_told_as_such_and_not_as_a_follower() -> None:
    comment = {"text": "Смотрите", "chosen": ["boss"]}
    told = _told(_plan(event("request.comment_added", observers=["boss"], comment=comment)))
    assert {code for code, address in told if address == "boss@example.org"} == {"request.comment_added.chosen.email"}


@pytest.mark.parametrize(
    ("client", "reason"),
    [
        (None, "nobody_in_role"),
        ({"email": "", "name": "Кто-то"}, "no_address"),
        ("stranger@example.org", "unregistered"),
        ("gone@example.org", "inactive"),
    ],
)
def test_a_recipient_left_out_has_a_reason(client: Any, reason: str) -> None:
    directory = Directory([*PEOPLE, Person("gone@example.org", "Ушёл", active=False)], TEAMS)
    assert _reasons(_plan(event(client=client), [RULE], directory=directory)) == [reason]


def test_unregistered_people_are_told_when_the_company_allows_it() -> None:
    company = replace(COMPANY, notify_unregistered=True)
    assert _told(_plan(event(client="stranger@example.org"), [RULE], company=company))
    assert _reasons(_plan(event(client="not@an@address"), [RULE], company=company)) == ["bad_address"]


def test_a_fixed_address_needs_no_registration() -> None:
    rules = [replace(RULE, recipients=(Role.FIXED,), fixed_addresses=("duty@example.org",))]
    assert _told(_plan(event(), rules)) == {(RULE.code, "duty@example.org")}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("asset.added", "unknown_object_type"),
        ("request.teleported", "unknown_event_type"),
        ("article.deleted", "no_rule"),
    ],
)
def test_an_event_no_rule_is_for_says_so(kind: str, reason: str) -> None:
    assert _reasons(_plan(event(kind))) == [reason]


def test_a_rule_switched_off_says_so() -> None:
    assert _reasons(_plan(event(), [replace(RULE, enabled=False)])) == ["rule_off"]


def test_resolved_has_an_alert_of_its_own() -> None:
    made = _plan(event("request.status_changed", status="resolved"))
    told = {code for code, _ in _told(made)}
    assert "request.status_changed.resolved.client.email" in told
    assert "request.status_changed.client.email" not in told
    reasons = {card.rule_code: card.reason for card in made.decisions if not card.recipient}
    assert reasons["request.status_changed.client.email"] == "own_alert"


def test_a_private_comment_does_not_reach_the_client() -> None:
    made = _plan(event("request.comment_added", comment={"text": "между нами", "private": True}))
    assert not any(code.startswith("request.comment_added.client") for code, _ in _told(made))
    assert _told(made), "the responsible is told"


def test_a_broken_condition_is_a_decision_not_a_crash() -> None:
    assert _reasons(_plan(event(), [replace(RULE, condition="object.nothing.there > 1")])) == ["condition_error"]


def test_approvers_who_have_voted_are_not_reminded() -> None:
    rules = [replace(RULE, recipients=(Role.APPROVERS,))]
    made = _plan(event(approvers=["ivanov", "petrov@example.org"], voted=["ivanov@example.org"]), rules)
    assert _told(made) == {(RULE.code, "petrov@example.org")}
