"""The console as a whole: every section by its key and from the palette, the language, the dock, help, leaving."""

import pytest

from store.engine import Store
from tests.tui.screens.sections import settle
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import SCREENS, ConsoleApp
from tui.screens.help import HelpScreen
from tui.spoken import Spoken
from tui.widgets.live_pane import LivePane
from tui.widgets.sidebar import SECTIONS

SIZES = [(80, 24), (120, 40)]


def console(store: Store, language: str = "ru") -> ConsoleApp:
    return ConsoleApp(store, language=language, start_dispatcher=False)


def section_in_front(app: ConsoleApp) -> str:
    assert isinstance(app.screen, Spoken)
    return app.screen.SECTION


def test_every_section_of_the_menu_has_a_screen() -> None:
    assert {name for name, _ in SECTIONS} == set(SCREENS)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_every_section_is_reached_by_its_number(store: Store, size: tuple[int, int]) -> None:
    app = console(store)
    async with app.run_test(size=size, notifications=True) as pilot:
        for name, number in reversed(SECTIONS):
            await pilot.press(number)
            await settle(pilot)
            assert section_in_front(app) == name


async def test_every_section_is_reached_from_the_palette(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        for name, _ in SECTIONS:
            title = app.texts(f"help.go_{name}")
            await pilot.press("ctrl+p")
            await pilot.press(*title.split()[-1])
            await until(pilot, lambda title=title: title in seen(app))
            await pilot.press("enter")
            await until(pilot, lambda name=name: isinstance(app.screen, Spoken) and name == app.screen.SECTION)


async def test_the_language_changes_while_it_runs_and_the_section_stays(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        for number, russian, english in (("3", "Действие", "Action"), ("9", "Хранилище", "Store"), ("2", "Кому", "To")):
            await pilot.press(number)
            await until(pilot, lambda word=russian: word in seen(app))
            await pilot.press("f2")
            await until(pilot, lambda word=english, old=russian: word in seen(app) and old not in seen(app))
            await pilot.press("f2")
            await until(pilot, lambda word=russian: word in seen(app))


@pytest.mark.parametrize("number", [number for name, number in SECTIONS if name != "live"])
async def test_the_live_pane_is_docked_on_any_section(store: Store, number: str) -> None:
    app = console(store)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press(number)
        await settle(pilot)
        docked = app.screen.query_one("#docked")
        assert not docked.display
        await pilot.press("f4")
        await until(pilot, lambda: docked.display and docked.query_one(LivePane).rows)
        await pilot.press("f4")
        await until(pilot, lambda: not docked.display)


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("number", [number for _, number in SECTIONS])
async def test_help_says_every_key_in_words(store: Store, number: str, language: str) -> None:
    app = console(store, language)
    # High enough for the longest list of keys, which on a lower terminal is scrolled.
    async with app.run_test(size=(120, 60), notifications=True) as pilot:
        await pilot.press(number)
        await settle(pilot)
        below = app.screen
        named = [active.binding for active in below.active_bindings.values() if active.binding.id]
        assert [bound.id for bound in named if not bound.tooltip] == []
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await pilot.pause()
        text = seen(app)
        assert [bound.tooltip for bound in named if bound.tooltip not in text] == []
        await pilot.press("escape")
        assert app.screen is below


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("language", ["ru", "en"])
async def test_no_key_in_the_footer_is_cut_in_half(store: Store, language: str, size: tuple[int, int]) -> None:
    app = console(store, language)
    async with app.run_test(size=size, notifications=True) as pilot:
        for _, number in SECTIONS:
            await pilot.press(number)
            await settle(pilot)
            await until(pilot, lambda: app.screen.query("FooterKey"))
            keys = list(app.screen.query("FooterKey"))
            assert max(key.region.right for key in keys) <= size[0]
            assert app.texts("key.app_help") in seen(app).splitlines()[-1]


async def test_leaving_ends_the_console(store: Store) -> None:
    app = console(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("2", "ctrl+q")
        await until(pilot, lambda: not app.is_running)
    assert app.return_code == 0
