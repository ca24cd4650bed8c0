"""The proof of a rule on what really happened: condition and own words, before anything is saved."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatch import proof
from dispatch.intake import emit
from dispatch.proof import EVENTS, Proof
from store.engine import Store
from store.errors import SettingsError
from store.rulebook import list_rules
from store.rules import OwnText, Rule
from store.settings_file import apply_settings
from store.settings_schema import SettingsFileError
from store.vocabulary import Channel, EventType, Role, RuleKind
from tests.desk import event, furnish, lines, open_store

OWN = Rule(
    "own.email", RuleKind.EVENT_ACTION, {"ru": "Своё", "en": "Own"}, "request", EventType.ADDED,
    Channel.EMAIL, (Role.CLIENT,), "added.client", standard=False,
)  # fmt: skip
GOOD = OwnText("Тема", "Строка", "{{ object.number }}")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Store]:
    """Some requests, of which only one has a VIP client, and one has nobody responsible."""
    store = open_store(tmp_path)
    furnish(store)
    emit(store, lines(event(number=1, vip=3), event(number=2), event(number=3, vip="yes", responsible=None)))
    yield store
    store.close()


def check(store: Store, **changes: Any) -> Proof:
    with store.read() as connection:
        made = Proof(connection)
        made.check(replace(OWN, **changes))
    return made


@pytest.mark.parametrize(
    ("changes", "path", "number", "words"),
    [
        ({"condition": "object.attributes.vip == 3"}, "condition", "RP-2", "is defined"),
        (
            {"condition": "object.attributes.vip is defined and object.attributes.vip > 1"},
            "condition", "RP-3", "not supported between",
        ),
        ({"texts": {"ru": replace(GOOD, subject="{{ responsible.name }}")}}, "texts.ru.subject", "RP-3", "name"),
        ({"texts": {"en": replace(GOOD, body="{{ object.attributes.vip + 1 }}")}}, "texts.en.body", "RP-3", "str"),
    ],
)  # fmt: skip
def test_what_fails_on_an_event_is_refused_with_the_field_and_the_event(
    desk: Store, changes: dict[str, Any], path: str, number: str, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        check(desk, **changes)
    assert caught.value.path == path
    assert f"{number} (23.11.2026 15:00)" in caught.value.problem
    assert words in caught.value.problem
    assert caught.value.params["number"] == number


def test_words_are_tried_where_the_rule_would_be_taken(desk: Store) -> None:
    text = replace(GOOD, subject="{{ responsible.name }}")
    assert check(desk, texts={"ru": text}, condition="responsible is not none", enabled=False).tried == 3
    assert check(desk, texts={"ru": text}, to_status=("closed",)).tried == 3


def test_only_the_last_events_of_the_kind_are_tried(desk: Store) -> None:
    emit(desk, lines(*(event(number=10 + number, key=f"n{number}", vip=3) for number in range(EVENTS))))
    assert check(desk, condition="object.attributes.vip == 3").tried == EVENTS
    assert (
        check(desk, condition="comment.text", event_type=EventType.COMMENT_ADDED, template="comment.client").tried == 0
    )
    assert check(desk).tried == 0, "nothing to try"


def test_when_there_is_no_time_it_says_how_many_were_left(desk: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "MAX_SECONDS", -1.0)
    made = check(desk, condition="object.attributes.vip == 3")
    assert (made.tried, made.left) == (0, 3)


def test_what_cannot_be_read_is_refused_as_such(desk: Store) -> None:
    with pytest.raises(SettingsError) as caught:
        check(desk, condition="nobody is none")
    assert caught.value.key == "unknown_name"


def test_a_settings_file_with_such_a_rule_is_refused_whole(desk: Store, tmp_path: Path) -> None:
    text = """
event_actions:
  - {code: own.first, titles: {ru: Первое}, object_type: request, event_type: added, channel: email,
     recipients: [client], template: added.client}
  - {code: own.second, titles: {ru: Второе}, object_type: request, event_type: added, channel: email,
     recipients: [client], template: added.client, condition: object.attributes.vip == 3}
"""
    with pytest.raises(SettingsFileError) as caught:
        apply_settings(desk, text, tmp_path, "test", prove=lambda connection: Proof(connection).check)
    (error,) = caught.value.errors
    assert error.path == "event_actions[1].condition"
    assert "RP-2" in error.problem
    assert not any(rule.code.startswith("own.") for rule in list_rules(desk))
