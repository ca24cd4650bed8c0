"""The list of event actions."""

import pytest
from textual.widgets import Input

from store.engine import Store
from store.rulebook import list_rules
from store.vocabulary import RuleKind
from tests.tui.screens.sections import LANGUAGES, SIZES, press, section
from tests.tui.waiting import until
from tui.screens.event_actions import EventActionsScreen
from tui.widgets.rule_list import RuleList


def off(store: Store) -> list[str]:
    return [rule.code for rule in list_rules(store, RuleKind.EVENT_ACTION) if not rule.enabled]


def codes(store: Store) -> list[str]:
    return [rule.code for rule in list_rules(store, RuleKind.EVENT_ACTION)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_title_and_switch_are_seen_at_every_size(
    section_store: Store, language: str, size: tuple[int, int]
) -> None:
    async with section(section_store, EventActionsScreen, language=language, size=size) as pilot:
        table = pilot.app.screen.query_one(RuleList).table
        await until(pilot, lambda: table.row_count == len(codes(section_store)))
        assert {"enabled", "title"} <= {str(key.value) for key in table.columns}
        columns = table.columns.values()
        await until(pilot, lambda: sum(column.get_render_width(table) for column in columns) <= table.size.width)


async def test_space_switches_the_row_off_at_once(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen) as pilot:
        await press(pilot, "space")
        assert off(section_store) == codes(section_store)[:1]


async def test_space_switches_all_marked_rows(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen) as pilot:
        await press(pilot, "x", "x", "x", "space")
        assert off(section_store) == codes(section_store)[:3]


async def test_undo_takes_back_only_what_the_switch_changed(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen) as pilot:
        await press(pilot, "space")
        await press(pilot, "down", "x", "up", "up", "x")
        await press(pilot, "space")
        await press(pilot, "u")
        assert off(section_store) == codes(section_store)[:1]


async def test_filter_narrows_as_one_types_and_all_marks_only_what_is_shown(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen, language="en") as pilot:
        rules = pilot.app.screen.query_one(RuleList)
        await press(pilot, "slash", *"approv", "enter")
        shown = rules.table.row_count
        assert 0 < shown < len(codes(section_store))
        await press(pilot, "ctrl+a", "space")
        assert len(off(section_store)) == shown
        await press(pilot, "escape")
        assert rules.table.row_count == len(codes(section_store))


async def test_digits_and_spaces_can_be_typed_into_the_filter(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen) as pilot:
        await press(pilot, "slash", "2", "space", "s")
        assert pilot.app.screen.query_one("#rule-filter", Input).value == "2 s"
        assert not off(section_store)


async def test_sort_goes_through_the_columns_and_back(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen) as pilot:
        rules = pilot.app.screen.query_one(RuleList)
        seen = [rules.order]
        for _ in range(7):
            await press(pilot, "s")
            seen.append(rules.order)
        assert seen == ["", "enabled", "title", "object", "when", "channel", "recipients", ""]
