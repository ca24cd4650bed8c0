"""The follower misses nothing: not in a burst, not through a store that cannot be read, not while nobody looks."""

import pytest
from textual.widgets._toast import Toast

from store import delivery_query
from store.delivery_query import DeliveryQuery, Page
from store.engine import Store
from store.errors import StoreUnreachableError
from tests.tui.scripted_desk import add_notice
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui import delivery_reader
from tui.app import ConsoleApp
from tui.widgets.live_pane import LivePane

BURST = 15
"""Twice as many are at hand, with those of the desk before, and are more than are counted at a time."""


async def test_a_burst_is_counted_whole_and_shown_whole_and_so_is_what_came_while_nobody_looked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_reader, "ARRIVALS", 7)
    app = ConsoleApp(store, language="en", start_dispatcher=False)
    async with app.run_test(size=(80, 24)) as pilot:
        pane = app.screen.query_one(LivePane)
        await until(pilot, lambda: pane.rows)
        before = len(pane.rows)
        await pilot.press("space", "9")
        for number in range(BURST):
            add_notice(store, subject=f"Письмо {number}", name="Кто-то", number=f"N-{number}")
        await pilot.press("1")
        pane = app.screen.query_one(LivePane)
        await until(pilot, lambda: len(pane.rows) == before + BURST)
        await pilot.press("space", "question_mark")
        for number in range(BURST):
            add_notice(store, subject=f"Ещё {number}", name="Кто-то", number=f"M-{number}")
        await pilot.press("escape")
        await until(pilot, lambda: f"{BURST} new" in seen(app))
        await pilot.press("space")
        await until(pilot, lambda: len(pane.rows) == before + 2 * BURST)
        assert [row.subject for row in pane.rows[:BURST]] == [f"Ещё {number}" for number in reversed(range(BURST))]


async def test_a_store_that_cannot_be_read_is_told_once_and_followed_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = ConsoleApp(store, start_dispatcher=False)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        pane = app.screen.query_one(LivePane)
        await until(pilot, lambda: pane.rows)
        asked: list[int] = []

        def broken(store: Store, query: DeliveryQuery, **where: int) -> Page:
            asked.append(1)
            raise StoreUnreachableError("the disk is [/b] gone")

        with monkeypatch.context() as patch:
            patch.setattr(delivery_query, "page", broken)
            add_notice(store, subject="Пока хранилища нет", name="Кто-то")
            await until(pilot, lambda: app.screen.query(Toast))
            assert len(app.screen.query(Toast)) == 1
        await until(pilot, lambda: "Пока хранилища нет" in pane.rows[0].subject)
        assert asked
