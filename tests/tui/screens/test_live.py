"""The live screen: what happens appears by itself, can be walked through and opened."""

import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.widgets import Input, Static

from dispatch.intake import emit
from dispatch.planner import Planner
from store import delivery_query, moves
from store.cards import FeedRow
from store.delivery_query import DeliveryQuery
from store.engine import Store
from store.moves import Deed
from store.vocabulary import DeliveryState
from tests.desk import event, lines
from tests.tui.scripted_desk import add_notice, scripted_store
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp
from tui.screens.delivery import DeliveryScreen
from tui.screens.delivery_views import DeliveryViewsScreen
from tui.screens.live import LiveScreen
from tui.widgets.filter_bar import FilterBar
from tui.widgets.letter_preview import LetterPreview
from tui.widgets.line_question import LineQuestion
from tui.widgets.live_pane import LivePane

SIZES = [(80, 24), (120, 40)]


def console(store: Store, language: str = "ru") -> ConsoleApp:
    return ConsoleApp(store, language=language, start_dispatcher=False)


def pane(app: ConsoleApp) -> LivePane:
    return app.screen.query_one(LivePane)


def here(app: ConsoleApp) -> int:
    current = pane(app).current
    assert current is not None
    return current.id


def screen_lines(app: ConsoleApp) -> list[str]:
    """The rows in sight, without the bar beside them; below them stands how the list is."""
    found = pane(app)
    return [found.render_line(y).text[:-1] for y in range(found.size.height - 1)]


def state_line(app: ConsoleApp) -> str:
    return pane(app).render_line(pane(app).size.height - 1).text


def happen(store: Store, number: int) -> None:
    emit(store, lines(event(number=number, key=f"new-{number}", responsible="i.petrov@desk.example")))
    Planner(store).plan_now()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["ru", "en"])
async def test_every_line_fills_the_width_and_says_object_person_and_state(
    store: Store, size: tuple[int, int], language: str
) -> None:
    app = console(store, language)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: pane(app).rows)
        shown = screen_lines(app)
        assert {cell_len(line) for line in shown} == {pane(app).size.width - 1}
        (held,) = [line for line in shown if "‖" in line]
        assert "RP-1046" in held
        assert "Джеймс Мил" in held
        assert (app.texts("state.held") in held) is (size[0] >= 120)


async def test_what_happens_appears_by_itself_on_top(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: pane(app).rows)
        happen(store, 5001)
        await until(pilot, lambda: pane(app).rows[0].object_number == "RP-5001")
        assert "RP-5001" in screen_lines(app)[0]


async def test_a_state_that_changes_is_shown(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: pane(app).rows)
        held = next(row for row in pane(app).rows if row.state is DeliveryState.HELD)
        moves.carry_out(store, Deed.CANCEL, [held.id], "test")
        await until(pilot, lambda: any(r.id == held.id and r.state is DeliveryState.CANCELLED for r in pane(app).rows))


async def test_nothing_moves_under_ones_eyes_what_arrives_is_counted_and_followed_again(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: pane(app).rows)
        assert "слежу за новыми" in state_line(app)
        await pilot.press("down", "down")
        assert "новых нет" in state_line(app)
        kept, shown = here(app), screen_lines(app)
        happen(store, 5002)
        await until(pilot, lambda: "новых: 2" in state_line(app), state_line(app))
        assert (here(app), screen_lines(app)) == (kept, shown)
        await pilot.press("pagedown")
        shown = screen_lines(app)
        happen(store, 5003)
        await until(pilot, lambda: "новых: 4" in state_line(app), state_line(app))
        assert screen_lines(app) == shown
        await pilot.press("home")
        await until(pilot, lambda: pane(app).rows[0].object_number == "RP-5003")
        assert "слежу за новыми" in state_line(app)
        happen(store, 5004)
        await until(pilot, lambda: pane(app).rows[0].object_number == "RP-5004")
        assert here(app) == pane(app).rows[0].id
        await pilot.press("space")
        kept, shown = here(app), screen_lines(app)
        happen(store, 5005)
        await until(pilot, lambda: "новых: 2" in state_line(app), state_line(app))
        assert (here(app), screen_lines(app)) == (kept, shown)
        await pilot.press("space")
        await until(pilot, lambda: pane(app).rows[0].object_number == "RP-5005")
        assert here(app) == pane(app).rows[0].id


async def test_newest_at_the_bottom_by_choice_and_the_choice_holds(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: pane(app).rows)
        newest = pane(app).rows[0].id
        await pilot.press("o")
        assert pane(app).rows[-1].id == newest
        assert here(app) == newest
        await pilot.press("2", "1")
        await until(pilot, lambda: app.screen.query(LivePane) and pane(app).rows)
        assert pane(app).rows[-1].id == newest
        happen(store, 5004)
        await until(pilot, lambda: pane(app).rows[-1].object_number == "RP-5004")


async def test_pages_and_edges_move_the_cursor(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: pane(app).rows)
        await pilot.press("end")
        assert here(app) == pane(app).rows[-1].id
        await pilot.press("pageup", "pagedown", "home")
        assert here(app) == pane(app).rows[0].id
        await pilot.press("pagedown")
        assert here(app) != pane(app).rows[0].id


async def test_a_click_moves_the_cursor_and_a_second_one_opens(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: pane(app).rows)
        third = pane(app).rows[2].id
        await pilot.click(LivePane, offset=(10, 2))
        assert here(app) == third
        await pilot.click(LivePane, offset=(10, 2))
        await until(pilot, lambda: isinstance(app.screen, DeliveryScreen))


async def test_the_preview_shows_the_letter_under_the_cursor(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: pane(app).rows)
        preview = app.screen.query_one(LetterPreview)
        assert not preview.display
        await pilot.press("p")
        assert preview.display
        letter = next(place for place, row in enumerate(pane(app).rows) if row.state is DeliveryState.DEAD)
        await pilot.press(*["down"] * letter)
        await until(pilot, lambda: pane(app).rows[letter].subject in str(preview.content))
        assert "Григорий Белов <g.belov@romashka.example>" in str(preview.content)
        assert "Здравствуйте" in str(preview.content)
        await pilot.press("p")
        assert not preview.display


async def test_a_tall_terminal_shows_the_preview_unasked(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(120, 40)) as pilot:
        preview = app.screen.query_one(LetterPreview)
        await until(pilot, lambda: str(preview.content))
        assert preview.display


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_words_are_shown_as_words(store: Store, size: tuple[int, int]) -> None:
    add_notice(store, subject="[/b] [INC-5] \x1b]0;x\x07 конец", name="[red]\x9b31mИмя\r\nBcc: x")
    app = console(store)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: pane(app).rows)
        first = screen_lines(app)[0]
        assert "[/b] [INC-5]" in first
        assert "[red]" in first
        assert first.isprintable()
        if size == (120, 40):
            preview = app.screen.query_one(LetterPreview)
            await until(pilot, lambda: "[/b] [INC-5]" in str(preview.content))
            assert str(preview.content).replace("\n", "").isprintable()


async def test_a_notice_takes_the_place_of_the_legend_and_gives_it_back(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: pane(app).rows)
        headline = app.screen.query_one("#headline", Static)
        assert "✉ письмо" in str(headline.content)
        app.show_notice("Скоро [/b] обед")
        assert str(headline.content) == "Скоро [/b] обед"
        app.show_notice("")
        assert "✉ письмо" in str(headline.content)


@pytest.mark.parametrize("newest_on_top", [True, False])
async def test_one_walks_through_everything_by_pages_and_to_both_ends(tmp_path: Path, newest_on_top: bool) -> None:
    store = scripted_store(tmp_path)
    for number in range(400):
        add_notice(store, subject=f"Письмо {number}", name="Кто-то", number=f"N-{number}")
    app = console(store)
    back, forth, to_oldest, to_newest = "pagedown", "pageup", "end", "home"
    if not newest_on_top:
        back, forth, to_oldest, to_newest = forth, back, to_newest, to_oldest
    try:
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: pane(app).rows)
            if not newest_on_top:
                await pilot.press("o")
            newest = here(app)
            page = pane(app).size.height - 2
            for step in range(1, newest // page + 1):
                await pilot.press(back)
                wanted = newest - page * step
                await until(pilot, lambda wanted=wanted: here(app) == wanted, f"{here(app)} is not {wanted}")
                assert len(pane(app).rows) < 200
            await pilot.press(*[back] * 3)
            await until(pilot, lambda: here(app) == 1)
            await pilot.press(*[forth] * 30)  # faster than the store is read
            await until(pilot, lambda: here(app) == newest)
            assert "слежу" in state_line(app)
            await pilot.press(to_oldest)
            await until(pilot, lambda: here(app) == 1)
            await pilot.press(to_newest)
            await until(pilot, lambda: here(app) == newest)
    finally:
        store.close()


async def test_a_filter_is_typed_completed_explained_kept_and_cleared(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: pane(app).rows)
        every = len(pane(app).rows)
        await pilot.press("slash", *"сост", "right", *"не", "right")
        field = app.screen.query_one("#filter-text", Input)
        assert field.value == "состояние:не-ушло"
        dead = DeliveryState.DEAD
        await until(pilot, lambda: pane(app).rows and all(row.state is dead for row in pane(app).rows))
        await pilot.press("enter")
        assert app.focused is pane(app)
        await pilot.press("2", "1")
        await until(pilot, lambda: pane(app).rows and all(row.state is dead for row in pane(app).rows))
        retried = here(app)
        moves.carry_out(store, Deed.RETRY, [retried], "test")
        await until(pilot, lambda: retried not in [row.id for row in pane(app).rows])
        await pilot.press("slash", *" цвет:[/b]")
        await until(pilot, lambda: "Нет поля «цвет»" in seen(app))
        await pilot.press("escape")
        await until(pilot, lambda: len(pane(app).rows) == every)
        assert app.focused is pane(app)
        assert not app.screen.query_one(FilterBar).display
        happen(store, 5006)
        await pilot.press("slash", *"rp-5006")
        await until(pilot, lambda: {row.object_number for row in pane(app).rows} == {"RP-5006"})
        await pilot.press(*" нигде", "enter")
        await until(pilot, lambda: "Ничего не найдено" in seen(app))
        await pilot.press("escape")
        await until(pilot, lambda: len(pane(app).rows) > every)


async def test_one_goes_to_a_time_and_stays_there(store: Store) -> None:
    app = console(store, "en")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: pane(app).rows)
        middle = pane(app).rows[len(pane(app).rows) // 2].created_at
        await pilot.press("g", *"soon", "enter")
        assert "This is no time" in seen(app)
        app.screen.query_one(Input).value = middle.astimezone(app.zone).strftime("%d.%m.%Y %H:%M")
        await pilot.press("enter")
        earlier = [row.id for row in pane(app).rows if row.created_at <= middle.replace(second=0, microsecond=0)]
        await until(pilot, lambda: here(app) == max(earlier))
        assert "staying here" in state_line(app)


async def test_rows_are_marked_one_by_one_and_all_that_a_filter_wants(store: Store) -> None:
    app = console(store, "en")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: pane(app).rows)
        newest = here(app)
        await pilot.press("x", "down", "x")
        assert pane(app).marked == [newest - 2, newest]
        assert [line[0] for line in screen_lines(app)[:3]] == ["▶", " ", "▶"]
        assert "2 marked" in state_line(app)
        await pilot.press("ctrl+a")
        assert pane(app).chosen == [here(app)]
        await pilot.press("ctrl+a")
        await until(pilot, lambda: len(pane(app).marked) == newest)
        await pilot.press("slash", *"state:held", "enter")
        await until(pilot, lambda: pane(app).rows and not pane(app).marked)
        await pilot.press("ctrl+a")
        await until(pilot, lambda: pane(app).marked == sorted(row.id for row in pane(app).rows))


async def test_views_have_number_keys_say_how_many_they_find_and_are_saved(store: Store) -> None:
    app = console(store, "en")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: pane(app).rows)

        async def only(*states: DeliveryState) -> None:
            await until(pilot, lambda: {row.state for row in pane(app).rows} == set(states), seen(app))

        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, DeliveryViewsScreen) and "2 Dead" in seen(app))
        dead = [row for row in pane_rows(store) if row.state is DeliveryState.DEAD]
        await until(pilot, lambda: re.search(rf"2 Dead +{len(dead)} ", seen(app)), seen(app))
        await pilot.press("2")
        await only(DeliveryState.DEAD)
        await pilot.press("alt+3")
        await only(DeliveryState.HELD)
        await pilot.press("escape", "slash", *"state:held,dead", "enter")
        await only(DeliveryState.HELD, DeliveryState.DEAD)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, DeliveryViewsScreen))
        await pilot.press("s", *"7 [/b] stuck", "enter")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        await pilot.press("alt+1")
        await until(pilot, lambda: DeliveryState.SENT in {row.state for row in pane(app).rows})
        await pilot.press("alt+7")
        await only(DeliveryState.HELD, DeliveryState.DEAD)
        await pilot.press("v")
        await until(pilot, lambda: "7 [/b] stuck" in seen(app))
        await pilot.press("end", "d", "left", "enter")
        await until(pilot, lambda: "[/b] stuck" not in seen(app).replace("Deleted", ""), seen(app))


def pane_rows(store: Store) -> list[FeedRow]:
    return delivery_query.newest(store, DeliveryQuery(), 1_000)


async def test_what_died_is_acknowledged_sent_again_and_taken_back_from_the_pane(store: Store) -> None:
    app = console(store, "en")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: pane(app).rows)
        await pilot.press("alt+2")
        await until(pilot, lambda: {row.state for row in pane(app).rows} == {DeliveryState.DEAD})
        dead = here(app)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, LineQuestion))
        await pilot.press(*"calling them", "enter")
        await until(pilot, lambda: screen_lines(app)[0][0] == "◆")
        await pilot.press("alt+6")
        await until(pilot, lambda: dead not in [row.id for row in pane(app).rows], "somebody has seen to it")
        await pilot.press("alt+2")
        await until(pilot, lambda: pane(app).rows and here(app) == dead)
        await pilot.press("r")
        await until(pilot, lambda: dead not in [row.id for row in pane(app).rows])
        await pilot.press("u")
        await until(pilot, lambda: dead in [row.id for row in pane(app).rows])
        await pilot.press("ctrl+a")
        await until(pilot, lambda: len(pane(app).marked) == len(pane(app).rows))
