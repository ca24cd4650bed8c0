"""The list of event actions."""

import pytest
from textual.widgets import Input, OptionList

from store.engine import Store
from store.rule_stats import RuleCount, count_in
from store.rule_views import VIEWS, RuleView
from store.rulebook import list_rules
from store.vocabulary import RuleKind
from tests.tui.screens.sections import LANGUAGES, SIZES, press, section, settle
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.escalations import EscalationsScreen
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


async def test_fields_are_filtered_by_and_one_that_is_none_is_said_to_be(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen) as pilot:
        rules = pilot.app.screen.query_one(RuleList)
        await press(pilot, "slash", *"кан")
        field = pilot.app.screen.query_one("#rule-filter", Input)
        await until(pilot, lambda: field._suggestion == "канал:")
        await press(pilot, "right", *"почта")
        letters = rules.table.row_count
        assert 0 < letters < len(codes(section_store))
        await press(pilot, *" цвет:", "x")
        assert rules.table.row_count == letters
        assert "Нет поля «цвет»; есть: объект, событие, канал, кому, метка" in seen(pilot.app)


async def test_digits_and_spaces_can_be_typed_into_the_filter(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen) as pilot:
        await press(pilot, "slash", "2", "space", "s")
        assert pilot.app.screen.query_one("#rule-filter", Input).value == "2 s"
        assert not off(section_store)


async def test_sort_goes_through_the_columns_and_back(section_store: Store) -> None:
    async with section(section_store, EventActionsScreen) as pilot:
        rules = pilot.app.screen.query_one(RuleList)
        orders = [rules.order]
        for _ in range(9):
            await press(pilot, "s")
            orders.append(rules.order)
        assert orders == ["", "enabled", "title", "object", "when", "channel", "recipients", "last", "month", ""]


async def test_what_actions_do_is_seen_as_it_happens_and_the_cursor_stays_on_its_row(section_store: Store) -> None:
    known = codes(section_store)

    def count(code: str, one: RuleCount) -> None:
        section_store.write(lambda connection: count_in(connection, section_store.clock(), {code: one}))

    async with section(section_store, EventActionsScreen, language="en", size=(120, 40)) as pilot:
        rules = pilot.app.screen.query_one(RuleList)

        def cell(code: str, column: str) -> str:
            return str(rules.table.get_cell(code, column)).strip()

        await press(pilot, *["s"] * 8)
        await press(pilot, *["down"] * 50)
        under, top = known[50], rules.table.scroll_y
        assert (rules.current, rules.order) == (under, "month")
        count(known[0], RuleCount(3, 2, 4))
        await until(pilot, lambda: cell(known[0], "month") == "2")
        assert (cell(known[0], "last"), cell(known[1], "month")) == ("now", "—")
        assert rules.table.get_row_at(0) == rules.table.get_row(known[0])
        count(known[60], RuleCount(9, 9, 9))
        await until(pilot, lambda: rules.table.get_row_at(0) == rules.table.get_row(known[60]))
        assert rules.current == under
        await until(pilot, lambda: abs(rules.table.scroll_y - top) <= 1)
        count(under, RuleCount(1, unaddressed=1))
        await until(pilot, lambda: "on !" in cell(under, "enabled"))
        await until(pilot, lambda: "! Nobody had an address; matched in 30 days: 1" in seen(pilot.app))
        await press(pilot, "S")
        assert rules.table.get_row_at(len(known) - 1) == rules.table.get_row(known[60])


async def test_a_view_is_saved_chosen_on_another_list_and_deleted(section_store: Store) -> None:
    def saved() -> list[RuleView]:
        with section_store.read() as connection:
            return VIEWS.all_in(connection)

    async with section(section_store, EventActionsScreen, language="en") as pilot:
        rules = pilot.app.screen.query_one(RuleList)
        await press(pilot, "slash", *"channel:email", "enter", "s", "s")
        letters = rules.table.row_count
        await press(pilot, "v", "s", *"Off", "enter")
        assert saved() == []
        assert "built in" in seen(pilot.app)
        await press(pilot, *["backspace"] * 3, *"Mine", "enter")
        mine = RuleView("Mine", "channel:email", "title")
        assert saved() == [mine]
        await press(pilot, "v", "enter")
        assert (rules.table.row_count, rules.view) == (len(codes(section_store)), RuleView(""))
        await press(pilot, "v", "end", "enter")
        assert (rules.table.row_count, rules.order) == (letters, "title")
        assert "view: Mine" in seen(pilot.app)
        await press(pilot, "slash", "space", "x")
        assert "view: Mine" not in seen(pilot.app)
        pilot.app.push_screen(EscalationsScreen())
        await settle(pilot, 3)
        assert "View: Mine" in {one.title for one in pilot.app.get_system_commands(pilot.app.screen)}
        await press(pilot, "v", "down", "enter")
        assert pilot.app.screen.query_one(RuleList).needle == "off"
        await press(pilot, "v", "d")
        assert saved() == [mine]
        await press(pilot, "end", "d", "left", "enter")
        assert saved() == []
        # Not on the whole screen: a toast may still be saying that it was saved.
        views = pilot.app.screen.query_one("#views-list", OptionList)
        shown = [str(option.prompt) for option in views.options]
        assert shown
        assert not any("Mine" in line for line in shown)
