"""The list of escalations."""

from dataclasses import replace

from textual.widgets import Static

from store.engine import Store
from store.rulebook import list_rules, save_rule
from store.rules import Repeat
from store.vocabulary import RuleKind
from tests.tui.screens.sections import press, section
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.escalations import EscalationsScreen
from tui.widgets.rule_list import RuleList


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


async def test_an_escalation_is_switched_off_and_on_again(section_store: Store) -> None:
    async with section(section_store, EscalationsScreen) as pilot:
        await press(pilot, "space")
        assert sum(not rule.enabled for rule in list_rules(section_store)) == 1
        await press(pilot, "space")
        assert all(rule.enabled for rule in list_rules(section_store))
