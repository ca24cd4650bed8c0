"""The forecast on screen: a chart by the hour, the worst hour in words, the way to each object's timeline."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dispatch.intake import emit
from dispatch.ticks import tick
from store.engine import Store
from store.rulebook import list_rules, save_rule
from store.settings import company, save_company
from store.vocabulary import RuleKind
from store.working_hours import WEEKDAYS
from tests.desk import HandClock, event, furnish, lines, open_store
from tests.tui.screens.sections import press, section
from tests.tui.screens.test_timeline import shown
from tests.tui.what_is_seen import seen
from tui.screens.escalations import EscalationsScreen
from tui.screens.forecast import AlertList, ForecastScreen
from tui.screens.timeline import TimelineScreen
from tui.widgets.hour_chart import columns

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Store]:
    """Friday evening: requests fall due on Saturday, their letters keep to the working hours."""
    store = open_store(tmp_path, HandClock(FRIDAY))
    furnish(store)
    hours = {str(day): "09:00-18:00" for day in WEEKDAYS[:5]}
    save_company(store, replace(company(store), working_hours=hours, timezone="UTC"), "test")
    for rule in list_rules(store, RuleKind.ESCALATION):
        if rule.enabled and rule.code.startswith("request.resolution"):
            save_rule(store, replace(rule, working_hours=True), "test")
    due = {"resolution": {"started": FRIDAY.isoformat(), "due": (FRIDAY + timedelta(hours=20)).isoformat()}}
    title = "[/b] [@click=app.quit]x[/]"
    emit(store, lines(*({**event(number=n, title=title, deadlines=due), "time": FRIDAY.isoformat()} for n in range(5))))
    tick(store)
    yield store
    store.close()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_mondays_storm_is_seen_on_friday(desk: Store, size: tuple[int, int]) -> None:
    async with section(desk, EscalationsScreen, language="en", size=size) as pilot:
        await press(pilot, "f")
        await shown(pilot, "Forecast: 24 hours", "Thresholds: 10", "leaving later: 30")
        await press(pilot, "s")
        await shown(pilot, "Forecast: 3 days", "The worst hour: Monday, 23.11 09:00 —", "█")
        assert "Most for: " in seen(pilot.app)
        await press(pilot, "s")
        await shown(pilot, "Forecast: 7 days", "Monday, 23.11 09:00")


async def test_a_row_leads_to_the_timeline_of_its_object_and_text_from_outside_is_text(desk: Store) -> None:
    async with section(desk, ForecastScreen) as pilot:
        await shown(pilot, "Прогноз: 24 часа", "Решение: осталось 25 %", "[/b]")
        rows = pilot.app.screen.query_one(AlertList)
        assert len(rows.rows) == 10
        await press(pilot, "down", "enter")
        assert isinstance(pilot.app.screen, TimelineScreen)
        await shown(pilot, "Заявка RP-1 · [/b] [@click=app.quit]x[/]")
        await press(pilot, "escape", "escape")
        assert not isinstance(pilot.app.screen, ForecastScreen)


def test_columns_are_as_high_as_their_values_and_what_is_not_nothing_is_seen() -> None:
    assert columns([0, 16, 8, 1], 2, 1) == [" █  ", " ██▁"]
    assert columns([1, 0], 1, 3) == ["██    "]
    assert columns([], 2, 1) == ["", ""]
