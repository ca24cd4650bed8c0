"""The follower misses nothing: not in a burst, not through a store that cannot be read for a while."""

import pytest
from textual.widgets._toast import Toast

from store import feed
from store.cards import FeedRow
from store.engine import Store
from store.errors import StoreUnreachableError
from tests.tui.scripted_desk import add_notice
from tests.tui.waiting import until
from tui.app import ConsoleApp
from tui.widgets.live_pane import LivePane


async def test_a_burst_larger_than_a_page_is_shown_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = feed.after

    def in_small_pages(store: Store, last_id: int) -> list[FeedRow]:
        return real(store, last_id, limit=7)

    monkeypatch.setattr(feed, "after", in_small_pages)
    app = ConsoleApp(store, start_dispatcher=False)
    async with app.run_test(size=(80, 24)) as pilot:
        pane = app.screen.query_one(LivePane)
        await until(pilot, lambda: pane.rows)
        before = len(pane.rows)

        for number in range(30):
            add_notice(store, subject=f"Письмо {number}", name="Кто-то", number=f"N-{number}")
        await until(pilot, lambda: len(pane.rows) == before + 30)


async def test_a_store_that_cannot_be_read_is_told_once_and_followed_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = ConsoleApp(store, start_dispatcher=False)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        pane = app.screen.query_one(LivePane)
        await until(pilot, lambda: pane.rows)
        real = feed.after
        asked: list[int] = []

        def broken(store: Store, last_id: int, limit: int = 500) -> list[FeedRow]:
            asked.append(last_id)
            raise StoreUnreachableError("the disk is [/b] gone")

        monkeypatch.setattr(feed, "after", broken)
        add_notice(store, subject="Пока хранилища нет", name="Кто-то")
        await until(pilot, lambda: app.screen.query(Toast))
        assert len(app.screen.query(Toast)) == 1
        monkeypatch.setattr(feed, "after", real)
        await until(pilot, lambda: "Пока хранилища нет" in pane.rows[0].subject)
        assert asked
