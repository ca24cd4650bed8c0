"""Open deadlines: in order, counted down, found, acknowledged; at every size and in both languages."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.style import Style
from sqlalchemy import select
from textual.widgets import Input, Static

from dispatch.intake import emit
from dispatch.ticks import tick
from store import deadline_list, tables
from store.deadlines import acknowledge
from store.engine import Store
from tests.desk import NOON, HandClock, event, furnish, lines, open_store
from tests.tui.screens.sections import LANGUAGES, SIZES, press, section
from tests.tui.scripted_desk import scripted_store
from tests.tui.test_text_from_outside import CONTROL, FORBIDDEN, MARKUP
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp
from tui.operator import operator
from tui.screens import deadlines
from tui.screens.deadlines import DeadlinesScreen
from tui.screens.forecast import ForecastScreen
from tui.screens.timeline import TimelineScreen
from tui.screens.why import WhyScreen
from tui.widgets.deadline_list import DeadlineList
from tui.widgets.detail import Detail

MORNING = NOON - timedelta(hours=6)


def request(store: Store, key: int, minutes: float, kind: str = "resolution", **fields: Any) -> None:
    """A request that was there in the morning, with a deadline so many minutes after noon, out of four hours."""
    due = NOON + timedelta(minutes=minutes)
    times = {"started": (due - timedelta(hours=4)).isoformat(), "due": due.isoformat()}
    emit(store, lines({**_with(event(number=key, deadlines={kind: times}), fields), "time": MORNING.isoformat()}))


def _with(told: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    told["data"]["object"] |= fields
    return told


@pytest.fixture
def clock() -> HandClock:
    return HandClock(MORNING)


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    """Two that passed, one near, one for later, one paused; what was due was told."""
    store = open_store(tmp_path, clock)
    furnish(store)
    tick(store)
    request(store, 1, 35)
    request(store, 2, -135, title="CRM открывается две минуты")
    request(store, 3, 100, "reaction", responsible="petrov", title="VPN")
    request(store, 4, 180, status="deferred")
    request(store, 5, -4, responsible=None)
    clock.now = NOON
    tick(store)
    yield store
    store.close()


def rows(screen: object) -> DeadlineList:
    assert isinstance(screen, DeadlinesScreen)
    return screen.query_one(DeadlineList)


def numbers(shown: DeadlineList) -> list[str]:
    return [row.number for row in shown.rows]


def painted(shown: DeadlineList) -> list[str]:
    return [shown.render_line(y).text for y in range(len(shown.rows))]


ALL = ["RP-2", "RP-5", "RP-1", "RP-3", "RP-4"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_time_left_object_kind_and_people_are_seen_at_every_size(
    store: Store, language: str, size: tuple[int, int]
) -> None:
    async with section(store, DeadlinesScreen, language=language, size=size) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: numbers(shown) == ALL)
        told = painted(shown)
        assert {cell_len(line) for line in told} == {shown.scrollable_content_region.width}
        wanted = {
            "ru": ("!! −2 ч 15 мин", "!! −4 мин", "35 мин", "1 ч 40 мин", "решение", "реакция", "Осталось"),
            "en": ("!! −2 h 15 min", "!! −4 min", "35 min", "1 h 40 min", "resolve", "react", "Time left"),
        }[language]
        text = "\n".join(told)
        assert [word for word in wanted[:-1] if word not in text] == []
        assert "‖" in told[-1]
        assert ("паузе" in told[-1] or "пауза" in told[-1]) if language == "ru" else "pause" in told[-1]
        assert [word in told[3] for word in ("RP-3", "Пётр Петров", "VPN")] == [True] * 3
        assert "Сетевики" in told[1]
        assert wanted[-1] in seen(pilot.app)
        if size[0] == SIZES[1][0]:
            assert "23.11 15:35" in told[2]


async def test_urgency_has_its_colour_and_its_sign(store: Store) -> None:
    async with section(store, DeadlinesScreen) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: numbers(shown) == ALL)
        await press(pilot, "end")
        console = shown.console
        looks = [[(one.text, one.style or Style()) for one in shown.render_line(y)][:3] for y in range(5)]
        colours = [style.color.name if style.color else "" for _, _, (_, style) in looks]
        assert colours[0] == colours[1] == console.colour("error").lower()
        assert colours[2] == console.colour("warning").lower()
        assert colours[3] not in colours[:3]
        assert [sign.strip() for (sign, _), _, _ in looks] == ["!!", "!!", "!", "", "‖"]
        dim = [bool(style.dim) for _, _, (_, style) in looks]
        assert dim == [False, False, False, False, True]


async def test_counts_are_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with section(store, DeadlinesScreen) as pilot:
        await until(pilot, lambda: "просрочено 2 · за час 1 · сегодня 2 · на паузе 1" in counted(pilot.app.screen))
        monkeypatch.setattr(deadline_list, "MOST", 1)
        monkeypatch.setattr(deadlines, "MOST", 1)
        await press(pilot, "f5")
        await until(pilot, lambda: "просрочено 1+ · за час 1 · сегодня 1+" in counted(pilot.app.screen))


def counted(screen: Any) -> str:
    return str(screen.query_one("#due-counts", Static).content)


async def test_the_time_left_counts_down_without_reading_the_store(store: Store, clock: HandClock) -> None:
    async with section(store, DeadlinesScreen) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: "35 мин" in painted(shown)[2])
        before = shown.rows
        clock.forward(minutes=27, seconds=3)
        await until(pilot, lambda: "7 мин 57 с" in seen(pilot.app))
        assert shown.rows is before
        clock.forward(minutes=9)
        await until(pilot, lambda: "!! −1 мин 3 с" in painted(shown)[2])
        await until(pilot, lambda: "просрочено на 2 ч 51 мин" in seen(pilot.app))


async def test_what_arrives_and_what_is_met_is_seen_and_the_cursor_stays(store: Store) -> None:
    async with section(store, DeadlinesScreen) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: numbers(shown) == ALL)
        await press(pilot, "down", "down")
        request(store, 6, -600)
        await until(pilot, lambda: numbers(shown) == ["RP-6", *ALL])
        assert shown.current is not None
        assert shown.current.number == "RP-1"
        emit(store, lines({**event("request.status_changed", 5, "done", status="closed"), "time": NOON.isoformat()}))
        await until(pilot, lambda: "RP-5" not in numbers(shown))
        assert shown.current.number == "RP-1"


def acknowledged(store: Store) -> dict[str, str]:
    d, o = tables.deadline, tables.object_
    query = select(o.c.number, d.c.acknowledged_by).join(o, o.c.id == d.c.object_key)
    with store.read() as connection:
        return {row.number: row.acknowledged_by for row in connection.execute(query) if row.acknowledged_by}


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_one_is_acknowledged_and_taken_back(store: Store, size: tuple[int, int]) -> None:
    async with section(store, DeadlinesScreen, size=size) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: numbers(shown) == ALL)
        await press(pilot, "a")
        await until(pilot, lambda: "✓" in painted(shown)[0])
        assert acknowledged(store) == {"RP-2": operator()}
        assert operator()[:5] in painted(shown)[0].partition("✓")[2]
        await until(pilot, lambda: f"Принял {operator()}, 23.11.2026 15:00" in seen(pilot.app))
        await press(pilot, "a")
        await until(pilot, lambda: "✓" not in painted(shown)[0])
        assert acknowledged(store) == {}
        await press(pilot, "a")
        await until(pilot, lambda: "✓" in painted(shown)[0])
        await press(pilot, "u")
        await until(pilot, lambda: "✓" not in painted(shown)[0])
        assert acknowledged(store) == {}
        await press(pilot, "u")
        await until(pilot, lambda: "Здесь никто не принимал" in seen(pilot.app))


async def test_marked_ones_are_acknowledged_together(store: Store) -> None:
    acknowledge(store, [("request", "1", "resolution")], "другой")
    async with section(store, DeadlinesScreen) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: numbers(shown) == ALL)
        await press(pilot, "x", "x", "x", "a")
        await until(pilot, lambda: len(acknowledged(store)) == 3)
        assert acknowledged(store) == {"RP-1": "другой", "RP-2": operator(), "RP-5": operator()}
        assert shown.marked == []
        await press(pilot, "ctrl+a", "u")
        await until(pilot, lambda: acknowledged(store) == {})


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("rp-3", ["RP-3"]),
        ("ПЕТРОВ", ["RP-3"]),
        ("petrov@", ["RP-3"]),
        ("реакция", ["RP-3"]),
        ("reaction", ["RP-3"]),
        ("заявка crm", ["RP-2"]),
        ("request сетевики", ALL),
        ("задача", []),
        ("мои", []),
    ],
)
async def test_what_is_typed_is_found(store: Store, typed: str, found: list[str]) -> None:
    async with section(store, DeadlinesScreen) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: numbers(shown) == ALL)
        await press(pilot, "slash")
        pilot.app.screen.query_one("#due-filter", Input).value = typed
        await until(pilot, lambda: numbers(shown) == found)
        await press(pilot, "enter")
        assert shown.has_focus
        if not found:
            await until(pilot, lambda: "Ничего не найдено" in seen(pilot.app))
        await press(pilot, "escape")
        await until(pilot, lambda: numbers(shown) == ALL)


@pytest.mark.parametrize("word", ["мои", "Mine"])
async def test_mine_are_those_of_whoever_sits_here(store: Store, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "Petrov")
    async with section(store, DeadlinesScreen) as pilot:
        await press(pilot, "slash")
        pilot.app.screen.query_one("#due-filter", Input).value = word
        await until(pilot, lambda: numbers(rows(pilot.app.screen)) == ["RP-3"])


async def test_spans_are_walked_through(store: Store) -> None:
    async with section(store, DeadlinesScreen) as pilot:
        shown = rows(pilot.app.screen)
        for wanted in (["RP-2", "RP-5"], ["RP-1"], ["RP-1", "RP-3"], ["RP-4"], ALL):
            await press(pilot, "s")
            await until(pilot, lambda wanted=wanted: numbers(shown) == wanted)
        await press(pilot, "S")
        await until(pilot, lambda: numbers(shown) == ["RP-4"])
        await press(pilot, "escape")
        await until(pilot, lambda: numbers(shown) == ALL)


async def test_more_are_read_when_the_cursor_gets_to_the_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "PAGE", 2)
    async with section(store, DeadlinesScreen) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: numbers(shown) == ALL[:2])
        assert "ниже есть ещё" in seen(pilot.app)
        await press(pilot, "end")
        await until(pilot, lambda: numbers(shown) == ALL[:4])
        await press(pilot, "end")
        await until(pilot, lambda: numbers(shown) == ALL)
        assert "это все" in seen(pilot.app)
        request(store, 6, -600)
        await until(pilot, lambda: numbers(shown) == ["RP-6", *ALL[:4]])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_detail_tells_all(store: Store, language: str, clock: HandClock) -> None:
    back = {**event("request.status_changed", 4, "back", status="in_progress"), "time": NOON.isoformat()}
    emit(store, lines(back))
    async with section(store, DeadlinesScreen, language=language, size=(120, 40)) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: len(numbers(shown)) == 5)
        wanted = {
            "ru": (
                "Заявка RP-2 CRM открывается две минуты", "Решение: просрочено на 2 ч 15 мин", "Иван Иванов",
                "Начало 23.11.2026 08:45", "срок 23.11.2026 12:45", "Никто не принял", "осталось 25 %: не оповещали",
                "срок наступил: оповестили",
            ),
            "en": (
                "Request RP-2 CRM открывается две минуты", "Resolution: overdue by 2 h 15 min", "Иван Иванов",
                "Started 23.11.2026 08:45", "due 23.11.2026 12:45", "Nobody has acknowledged it", "25 % left: not told",
                "due: told",
            ),
        }[language]  # fmt: skip
        await until(pilot, lambda: [word for word in wanted if word not in seen(pilot.app)] == [], str(wanted))
        await press(pilot, "enter")
        assert isinstance(pilot.app.focused, Detail)
        await press(pilot, "escape")
        assert shown.has_focus
        # The one that was paused from the morning until noon, before it had begun to run.
        await until(pilot, lambda: "RP-4" in numbers(shown))
        await press(pilot, *["down"] * numbers(shown).index("RP-4"))
        await until(pilot, lambda: "RP-4 " in str(pilot.app.screen.query_one("#detail-text", Static).content))


async def test_pauses_and_what_they_moved_are_told(store: Store, clock: HandClock) -> None:
    for at, status in ((NOON, "deferred"), (NOON + timedelta(minutes=30), "in_progress")):
        told = event("request.status_changed", 3, f"{status} {at}", status=status)
        emit(store, lines({**told, "time": at.isoformat()}))
    clock.forward(hours=1)
    async with section(store, DeadlinesScreen, size=(120, 40)) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: "RP-3" in numbers(shown))
        await press(pilot, *["down"] * numbers(shown).index("RP-3"))
        await until(pilot, lambda: "с паузами 23.11.2026 17:10" in seen(pilot.app))
        assert "‖ стоял с 23.11.2026 15:00 до 23.11.2026 15:30: 30 мин" in seen(pilot.app)
        assert "1 ч 10 мин" in painted(shown)[numbers(shown).index("RP-3")]


async def test_why_is_asked_of_the_object_of_the_row(store: Store) -> None:
    async with section(store, DeadlinesScreen) as pilot:
        await until(pilot, lambda: numbers(rows(pilot.app.screen)) == ALL)
        await press(pilot, "down", "w")
        assert isinstance(pilot.app.screen, WhyScreen)
        await until(pilot, lambda: "RP-5" in seen(pilot.app))


async def test_text_from_outside_is_shown_as_it_is(store: Store) -> None:
    text = MARKUP + CONTROL
    request(store, 9, -900, text[:200], title=text, number=text, responsible=text, team=text)
    request(store, 10, -901, title="", number="", responsible={"email": "", "name": ""}, team="")
    acknowledge(store, [("request", "9", text[:200])], text)
    async with section(store, DeadlinesScreen, size=(120, 40)) as pilot:
        shown = rows(pilot.app.screen)
        await until(pilot, lambda: len(numbers(shown)) == 7)
        await press(pilot, "down")
        await until(pilot, lambda: MARKUP in seen(pilot.app))
        assert not set(seen(pilot.app)) & set(FORBIDDEN)
        await press(pilot, "w", "escape", "up", "enter", "escape", "a")
        assert pilot.app.is_running


async def test_a_desk_without_deadlines_says_so(section_store: Store) -> None:
    async with section(section_store, DeadlinesScreen, language="en") as pilot:
        await until(pilot, lambda: "There are no open deadlines" in seen(pilot.app))
        await press(pilot, "down", "enter", "x", "a", "u", "end", "ctrl+a", "s", "w")
        assert pilot.app.is_running


async def test_the_timeline_and_the_forecast_are_a_key_away(tmp_path: Path) -> None:
    store = scripted_store(tmp_path)
    try:
        app = ConsoleApp(store, language="ru", start_dispatcher=False)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("0")
            await until(pilot, lambda: "RP-1043" in seen(app))
            await pilot.press("t")
            await until(pilot, lambda: isinstance(app.screen, TimelineScreen) and "RP-1043" in seen(app))
            await pilot.press("escape", "f")
            await until(pilot, lambda: isinstance(app.screen, ForecastScreen))
    finally:
        store.close()
