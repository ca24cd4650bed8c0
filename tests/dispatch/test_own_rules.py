"""Rules with words, recipients and hours of their own, from the event to the deliveries."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dispatch.dry_run import plan_text
from dispatch.intake import emit
from dispatch.planner import Planner
from store import journal
from store.cards import Company, DecisionCard, Team
from store.directory import delete_team, rename_team
from store.engine import Store
from store.errors import SettingsError
from store.outbox import page
from store.rulebook import list_rules, save_rule, set_enabled
from store.rules import OwnText, Rule
from store.settings import save_company
from store.vocabulary import Channel, EventType, Role, RuleKind
from tests.desk import NOON, HandClock, event, furnish, lines

OWN = Rule(
    "own.email", RuleKind.EVENT_ACTION, {"ru": "Своё действие", "en": "Of our own"}, "request", EventType.COMMENT_ADDED,
    Channel.EMAIL, (Role.CLIENT,), "comment.client", tell_actor=True, standard=False,
)  # fmt: skip
GOOD = OwnText(
    "Ответ по {{ object.number }}",
    "{{ object.number }}: ответ",
    "{% for c in [client] %}{{ c.name }}{% endfor %}!",
)
BROKEN = replace(GOOD, body="{{ object.attributes.nothing_like_it }}")


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


@pytest.fixture
def store(store: Store) -> Store:
    furnish(store)
    set_enabled(store, [rule.code for rule in list_rules(store)], False, "test")
    return store


def comment(number: int, minutes: int = 0, **more: Any) -> dict[str, Any]:
    made = event("request.comment_added", 1, f"c{number}", comment={"text": "Готово"}, **more)
    return {**made, "time": (NOON + timedelta(minutes=minutes)).isoformat()}


def told(store: Store, *events: dict[str, Any]) -> list[str]:
    emit(store, lines(*events))
    Planner(store).plan_now()
    return sorted(row.recipient_address for row in page(store))


def decisions(store: Store) -> list[DecisionCard]:
    events = reversed(journal.story(store, "RP-1"))
    return [card for one in events for card in one.decisions if card.rule_code == OWN.code]


def test_a_rule_says_its_own_words(store: Store) -> None:
    save_rule(store, replace(OWN, texts={"ru": GOOD}), "test")
    assert told(store, comment(1)) == ["olga@example.org"]
    (row,) = page(store)
    assert row.subject == "Ответ по RP-1"


def test_words_that_cannot_be_filled_in_give_way_to_the_standard_and_administrators_are_told_once(store: Store) -> None:
    save_rule(store, replace(OWN, texts={"ru": BROKEN}), "test")
    planner = Planner(store)
    for number in (1, 2):
        emit(store, lines(comment(number)))
        planner.plan_now()
    letters = [row for row in page(store) if row.channel is Channel.EMAIL]
    assert [row.recipient_address for row in letters] == ["olga@example.org"] * 2
    assert all("RP-1" in row.subject for row in letters)
    (warned,) = [row for row in page(store) if row.channel is Channel.INTERFACE]
    assert warned.recipient_name == "Администраторы"
    assert "Своё действие" in warned.subject
    assert "nothing_like_it" in warned.subject
    failed = [card for card in decisions(store) if card.reason == "own_text_failed"]
    assert len(failed) == 2
    assert "nothing_like_it" in failed[0].params["problem"]


def test_teams_and_addresses_are_told(store: Store) -> None:
    rule = replace(
        OWN,
        recipients=(Role.TEAMS, Role.FIXED),
        teams=("net",),
        fixed_addresses=("duty@example.org", "John@example.org"),
    )
    save_rule(store, rule, "test")
    everybody = ["duty@example.org", "ivanov@example.org", "john@example.org", "petrov@example.org"]
    assert told(store, comment(1)) == everybody


def test_a_team_that_is_renamed_is_still_told_and_one_that_is_told_is_not_deleted(store: Store) -> None:
    save_rule(store, replace(OWN, recipients=(Role.TEAMS,), teams=("net",)), "test")
    with pytest.raises(SettingsError, match=r"own\.email"):
        delete_team(store, "net", "test")
    rename_team(store, "net", Team("networks", "Сети"), "test")
    assert told(store, comment(1)) == ["ivanov@example.org", "petrov@example.org"]
    save_rule(store, replace(OWN, recipients=(Role.CLIENT,)), "test")
    assert delete_team(store, "networks", "test")


def test_a_team_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(SettingsError) as caught:
        save_rule(store, replace(OWN, recipients=(Role.TEAMS,), teams=("net", "nobody")), "test")
    assert caught.value.path == "teams[1]"


def test_the_status_before_can_be_asked_for(store: Store) -> None:
    rule = replace(OWN, event_type=EventType.STATUS_CHANGED, from_status=("registered",), template="status.client")
    save_rule(store, rule, "test")
    started = event("request.status_changed", 1, "a", status="in_progress", changes={"status": {"from": "registered"}})
    deferred = event("request.status_changed", 1, "b", status="deferred", changes={"status": {"from": "in_progress"}})
    assert told(store, started, deferred) == ["olga@example.org"]
    assert [card.reason for card in decisions(store)] == ["told", "other_old_status"]


@pytest.mark.parametrize("apart", [False, True], ids=["in one batch", "one by one"])
def test_a_person_is_told_once_in_a_while_about_an_object(store: Store, apart: bool) -> None:
    save_rule(store, replace(OWN, once_minutes=30), "test")
    events = [comment(number, minutes) for number, minutes in enumerate((0, 10, 29, 30, 45))]
    for batch in [[one] for one in events] if apart else [events]:
        told(store, *batch)
    assert [card.reason for card in decisions(store)] == [
        "told",
        "told_recently",
        "told_recently",
        "told",
        "told_recently",
    ]


def test_the_dry_run_knows_who_was_told_lately(store: Store) -> None:
    save_rule(store, replace(OWN, once_minutes=30), "test")
    told(store, comment(1))
    documents = plan_text(store, lines(comment(2, 5), comment(3, 31), comment(4, 32)))
    own = [card["reason"] for one in documents for card in one["decisions"] if card["rule"] == OWN.code]
    assert own == ["told_recently", "told", "told_recently"]


def test_letters_wait_for_working_hours_and_the_pane_does_not(store: Store) -> None:
    hours = {"tue": "09:00-18:00"}
    save_company(store, Company("ACME", timezone="Europe/Moscow", working_hours=hours), "test")
    save_rule(store, replace(OWN, working_hours=True), "test")
    pane = replace(OWN, code="own.pane", channel=Channel.INTERFACE, recipients=(Role.RESPONSIBLE,), working_hours=True)
    save_rule(store, pane, "test")
    told(store, comment(1))  # a Monday
    rows = {row.channel: row for row in page(store)}
    assert (rows[Channel.EMAIL].state.word, rows[Channel.EMAIL].reason) == ("pending", "working_hours")
    assert rows[Channel.INTERFACE].state.word == "sent"
    (card,) = [card for card in decisions(store) if card.taken]
    assert card.params["not_before"] == "2026-11-24T06:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (replace(GOOD, subject=""), "texts.ru.subject"),
        (replace(GOOD, short="a\nb"), "texts.ru.short"),
        (replace(GOOD, body="{{ nobody.name }}"), "texts.ru.body"),
        (replace(GOOD, body="{% for %}"), "texts.ru.body"),
        (replace(GOOD, body="{{ object.title.upper() }}"), "texts.ru.body"),
        (replace(GOOD, body="{{ 'a' * 100000000 }}"), "texts.ru.body"),
        (replace(GOOD, subject="{{ object.title | shout }}"), "texts.ru.subject"),
    ],
)
def test_words_that_cannot_work_are_refused_when_saved(store: Store, text: OwnText, path: str) -> None:
    with pytest.raises(SettingsError) as caught:
        save_rule(store, replace(OWN, texts={"ru": text}), "test")
    assert caught.value.path == path
    assert OWN.code not in {rule.code for rule in list_rules(store)}
