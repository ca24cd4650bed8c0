"""The board: what is happening at a glance, live, and a key away from where one deals with it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update
from textual.pilot import Pilot

from dispatch.intake import emit
from dispatch.remedies import advice
from dispatch.ticks import tick
from store import outbox, tables
from store.cards import DispatcherCard, Flow, MailConnection
from store.engine import Store
from store.heartbeats import beat
from store.outbox import Settlement
from store.rates import SPANS, Slot, count_in
from store.settings import company, connections, save_company, save_connection
from store.status import read_status, save_health
from store.vocabulary import DeliveryState, Encryption
from tests.desk import NOON, HandClock, event, furnish, lines, open_store
from tests.store.test_counts import more
from tests.store.test_outbox import fill
from tests.tui.screens.sections import press, section, settle
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp
from tui.screens.board import BoardScreen
from tui.screens.deliveries import DeliveriesScreen
from tui.screens.outgoing_mail import OutgoingMailScreen
from tui.screens.timeline import TimelineScreen
from tui.widgets.board_list import BoardList
from tui.widgets.flow_chart import FlowChart, ceiling, labels

HOSTILE = "[/b][@click=app.quit]x\x1b]0;owned\x07\u202eevil"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def desk(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    """Ten connections, one of which refuses the login, two dispatchers, held and dead letters, an escalation."""
    store = open_store(tmp_path, clock)
    furnish(store)
    save_company(store, replace(company(store), timezone="Asia/Yekaterinburg"), "test")
    for number in range(10):
        card = MailConnection(f"mail-{number}", "smtp.example.org", encryption=Encryption.NONE)
        save_connection(store, card, who="test")
    cards, c = connections(store), tables.mail_connection
    # The checks would refuse such a name: it comes by another way.
    store.write(lambda con: con.execute(update(c).where(c.c.id == cards[1].id).values(name=HOSTILE)))
    store.write(lambda con: save_health(con, cards[0].id, last_sent_at=NOON))
    failing = {"circuit": "open", "retry_at": NOON + timedelta(minutes=2), "error_class": "auth_failed"}
    store.write(lambda con: save_health(con, cards[1].id, last_error=f"535 {HOSTILE}", **failing))
    for number, age in ((1, 1), (2, 200)):
        beaten = NOON - timedelta(seconds=age)
        one = DispatcherCard(f"d{number}", f"host-{number}", number, NOON, beaten, alive=True)
        store.write(lambda con, one=one: beat(con, one))
    store.write(lambda con: fill(con, 9))
    ids = [one.id for one in store.write(lambda con: outbox.claim(con, clock(), "me", 4))]
    states = (DeliveryState.SENT, DeliveryState.HELD, DeliveryState.DEAD)
    done = [Settlement(key, state, clock(), 1, reason="silent_mode") for key, state in zip(ids, states, strict=False)]
    store.write(lambda con: outbox.settle(con, clock(), "me", done))
    for minutes in range(1, 60):
        at = NOON - timedelta(minutes=minutes)
        store.write(lambda con, at=at, minutes=minutes: count_in(con, at, {DeliveryState.SENT: 900 + minutes}))
    clock.forward(minutes=7)
    due = {"resolution": {"started": clock().isoformat(), "due": (clock() + timedelta(minutes=40)).isoformat()}}
    emit(store, lines({**event(number=42, title=HOSTILE, deadlines=due), "time": clock().isoformat()}))
    tick(store)
    yield store
    store.close()


def _lines(pilot: "Pilot[Any]", key: str) -> list[tuple[BoardList, int]]:
    """The lines of this key: their column, and their place in it."""
    boards = pilot.app.screen.query(BoardList)
    return [(board, place) for board in boards for place, line in enumerate(board.rows) if line.key.startswith(key)]


async def _on(pilot: "Pilot[Any]", key: str) -> None:
    """Put the cursor on the line of this key."""
    board, place = _lines(pilot, key)[0]
    board.focus()
    board.action_move(place - board._cursor)
    await settle(pilot)


@pytest.mark.parametrize(("size", "language"), [((80, 24), "ru"), ((120, 40), "en")], ids=str)
async def test_everything_is_seen_at_a_glance_and_leads_somewhere(
    desk: Store, size: tuple[int, int], language: str
) -> None:
    ru, total = language == "ru", sum(900 + minutes for minutes in range(1, 53)) + 1
    async with section(desk, BoardScreen, language=language, size=size) as pilot:
        app = pilot.app
        assert isinstance(app, ConsoleApp)
        counts = f"отправлено {total} · ‖ удержано 1 · ✗ не ушло 1" if ru else f"sent {total} · ‖ held 1 · ✗ failed 1"
        silent = "‖ тихий режим" if ru else "‖ silent mode"
        at = ("16:45", "17:00:00")  # where the company is
        for words in (counts, silent, *at, "✓ mail-0", "✗ [/b][@click=app.quit]x"):
            await until(pilot, lambda words=words: words in seen(app), words)
        assert not {"\x1b", "\u202e"} & set(seen(app))
        assert app.screen.query_one(FlowChart).size.height == (8 if size[1] == 24 else 14)
        await _on(pilot, "oldest")
        assert ("Письма застряли" if ru else "Letters are stuck") in seen(app)
        await _on(pilot, "dispatcher:d2")
        assert ("молчит 10 мин" if ru else "silent for 10 min") in seen(app)
        await _on(pilot, f"connection:{connections(desk)[1].id}")
        detail = str(app.screen.query_one("#board-detail").render())
        assert detail.startswith(advice("auth_failed", language, {}))
        assert "535" in detail
        await press(pilot, "enter")
        assert isinstance(app.screen, OutgoingMailScreen)
        for key, screen in (("alert:request", TimelineScreen), ("held:", DeliveriesScreen)):
            app.action_board()
            await until(pilot, lambda key=key: _lines(pilot, key), key)
            await _on(pilot, key)
            await press(pilot, "enter")
            assert isinstance(app.screen, screen)
            if screen is TimelineScreen:
                await press(pilot, "escape", "b")
        assert isinstance(app.screen, DeliveriesScreen)
        pane = app.screen.pane
        await until(pilot, lambda: [row.state for row in pane.rows] == [DeliveryState.HELD])


async def test_it_is_live_and_the_cursor_stays_on_what_it_was_on(desk: Store, clock: HandClock) -> None:
    async with section(desk, BoardScreen, language="en") as pilot:
        app = pilot.app
        assert isinstance(app, ConsoleApp)
        await until(pilot, lambda: _lines(pilot, "held:"))
        await _on(pilot, "held:")
        left, right = (app.screen.query_one(f"#board-{side}", BoardList) for side in ("left", "right"))
        desk.write(lambda con: more(con, 30, state=DeliveryState.HELD.value, reason="storm_object"))
        await until(pilot, lambda: [left.rows[place].value for _, place in _lines(pilot, "held:")] == ["30", "1"])
        assert left.current is not None
        assert left.current.key == "held:silent_mode"
        await press(pilot, "s")
        assert "the last 6 hours" in seen(app)
        await press(pilot, "s", "right", "home")
        assert "the last day" in seen(app)
        assert right.has_focus
        assert right.current is not None
        assert right.current.key.startswith("connection:")
        await press(pilot, "end", "home", "up", "pagedown", "pageup")
        assert not right.current.heading
        clock.forward(minutes=3)
        drawn = app.screen.query_one(FlowChart)._drawn
        app.show_status(read_status(desk))
        await settle(pilot)
        assert app.screen.query_one(FlowChart)._drawn is drawn, "the same hours are not drawn again"
        await press(pilot, "escape")
        assert not isinstance(app.screen, BoardScreen)


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_an_empty_store_says_what_is_missing(
    tmp_path: Path, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    store = open_store(tmp_path, HandClock(NOON))
    app = ConsoleApp(store, language=language, start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: app.status is not None)
        await press(pilot, "b")
        await settle(pilot, 3)
        wanted = ("✗ ни одного: писать нечем", "✗ ни одного: ничего не уходит", "в ближайшие сутки ни одной")
        english = ("✗ none: no way to send", "✗ none: nothing is being sent", "none within 24 hours")
        for words in wanted if language == "ru" else english:
            await until(pilot, lambda words=words: words in seen(app), words)
        await press(pilot, "b")
        assert not isinstance(app.screen, BoardScreen)
    store.close()


def test_the_axis_ends_at_a_round_number_and_has_labels_at_round_times() -> None:
    assert [ceiling(value) for value in (0, 1, 2, 3, 5, 11, 99, 101, 950)] == [2, 2, 2, 4, 10, 20, 100, 200, 1000]
    zone = ZoneInfo("Asia/Kolkata")
    at = NOON - timedelta(minutes=30)
    slots = [Slot(at - timedelta(hours=23 - place), Flow()) for place in range(24)]
    named = [label for _, label in labels(slots, SPANS[2], zone)]
    assert named == ["20:00", "00:00", "04:00", "08:00", "12:00", "16:00"]
    by_minute = [Slot(NOON - timedelta(minutes=59 - place), Flow()) for place in range(60)]
    assert labels(by_minute, SPANS[0], ZoneInfo("UTC")) == [(14, "11:15"), (29, "11:30"), (44, "11:45"), (59, "12:00")]
