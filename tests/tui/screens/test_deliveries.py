"""The queue: it follows the store, keeps its cursor, pages back, and does what it is told to."""

from collections.abc import Callable

import pytest
from rich.cells import cell_len
from textual.widgets import Input

from store import moves, outbox
from store.engine import Store
from store.moves import Deed
from store.vocabulary import DeliveryState
from tests.tui.screens.sections import LANGUAGES, SIZES, press, section
from tests.tui.scripted_desk import add_notice, the_row
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.deliveries import DeliveriesScreen, DeliveryPane
from tui.screens.delivery import DeliveryScreen
from tui.widgets.question import Question


def rows(screen: object) -> DeliveryPane:
    assert isinstance(screen, DeliveriesScreen)
    return screen.query_one(DeliveryPane)


def subjects(shown: DeliveryPane) -> Callable[[], list[str]]:
    return lambda: [row.subject for row in shown.rows]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_state_person_and_subject_are_seen_at_every_size(
    store: Store, language: str, size: tuple[int, int]
) -> None:
    async with section(store, DeliveriesScreen, language=language, size=size) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: shown.rows)
        lines = [shown.render_line(y).text for y in range(shown.size.height)]
        assert {cell_len(line) for line in lines} == {shown.size.width}
        held = next(line for line in lines if "‖" in line)
        assert "RP-1046" in held
        assert "Джеймс Миллер" in held
        assert "В работе" in held  # the subject without the number, which has a column of its own
        assert held.count("RP-1046") == 1


async def test_what_arrives_appears_and_the_cursor_stays_on_its_delivery(store: Store) -> None:
    async with section(store, DeliveriesScreen) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: shown.rows)
        await press(pilot, "down", "down")
        before = shown.current
        add_notice(store, subject="new", name="N")
        await until(pilot, lambda: shown.rows[0].subject == "new")
        assert shown.current == before


async def test_a_change_of_state_is_seen_without_a_key(store: Store) -> None:
    held = the_row(store, DeliveryState.HELD)
    async with section(store, DeliveriesScreen) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: shown.rows)
        moves.carry_out(store, Deed.CANCEL, [held.id], "test")
        await until(pilot, lambda: [row.state for row in shown.rows if row.id == held.id] == [DeliveryState.CANCELLED])


async def test_older_ones_are_read_when_the_cursor_gets_to_the_end(store: Store) -> None:
    for number in range(200):
        add_notice(store, subject=f"s{number}", name="N")
    async with section(store, DeliveriesScreen) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: shown.rows)
        assert shown.rows[-1].id > 1
        await press(pilot, "end")
        await until(pilot, lambda: shown.current and shown.current.id == 1)


async def test_states_are_walked_through_beside_what_was_typed(store: Store) -> None:
    async with section(store, DeliveriesScreen) as pilot:
        screen = pilot.app.screen
        shown, field = rows(screen), screen.query_one("#filter-text", Input)
        await until(pilot, lambda: shown.rows)
        await press(pilot, "s", "s", "s")
        await until(pilot, lambda: {row.state for row in shown.rows} == {DeliveryState.HELD})
        await press(pilot, "S", "S", "S")
        await until(pilot, lambda: len({row.state for row in shown.rows}) > 2)
        await press(pilot, "slash", *"rp-1045 ", "enter")
        await until(pilot, lambda: {row.object_number for row in shown.rows} == {"RP-1045"})
        assert shown.has_focus
        await press(pilot, "S")
        await until(pilot, lambda: shown.query_shown.storm)
        assert field.value == "rp-1045 состояние:шторм"
        await press(pilot, "escape")
        await until(pilot, lambda: len({row.object_number for row in shown.rows}) > 2)
        assert field.value == ""
        assert field.display


async def test_digits_and_letters_of_keys_can_be_typed_into_the_filter(store: Store) -> None:
    async with section(store, DeliveriesScreen) as pilot:
        await press(pilot, "slash", *"1crsx?")
        assert isinstance(pilot.app.screen, DeliveriesScreen)
        assert pilot.app.screen.query_one("#filter-text", Input).value == "1crsx?"


async def test_a_dead_letter_is_sent_again_and_withdrawn(store: Store) -> None:
    dead = the_row(store, DeliveryState.DEAD)
    async with section(store, DeliveriesScreen) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, DeliveriesScreen)
        shown = rows(screen)
        await until(pilot, lambda: shown.rows)
        screen.narrow("dead")
        await until(pilot, lambda: [row.id for row in shown.rows] == [dead.id])
        await press(pilot, "r")
        await until(pilot, lambda: dead.id in [row.id for row in outbox.page(store, state=DeliveryState.PENDING)])
        screen.narrow("pending")
        await until(pilot, lambda: dead.id in [row.id for row in shown.rows])
        await press(pilot, "ctrl+a")
        await until(pilot, lambda: shown.marked)
        await press(pilot, "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await press(pilot, "left", "enter")
        await until(pilot, lambda: outbox.page(store, state=DeliveryState.PENDING) == [])
        await until(pilot, lambda: shown.marked == [])


async def test_what_cannot_be_done_is_said(store: Store) -> None:
    async with section(store, DeliveriesScreen, language="en") as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: shown.rows)
        await press(pilot, "r")
        await until(pilot, lambda: "can be sent again" in seen(pilot.app))


async def test_a_row_is_opened_and_the_list_is_as_it_was(store: Store) -> None:
    async with section(store, DeliveriesScreen) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: shown.rows)
        await press(pilot, "down", "x", "enter")
        assert isinstance(pilot.app.screen, DeliveryScreen)
        before = shown.current
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, DeliveriesScreen)
        assert shown.current == before
        assert len(shown.marked) == 1


async def test_an_empty_queue_says_so(section_store: Store) -> None:
    async with section(section_store, DeliveriesScreen, language="en") as pilot:
        await until(pilot, lambda: "no deliveries yet" in seen(pilot.app))
        await press(pilot, "down", "enter", "x", "r", "c", "end", "ctrl+a")
        assert isinstance(pilot.app.screen, DeliveriesScreen)
