"""The timeline of an object on screen: a picture, a cursor through time, who is told and who is not."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from dispatch.intake import emit
from dispatch.ticks import tick
from store.engine import Store
from store.rulebook import list_rules, save_rule
from store.rules import Threshold
from store.settings import company, save_company
from tests.desk import NOON, HandClock, event, furnish, lines, open_store
from tests.tui.screens.sections import press, section
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.live import LiveScreen
from tui.screens.timeline import TimelineScreen
from tui.widgets.timeline_view import TimelineView

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def desk(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    """Request 1 runs for an hour of four, request 2 is paused; the clock ticks."""
    store = open_store(tmp_path, clock)
    furnish(store)
    tick(store)
    both = {
        "reaction": {"started": NOON.isoformat(), "due": (NOON + HOUR / 2).isoformat()},
        "resolution": {"started": NOON.isoformat(), "due": (NOON + 4 * HOUR).isoformat()},
    }
    emit(store, lines(event(number=1, deadlines=both), event(number=2, deadlines=both)))
    clock.forward(minutes=60)
    emit(store, lines({**event("request.edited", 2, status="deferred"), "time": clock.now.isoformat()}))
    tick(store)
    yield store
    store.close()


async def shown(pilot: "Pilot[Any]", *words: str) -> None:
    await until(pilot, lambda: all(word in seen(pilot.app) for word in words), f"{words} in {seen(pilot.app)}")


def track_rows(pilot: "Pilot[Any]") -> list[str]:
    view = pilot.app.screen.query_one(TimelineView)
    return [view.render_line(row).text for row in range(view.size.height) if row % 2]


async def test_it_goes_through_time_and_says_whom_each_threshold_tells(desk: Store) -> None:
    async with section(desk, lambda: TimelineScreen("request", "1")) as pilot:
        await shown(pilot, "Заявка RP-1 · Не печатает принтер [этаж 3]", "Решение: идёт · до 23.11.2026 19:00")
        await shown(pilot, "пн 23.11.2026 18:00 · через 2 часа · осталось 1 час", "Решение: осталось 25 %", "— будет")
        assert "Иван Иванов <ivanov@example.org>" in seen(pilot.app)
        assert any("◆" in row and "├" in row for row in track_rows(pilot))
        await press(pilot, "n")
        await shown(pilot, "пн 23.11.2026 19:00")
        await press(pilot, "p", "p")
        await shown(pilot, "— сказано", "w")
        view = pilot.app.screen.query_one(TimelineView)
        before = view.at
        await press(pilot, "right")
        assert view.at > before
        await press(pilot, "home")
        await shown(pilot, "В это время ничего не говорится")
        first = view.at
        await press(pilot, "shift+right", "end")
        assert view.at > first
        await press(pilot, "0")
        await shown(pilot, "пн 23.11.2026 16:00")
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, TimelineScreen)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_a_paused_deadline_says_what_would_be_if_it_went_on_now(desk: Store, size: tuple[int, int]) -> None:
    async with section(desk, lambda: TimelineScreen("request", "2"), language="en", size=size) as pilot:
        await shown(pilot, "Resolution: paused", "to come, if resumed now", "if resumed now: until")
        assert any("◇" in row for row in track_rows(pilot))
        assert "◆" not in "".join(track_rows(pilot))


async def test_it_opens_on_the_object_under_the_cursor_and_asks_for_another(store: Store) -> None:
    async with section(store, LiveScreen) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen) and pilot.app.screen.why_key)
        await press(pilot, "t")
        assert isinstance(pilot.app.screen, TimelineScreen)
        await shown(pilot, "Заявка RP-", "У этого объекта нет сроков")
        await press(pilot, "slash")
        pilot.app.screen.query_one(Input).value = "[/b] нет"
        await press(pilot, "enter")
        await shown(pilot, "Про «[/b] нет» ничего не известно")


async def test_what_nobody_works_in_is_drawn_where_it_counts(desk: Store, clock: HandClock) -> None:
    save_company(desk, replace(company(desk), working_hours={"mon": "09:00-17:00", "tue": "09:00-17:00"}), "test")
    rule = next(one for one in list_rules(desk) if one.code == "request.resolution.25.responsible.email")
    threshold = Threshold("minutes_before", 30, working_time=True)
    save_rule(desk, replace(rule, code="own", standard=False, threshold=threshold), "test")
    words = {"resolution": {"started": clock.now.isoformat(), "due": (clock.now + 18 * HOUR).isoformat()}}
    emit(desk, json.dumps({**event(number=3, deadlines=words), "time": clock.now.isoformat()}))
    async with section(desk, lambda: TimelineScreen("request", "3"), size=(120, 40)) as pilot:
        await shown(pilot, "рабочих:", "Решение:")
        assert any("····" in row for row in track_rows(pilot))
