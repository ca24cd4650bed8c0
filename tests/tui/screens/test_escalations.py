"""The list of escalations."""

from store.engine import Store
from store.rulebook import list_rules
from store.vocabulary import RuleKind
from tests.tui.screens.sections import press, section
from tests.tui.waiting import until
from tui.screens.escalations import EscalationsScreen
from tui.widgets.rule_list import RuleList


async def test_only_escalations_are_listed(section_store: Store) -> None:
    async with section(section_store, EscalationsScreen, size=(120, 40)) as pilot:
        rows = len(list_rules(section_store, RuleKind.ESCALATION))
        assert rows > 0
        await until(pilot, lambda: pilot.app.screen.query_one(RuleList).table.row_count == rows)


async def test_an_escalation_is_switched_off_and_on_again(section_store: Store) -> None:
    async with section(section_store, EscalationsScreen) as pilot:
        await press(pilot, "space")
        assert sum(not rule.enabled for rule in list_rules(section_store)) == 1
        await press(pilot, "space")
        assert all(rule.enabled for rule in list_rules(section_store))
