"""A terminal smaller than 80×24 gets a message in both languages, whatever is open, and all is well again after."""

import pytest

from store.engine import Store
from tests.tui.screens.sections import settle
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp

WORDS = ("Окно меньше 80×24", "smaller than 80×24")
OPEN = {
    "live": "1", "board": "b",
    "deliveries": "2", "delivery": "2 enter",
    "dialogue": "2 s s s s s enter d", "event actions": "3", "mail": "5", "form": "5 e",
    "changed form": "5 e x", "question": "5 e x escape", "company form": "6 e", "people": "7",
    "audit": "8", "system": "9", "open deadlines": "0", "timeline": "0 t", "forecast": "4 f",
    "made-up object": "4 m", "help": "3 question_mark", "try": "3 f6 f6 f6",
}  # fmt: skip


@pytest.mark.no_cover  # it goes where others have been
@pytest.mark.parametrize("keys", OPEN.values(), ids=OPEN.keys())
async def test_a_terminal_made_too_small_says_so_and_comes_back(store: Store, keys: str) -> None:
    app = ConsoleApp(store, start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        for key in keys.split():
            await pilot.press(key)
            await settle(pilot)
        focused, screen = app.focused, app.screen
        await pilot.resize_terminal(79, 24)
        await until(pilot, lambda: all(word in seen(app) for word in WORDS))
        await pilot.resize_terminal(20, 5)
        await pilot.resize_terminal(1, 1)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not any(word in seen(app) for word in WORDS))
        assert app.screen is screen
        assert app.focused is focused


@pytest.mark.parametrize("size", [(79, 24), (80, 23), (30, 8)], ids=str)
async def test_one_that_is_too_small_from_the_start_says_so(store: Store, size: tuple[int, int]) -> None:
    app = ConsoleApp(store, start_dispatcher=False)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: "80×24" in seen(app))
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "Доставки" in seen(app))
