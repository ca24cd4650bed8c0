"""Every screen, as the README shows it and as it must stay."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from store.store_size import Outgrowth, Size
from store.vocabulary import Language
from tests.tui.pictures import compare, still
from tests.tui.screens.sections import settle
from tests.tui.scripted_desk import scripted_store
from tests.tui.waiting import until
from tui.app import ConsoleApp
from tui.screens.pane_screen import PaneScreen
from tui.widgets.live_pane import LivePane

pytestmark = pytest.mark.no_cover  # they go where others have been
KEY = "c2NyZWVuc2hvdHMga2VlcCBvbmUga2V5IGZvciBhbGw="
"""Message-IDs follow from the key, so pictures need the same one every time."""
Picture = tuple[str, tuple[int, int], str, list[str]]
"""Name, size, language, and the keys that lead there."""
NARROW, WIDE = (80, 24), (120, 40)
ROOM = Outgrowth(Size(1_940_000_000, 1_870_000_000), 21_000_000, 78_000_000_000, None)
"""How the store does for room in the pictures."""


def _room(*_: object) -> Outgrowth:
    return ROOM


@asynccontextmanager
async def console(
    folder: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], language: str
) -> AsyncGenerator["Pilot[Any]"]:
    """The console on the scripted desk, with its feed read."""
    monkeypatch.setenv("VESTNIK_KEY", KEY)
    monkeypatch.chdir(folder)  # the place of the store is on the screen
    # The disk of whoever looks is another one, and the file differs by a page.
    monkeypatch.setattr("tui.widgets.house_words.outgrowth", _room)
    store = scripted_store(folder, Language(language), "sqlite:///vestnik.db")
    try:
        app = ConsoleApp(store, language=language, start_dispatcher=False)
        async with app.run_test(size=size, notifications=True) as pilot:
            pane = app.screen.query_one(LivePane)
            await until(pilot, lambda: bool(pane.rows))
            await until(pilot, lambda: app._status is not None)
            yield pilot
    finally:
        store.close()


def listed(screen: Screen[Any]) -> bool:
    """Whether a list of deliveries shows what its filter asks for."""
    return not isinstance(screen, PaneScreen) or (screen.bar.told and screen.pane.up_to_date)


def names(cases: list[Picture]) -> list[str]:
    """What the cases are called: as their pictures."""
    return [f"{case[0]}-{case[1][0]}x{case[1][1]}-{case[2]}" for case in cases]


PICTURES: list[Picture] = [
    ("live", WIDE, "ru", []),
    ("live", NARROW, "ru", []),
    ("live", NARROW, "en", []),
    ("board", NARROW, "ru", ["b"]),
    ("board", WIDE, "en", ["b"]),
    ("deliveries", NARROW, "ru", ["2"]),
    ("deliveries", WIDE, "en", ["2"]),
    ("causes", NARROW, "ru", ["2", "D"]),
    ("causes", WIDE, "en", ["2", "D"]),
    ("mute", NARROW, "ru", ["2", "m"]),
    ("acknowledge", NARROW, "en", ["2", "a"]),
    ("letter", NARROW, "ru", ["2", *["down"] * 7, "enter"]),
    ("why", NARROW, "ru", ["2", *["s"] * 5, "enter", "w"]),
    ("why", WIDE, "en", ["2", *["s"] * 5, "enter", "w"]),
    ("dialogue", NARROW, "ru", ["2", *["s"] * 5, "enter", "d"]),
    ("story", NARROW, "ru", ["2", "w", "down"]),
    ("story", WIDE, "en", ["7", "w", "down"]),
    ("notice", NARROW, "en", ["2", "enter"]),
    ("event-actions", NARROW, "ru", ["3"]),
    ("event-actions", WIDE, "en", ["3"]),
    ("rule-views", NARROW, "ru", ["3", "v"]),
    ("escalations", NARROW, "en", ["4"]),
    ("escalations", WIDE, "ru", ["4"]),
    ("escalation", NARROW, "ru", ["4", "e"]),
    ("forecast", NARROW, "ru", ["4", "f"]),
    ("forecast", WIDE, "en", ["4", "f"]),
    ("deadlines", NARROW, "ru", ["0"]),
    ("deadlines", WIDE, "en", ["0"]),
    ("deadline", NARROW, "ru", ["0", "enter"]),
    ("timeline", NARROW, "ru", ["0", "down", "down", "t"]),
    ("timeline", WIDE, "en", ["0", "down", "down", "t"]),
    ("event-action", NARROW, "ru", ["3", "e"]),
    ("event-action", WIDE, "en", ["3", "e"]),
    ("try-event", NARROW, "ru", ["3", "f6"]),
    ("try-decisions", NARROW, "ru", ["3", "f6", "enter"]),
    ("try-words", WIDE, "en", ["3", "f6", "f6", "f6"]),
    ("outgoing-mail", NARROW, "ru", ["5"]),
    ("outgoing-mail", WIDE, "en", ["5"]),
    ("connection-form", NARROW, "ru", ["5", "e"]),
    ("sending", NARROW, "ru", ["5", "right_square_bracket"]),
    ("sending-form", NARROW, "en", ["5", "right_square_bracket", "e"]),
    ("silent-mode", NARROW, "ru", ["5", *["right_square_bracket"] * 2]),
    ("silent-mode-form", NARROW, "en", ["5", *["right_square_bracket"] * 2, "e"]),
    ("limits", NARROW, "ru", ["5", *["right_square_bracket"] * 3]),
    ("limits-form", NARROW, "en", ["5", *["right_square_bracket"] * 3, "e"]),
    ("deadline-settings", NARROW, "ru", ["5", *["right_square_bracket"] * 4]),
    ("deadline-settings-form", NARROW, "en", ["5", *["right_square_bracket"] * 4, "e"]),
    ("company", NARROW, "ru", ["6"]),
    ("people", NARROW, "ru", ["7"]),
    ("people", WIDE, "en", ["7"]),
    ("calls-form", NARROW, "ru", ["f9", "space", "down", "space", "down", "down", "space", "tab", "space", "down"]),
    ("person-form", NARROW, "ru", ["7", "e"]),
    ("people-import", NARROW, "en", ["7", "i"]),
    ("audit", NARROW, "ru", ["8", *["down"] * 5]),
    ("audit", WIDE, "en", ["8", *["down"] * 4]),
    ("audit-revert", NARROW, "ru", ["8", *["down"] * 5, "r"]),
    ("system", NARROW, "en", ["9"]),
    ("system", WIDE, "ru", ["9"]),
    ("help", NARROW, "ru", ["3", "question_mark"]),
]


@pytest.mark.parametrize(("name", "size", "language", "keys"), PICTURES, ids=names(PICTURES))
async def test_the_screen_looks_like_its_picture(
    name: str,
    size: tuple[int, int],
    language: str,
    keys: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    async with console(tmp_path, monkeypatch, size, language) as pilot:
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
            await until(pilot, lambda: listed(pilot.app.screen))
        await still(pilot)
        compare(pilot, f"{name}-{size[0]}x{size[1]}-{language}", request, tmp_path)
