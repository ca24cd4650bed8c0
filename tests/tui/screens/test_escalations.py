"""The list of escalations."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from dispatch.intake import emit
from dispatch.ticks import tick
from store.audit import page
from store.engine import Store
from store.rulebook import list_rules, save_rule, set_enabled
from store.rules import Repeat
from store.vocabulary import RuleKind
from tests.desk import event, furnish, lines
from tests.tui.screens.sections import press, section
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.escalations import EscalationsScreen
from tui.widgets.question import Question
from tui.widgets.rule_form import RuleForm
from tui.widgets.rule_list import RuleList

HOUR = timedelta(hours=1)


async def test_only_escalations_are_listed(section_store: Store) -> None:
    async with section(section_store, EscalationsScreen, size=(120, 40)) as pilot:
        rows = len(list_rules(section_store, RuleKind.ESCALATION))
        assert rows > 0
        await until(pilot, lambda: pilot.app.screen.query_one(RuleList).table.row_count == rows)


async def test_the_threshold_stands_in_the_row_and_how_it_repeats_beneath(section_store: Store) -> None:
    rule = next(rule for rule in list_rules(section_store, RuleKind.ESCALATION))
    save_rule(section_store, replace(rule, repeat=Repeat(30, 4, until_status_change=True)), "test")
    async with section(section_store, EscalationsScreen) as pilot:
        assert "Решение: осталось 25 %" in seen(pilot.app)
        detail = str(pilot.app.screen.query_one("#rule-detail", Static).render())
        assert "повтор каждые 30 мин, не больше 4, до смены статуса" in detail
        assert "Решение: осталось 25 % ↻ 30 мин ×4" in detail
        await press(pilot, "slash", *"повтор", "enter")
        assert pilot.app.screen.query_one(RuleList).table.row_count == 1


NOW_LATE = "request.resolution.25.responsible.email"


def late_request(store: Store) -> None:
    """A request with a quarter of its time left since an hour."""
    furnish(store)
    now = store.clock()
    given = {"started": (now - 8 * HOUR).isoformat(), "due": (now + HOUR).isoformat()}
    emit(store, lines({**event(deadlines={"resolution": given}), "time": (now - 8 * HOUR).isoformat()}))


def status(pilot: "Pilot[Any]") -> str:
    return str(pilot.app.screen.query_one("#rule-status", Static).render())


@pytest.mark.parametrize(
    ("language", "noted", "asked"),
    [("ru", "о прошедшем не скажут: p — сказать", "Сроков, о которых сообщат сейчас: 1."),
     ("en", "what has passed is not told: p tells it", "Deadlines that will be told of now: 1.")],
)  # fmt: skip
async def test_what_has_passed_is_told_when_one_agrees(
    section_store: Store, language: str, noted: str, asked: str
) -> None:
    set_enabled(section_store, [rule.code for rule in list_rules(section_store, RuleKind.ESCALATION)], False, "test")
    late_request(section_store)
    async with section(section_store, EscalationsScreen, language=language) as pilot:
        await press(pilot, "p")
        assert not isinstance(pilot.app.screen, Question)  # it is off
        await press(pilot, "space")
        await until(pilot, lambda: noted in seen(pilot.app))
        await press(pilot, "p")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        assert asked in " ".join(seen(pilot.app).replace("│", " ").split())
        await press(pilot, "enter")  # no
        await until(pilot, lambda: not isinstance(pilot.app.screen, Question))
        assert tick(section_store) == 0
        await press(pilot, "p")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await press(pilot, "left", "enter")
        await until(pilot, lambda: "tells_since" in (page(section_store)[0].after or {}))
        assert tick(section_store) == 1
        await press(pilot, "p")
        await until(pilot, lambda: "untold" in status(pilot) or "не сказано" in status(pilot))
    assert page(section_store)[0].what == f"rule:{NOW_LATE}"


async def test_marked_escalations_tell_of_what_has_passed_together_and_the_palette_offers_it(
    section_store: Store,
) -> None:
    set_enabled(section_store, [rule.code for rule in list_rules(section_store, RuleKind.ESCALATION)], False, "test")
    late_request(section_store)
    async with section(section_store, EscalationsScreen) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, EscalationsScreen)
        await press(pilot, "x", "x", "space")
        await until(pilot, lambda: sum(rule.enabled for rule in list_rules(section_store, RuleKind.ESCALATION)) == 2)
        await until(pilot, lambda: "сказать" in status(pilot))
        (command,) = [one for one in screen.commands() if one.title == "Сообщить и о прошедшем"]
        command.do()
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await press(pilot, "left", "enter")
        await until(pilot, lambda: "tells_since" in (page(section_store)[1].after or {}))
        assert tick(section_store) == 1  # the letter and the line in the pane are of one threshold


async def test_a_card_that_watches_for_something_new_says_that_the_past_is_not_told(section_store: Store) -> None:
    async with section(section_store, EscalationsScreen) as pilot:
        for field, value, noted in (("title_ru", "Иначе", "Сохранено"), ("value", "33", "о прошедшем не скажут")):
            await press(pilot, "e")
            await until(pilot, lambda: isinstance(pilot.app.screen, RuleForm) and bool(pilot.app.screen.query(Input)))
            pilot.app.screen.query_one(f"#field-{field}", Input).value = value
            await press(pilot, "ctrl+s")
            await until(pilot, lambda: not isinstance(pilot.app.screen, RuleForm))
            await until(pilot, lambda noted=noted: noted in status(pilot))
            assert ("прошедшем" in status(pilot)) is (field == "value")


async def test_an_escalation_is_switched_off_and_on_again(section_store: Store) -> None:
    async with section(section_store, EscalationsScreen) as pilot:
        await press(pilot, "space")
        assert sum(not rule.enabled for rule in list_rules(section_store)) == 1
        await press(pilot, "space")
        assert all(rule.enabled for rule in list_rules(section_store))
