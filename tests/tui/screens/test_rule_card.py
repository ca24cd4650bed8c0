"""The card of an event action: edited, added, copied, deleted, put back as it shipped."""

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Checkbox, Input, Select, TextArea

from dispatch.intake import emit
from store.engine import Store
from store.rulebook import list_rules, save_rule
from store.rules import Repeat, Rule, Threshold
from store.vocabulary import Channel, EventType, Role, RuleKind
from tests.desk import event, lines
from tests.tui.screens.sections import LANGUAGES, press, section
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.escalations import EscalationsScreen
from tui.screens.event_actions import EventActionsScreen
from tui.widgets.form import Choices, Field
from tui.widgets.question import Question
from tui.widgets.rule_form import RuleForm, free_code

FIRST = "request.added.client.email"


def rules(store: Store) -> dict[str, Rule]:
    return {rule.code: rule for rule in list_rules(store)}


async def form(pilot: "Pilot[Any]", *keys: str) -> RuleForm:
    await press(pilot, *keys)
    await until(pilot, lambda: isinstance(pilot.app.screen, RuleForm))
    found = pilot.app.screen
    assert isinstance(found, RuleForm)
    await until(pilot, lambda: bool(found.query(Field)))
    return found


def put(card: RuleForm, name: str, value: str) -> None:
    control = card.field(name).control
    if isinstance(control, Select):
        card.query_one(f"#field-{name}", Select).value = value
    elif isinstance(control, TextArea):
        control.text = value
    else:
        card.query_one(f"#field-{name}", Input).value = value


@pytest.mark.parametrize("language", LANGUAGES)
async def test_enter_opens_the_card_and_nothing_changed_changes_nothing(section_store: Store, language: str) -> None:
    before = rules(section_store)
    async with section(section_store, EventActionsScreen, language=language) as pilot:
        card = await form(pilot, "enter")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: pilot.app.screen is not card)
    assert rules(section_store) == before


async def test_an_action_of_ones_own_is_added(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen) as pilot:
        card = await form(pilot, "a")
        put(card, "title_ru", "Дежурному о важном")
        put(card, "event_type", "comment_added")
        put(card, "condition", "object.priority == 'vip'")
        card.query_one("#field-recipients", Choices).choose(Role.FIXED.value)
        await pilot.pause()
        put(card, "fixed_addresses", "duty@example.org, boss@example.org")
        put(card, "once_minutes", "15")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "own.request.comment_added.email" in rules(section_store))
        await until(pilot, lambda: pilot.app.screen is not card)
    rule = rules(section_store)["own.request.comment_added.email"]
    assert rule.titles == {"ru": "Дежурному о важном", "en": "Дежурному о важном"}
    assert (rule.kind, rule.standard, rule.enabled) == (RuleKind.EVENT_ACTION, False, True)
    assert set(rule.recipients) == {Role.RESPONSIBLE, Role.FIXED}
    assert rule.fixed_addresses == ("duty@example.org", "boss@example.org")
    assert (rule.condition, rule.once_minutes) == ("object.priority == 'vip'", 15)


async def test_one_form_makes_an_action_for_each_object_and_event(section_store: Store) -> None:
    before = rules(section_store)
    async with section(section_store, EventActionsScreen) as pilot:
        card = await form(pilot, "a")
        put(card, "title_ru", "Ответственному")
        card.query_one("#field-also_objects", Choices).choose("task")
        card.query_one("#field-also_events", Choices).choose("status_changed")
        await until(pilot, lambda: card.field("from_status").display)
        put(card, "from_status", "in_progress")
        put(card, "condition", "nobody is none")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: card.query_one("#row-condition").has_class("-wrong"))
        assert rules(section_store) == before
        put(card, "condition", "")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: len(rules(section_store)) == len(before) + 4)
    made = {code: rule for code, rule in rules(section_store).items() if code not in before}
    assert {code: rule.from_status for code, rule in made.items()} == {
        "own.request.added.email": (), "own.request.status_changed.email": ("in_progress",),
        "own.task.added.email": (), "own.task.status_changed.email": ("in_progress",),
    }  # fmt: skip
    assert {rule.titles["ru"] for rule in made.values()} == {"Ответственному"}


async def test_recipients_are_taken_and_let_go_by_keyboard_and_told_apart_without_colours(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen, size=(120, 40)) as pilot:
        card = await form(pilot, "e")
        assert "✓ Контактное лицо" in seen(pilot.app)
        assert "✓ Автор" not in seen(pilot.app)
        card.query_one(Choices).focus()
        await press(pilot, "space", "down", "space", "ctrl+s")
        await until(pilot, lambda: rules(section_store)[FIRST].recipients == (Role.AUTHOR,))


async def test_own_words_are_saved_for_the_language_they_were_written_in(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen) as pilot:
        card = await form(pilot, "e")
        assert not card.field("body_ru").display
        card.query_one("#field-own_words", Checkbox).value = True
        await until(pilot, lambda: card.field("body_ru").display)
        put(card, "subject_ru", "Мы взялись за {{ object.number }}")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: bool(rules(section_store)[FIRST].texts))
    assert list(rules(section_store)[FIRST].texts) == ["ru"]
    assert rules(section_store)[FIRST].texts["ru"].subject == "Мы взялись за {{ object.number }}"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("condition", "nobody is none", "Нет такого имени: «nobody»"),
        ("condition", "object.attributes.vip == 3", "Не работает на событии RP-1 (23.11.2026 12:00)"),
        ("fixed_addresses", "not an address", "не адрес электронной почты"),
        ("once_minutes", "soon", "целое число"),
        ("title_ru", "", "Заполните это поле"),
    ],
)
async def test_what_cannot_work_is_said_at_its_field_and_nothing_is_saved(
    section_store: Store, field: str, value: str, words: str
) -> None:
    emit(section_store, lines(event()))
    async with section(section_store, EventActionsScreen, size=(120, 40)) as pilot:
        card = await form(pilot, "a")
        put(card, "title_ru", "Своё")
        if field == "fixed_addresses":
            card.query_one("#field-recipients", Choices).choose(Role.FIXED.value)
            await pilot.pause()
        put(card, field, value)
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: card.field(field).has_class("-wrong"))
        assert words in seen(pilot.app)
    assert not any(code.startswith("own.") for code in rules(section_store))


async def test_a_changed_standard_action_goes_back_after_a_question_that_says_what(
    section_store: Store,
) -> None:
    shipped = rules(section_store)[FIRST]
    async with section(section_store, EventActionsScreen) as pilot:
        card = await form(pilot, "e")
        put(card, "title_ru", "Иначе")
        put(card, "channel", Channel.INTERFACE.value)
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: rules(section_store)[FIRST] != shipped)
        await until(pilot, lambda: pilot.app.screen is not card)
        card = await form(pilot, "e")
        await press(pilot, "f9")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        asked = " ".join(seen(pilot.app).replace("│", " ").split())
        assert "Название · Русский: Иначе → Добавление → контактному лицу" in asked
        assert "Действие: Уведомление в интерфейсе → Оповещение" in asked
        await press(pilot, "left", "enter")
        await until(pilot, lambda: rules(section_store)[FIRST] == shipped)


async def test_a_copy_is_ones_own_and_is_deleted_after_a_question(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen) as pilot:
        card = await form(pilot, "c")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "own.request.added.email" in rules(section_store))
        await until(pilot, lambda: pilot.app.screen is not card)
        assert rules(section_store)["own.request.added.email"].titles["ru"].endswith("(копия)")
        await press(pilot, "d")  # the standard one under the cursor stays
        assert not isinstance(pilot.app.screen, Question)
        await press(pilot, "ctrl+end", "d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await press(pilot, "left", "enter")
        await until(pilot, lambda: "own.request.added.email" not in rules(section_store))
    assert FIRST in rules(section_store)


async def test_the_threshold_of_an_escalation_is_changed(section_store: Store) -> None:
    async with section(section_store, EscalationsScreen) as pilot:
        card = await form(pilot, "e")
        assert not card.query("#row-event_type")
        code = card.rule.code
        put(card, "threshold", "minutes_before")
        put(card, "value", "45")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: rules(section_store)[code].threshold == Threshold("minutes_before", 45))
    assert rules(section_store)[code].event_type is EventType.DEADLINE


async def test_an_escalation_is_told_again_in_working_time_as_its_card_says(section_store: Store) -> None:
    async with section(section_store, EscalationsScreen) as pilot:
        card = await form(pilot, "e")
        code, shipped = card.rule.code, card.rule
        hidden = ("repeat_times", "until_status_change")
        assert not any(card.field(name).display for name in hidden)
        put(card, "threshold", "minutes_before")
        put(card, "value", "30")
        put(card, "repeat_minutes", "30")
        await until(pilot, lambda: all(card.field(name).display for name in hidden))
        put(card, "repeat_times", "4")
        for name in ("working_time", "until_status_change"):
            card.query_one(f"#field-{name}", Checkbox).value = True
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: rules(section_store)[code] != shipped)
        rule = rules(section_store)[code]
        assert rule.threshold == Threshold("minutes_before", 30, working_time=True)
        assert rule.repeat == Repeat(30, 4, until_status_change=True)
        await until(pilot, lambda: pilot.app.screen is not card)
        card = await form(pilot, "e")
        await press(pilot, "f9")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        asked = " ".join(seen(pilot.app).replace("│", " ").split())
        assert "Повторов не больше: 4 → —" in asked
        await press(pilot, "left", "enter")
        await until(pilot, lambda: rules(section_store)[code] == shipped)


async def test_at_the_due_time_nothing_counts_in_working_time(section_store: Store) -> None:
    async with section(section_store, EscalationsScreen) as pilot:
        card = await form(pilot, "e")
        card.query_one("#field-working_time", Checkbox).value = True
        put(card, "threshold", "at_due")
        await until(pilot, lambda: not card.field("working_time").display)
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: rules(section_store)[card.rule.code].threshold == Threshold("at_due"))


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"value": "100"}, "value", "от 1 до 99"),
        ({"threshold": "minutes_after", "value": ""}, "value", "целое число"),
        ({"repeat_minutes": "soon"}, "repeat_minutes", "целое число"),
        ({"repeat_minutes": "20000", "repeat_times": "1"}, "repeat_minutes", "от 1 до 10080"),
        ({"repeat_minutes": "30"}, "repeat_times", "целое число"),
        ({"repeat_minutes": "30", "repeat_times": "101"}, "repeat_times", "от 1 до 100"),
    ],
    ids=str,
)
async def test_a_repeat_that_cannot_be_is_refused_at_its_field(
    section_store: Store, values: dict[str, str], field: str, words: str
) -> None:
    before = rules(section_store)
    async with section(section_store, EscalationsScreen) as pilot:
        card = await form(pilot, "e")
        for name, value in values.items():
            put(card, name, value)
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: card.field(field).has_class("-wrong"))
        assert words in seen(pilot.app)
    assert rules(section_store) == before


def test_a_code_that_is_taken_is_not_given_again(section_store: Store) -> None:
    rule = next(iter(rules(section_store).values()))
    known: list[str] = []
    for _ in range(3):
        known.append(free_code(rule, known))
    assert len(set(known)) == 3
    assert all(code not in rules(section_store) for code in known)
    save_rule(section_store, rule, "test")
