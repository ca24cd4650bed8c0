"""What an operator does with deliveries, by keys: acknowledged, muted, moved, sent elsewhere, and taken back."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from textual.widgets import Input

from store import feed, moves, mutes, outbox, tables
from store.engine import Store
from store.vocabulary import Channel, DeliveryState, Language, MuteKind
from tests.desk import HandClock
from tests.tui.scripted_desk import add_notice, scripted_store
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp
from tui.screens.dead_groups import DeadGroupsScreen, DeadLettersScreen
from tui.screens.deliveries import DeliveriesScreen
from tui.screens.delivery import DeliveryScreen
from tui.screens.mutes import MutesScreen
from tui.widgets.line_question import LineQuestion
from tui.widgets.mute_words import MuteForm
from tui.widgets.question import Question
from tui.widgets.under_way import UnderWay

HOSTILE = "[/b] \x1b]0;x\x07 [@click=app.quit]"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = scripted_store(tmp_path, Language.EN)
    yield store
    store.close()


def letters(store: Store, count: int) -> list[int]:
    """The newest letters that were sent."""
    rows = outbox.page(store, state=DeliveryState.SENT, limit=100)
    return [row.id for row in rows if row.channel is Channel.EMAIL][:count]


def put(store: Store, ids: list[int], state: DeliveryState, **values: object) -> None:
    d = tables.delivery
    store.write(lambda con: con.execute(update(d).where(d.c.id.in_(ids)).values(state=state.value, **values)).rowcount)


def state(store: Store, key: int) -> str:
    (row,) = feed.by_ids(store, [key])
    return row.state.word


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_acknowledged_muted_and_taken_back(store: Store, language: str) -> None:
    key = add_notice(store, subject=f"RP-1042: {HOSTILE}", name=HOSTILE, number="RP-1042")
    app = ConsoleApp(store, language=language, start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, DeliveriesScreen) and app.screen.pane.current)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, LineQuestion))
        assert f"D{key}" in seen(app)
        app.screen.query_one(Input).value = HOSTILE
        await pilot.press("enter")
        await until(pilot, lambda: feed.by_ids(store, [key])[0].acknowledged)
        await until(pilot, lambda: "◆" in seen(app))
        await pilot.press("u")
        await until(pilot, lambda: feed.by_ids(store, [key])[0].acknowledged is None)

        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, MuteForm) and app.focused is not None)
        await until(pilot, lambda: app.focused is app.screen.query_one("#field-reason"))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.texts("problem.mute_reason") in seen(app))
        app.screen.query_one("#field-until", Input).value = "soon"
        app.screen.query_one("#field-reason", Input).value = HOSTILE
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "«soon»" in seen(app) or "“soon”" in seen(app))
        app.screen.query_one("#field-until", Input).value = "30 мин"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: [one.key for one in mutes.list_mutes(store)] == ["RP-1042"])
        await until(pilot, lambda: app.texts("bar.muted", count=1) in seen(app))
        await pilot.press("f7")
        await until(pilot, lambda: isinstance(app.screen, MutesScreen) and "[/b]" in seen(app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, LineQuestion))
        app.screen.query_one(Input).value = "3h"
        await pilot.press("enter")
        await until(pilot, lambda: mutes.list_mutes(store)[0].until == store.clock() + timedelta(hours=3))
        await pilot.press("d")
        await until(pilot, lambda: mutes.list_mutes(store) == [])
        await pilot.press("u")
        await until(pilot, lambda: len(mutes.list_mutes(store)) == 1, "its end is taken back")
        await pilot.press("u")
        await until(pilot, lambda: mutes.list_mutes(store)[0].until == store.clock() + timedelta(minutes=30))
        await pilot.press("u")
        await until(pilot, lambda: mutes.list_mutes(store) == [], "the deeds of other screens, too")
        assert app.return_value is None


async def test_many_are_asked_about_moved_and_put_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.acknowledgements.PORTION", 2)
    monkeypatch.setattr("tui.widgets.delivery_deeds.PORTION", 2)
    shown: list[bool] = []
    tell = UnderWay.tell

    def told(screen: UnderWay, done: int) -> None:
        shown.append(screen.is_current)
        tell(screen, done)

    monkeypatch.setattr(UnderWay, "tell", told)
    before = {row.id: row.state for row in outbox.page(store)}
    app = ConsoleApp(store, language="en", start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, DeliveriesScreen) and app.screen.pane.current)
        await pilot.press("ctrl+a", "c")
        await until(pilot, lambda: isinstance(app.screen, Question))
        words = seen(app)
        rows = [row for row in outbox.page(store) if row.channel is Channel.EMAIL]
        movable = [row.id for row in rows if row.state in moves.FROM[moves.Deed.CANCEL]]
        assert f"Cancel {len(movable)} letters?" in words
        assert "sent already" in words
        assert "shown in the interface, no letter" in words
        await pilot.press("left", "enter")
        await until(pilot, lambda: {state(store, key) for key in movable} == {"cancelled"})
        await until(pilot, lambda: isinstance(app.screen, DeliveriesScreen))
        assert any(shown), "how far it is is shown"
        await pilot.press("u")
        await until(pilot, lambda: {row.id: row.state for row in outbox.page(store)} == before)
        await until(pilot, lambda: isinstance(app.screen, DeliveriesScreen))
        await pilot.press("u")
        await until(pilot, lambda: "Nothing to take back" in seen(app))


async def test_a_cause_is_sent_again_at_a_pace_and_stopped(store: Store) -> None:
    ids = letters(store, 4)
    put(store, ids[:3], DeliveryState.DEAD, reason="mailbox_full", answer=f"452 {HOSTILE}", connection="main")
    put(store, ids[3:], DeliveryState.DEAD, reason="dns", answer="no name", connection="main")
    app = ConsoleApp(store, language="en", start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("2", "D")
        await until(pilot, lambda: isinstance(app.screen, DeadGroupsScreen) and "mailbox is full" in seen(app))
        assert "The recipient's mailbox is full or closed." in seen(app), "what to do"
        assert "Server: 452 [/b]" in seen(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DeadLettersScreen) and "✗" in seen(app))
        await pilot.press("escape", "r")
        await until(pilot, lambda: isinstance(app.screen, LineQuestion))
        await pilot.press("0", "enter")
        await until(pilot, lambda: "whole number from 1" in seen(app))
        app.screen.query_one(Input).value = "1"
        await until(pilot, lambda: "within 2 min" in seen(app))
        await pilot.press("enter")
        await until(pilot, lambda: "2 of 3 waiting" in seen(app))
        assert moves.running(store)[0].per_minute == 1
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("left", "enter")
        await until(pilot, lambda: {state(store, key) for key in ids} == {"dead"}, "nothing was sent meanwhile")
        await until(pilot, lambda: moves.running(store) == [])


async def test_a_letter_goes_to_another_address_and_twice_only_when_that_is_meant(store: Store) -> None:
    (key,) = letters(store, 1)
    app = ConsoleApp(store, language="en", start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.push_screen(DeliveryScreen(key))
        await until(pilot, lambda: isinstance(app.screen, DeliveryScreen) and f"D{key}" in seen(app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, LineQuestion))
        await pilot.press(*"nobody", "enter")
        await until(pilot, lambda: "not an e-mail address" in seen(app))
        app.screen.query_one(Input).value = "new@example.org"
        await pilot.press("enter")
        await until(pilot, lambda: outbox.page(store, text="new@example.org"))
        (copy,) = outbox.page(store, text="new@example.org")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, LineQuestion))
        app.screen.query_one(Input).value = "NEW@example.org"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Question) and "second copy" in seen(app))
        await pilot.press("escape")
        assert len(outbox.page(store, text="new@example.org")) == 1
        await pilot.press("u")
        await until(pilot, lambda: state(store, copy.id) == "cancelled", "the copy is taken back")

        await pilot.press("i")
        await until(pilot, lambda: "Message-ID: <" in seen(app))
        await pilot.press("y")
        assert app.clipboard.startswith("Subject: ")
        assert "\nTo: " in app.clipboard
        await pilot.press("Y")
        assert app.clipboard == f"D{key}"
        await pilot.press("w", "y")
        assert f"D{key} · " in app.clipboard
        assert "new@example.org" not in app.clipboard
    app = ConsoleApp(store, language="en", start_dispatcher=False)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        app.push_screen(DeliveryScreen(copy.id))
        await until(pilot, lambda: isinstance(app.screen, DeliveryScreen) and f"D{copy.id}" in seen(app))
        await pilot.press("w")
        await until(pilot, lambda: f"a copy of D{key}, sent by" in seen(app))


async def test_a_mute_that_is_about_to_end_is_spoken_of_once(store: Store) -> None:
    clock = store.clock
    assert isinstance(clock, HandClock)
    mutes.mute(store, MuteKind.OBJECT, "RP-1042", clock.now + timedelta(hours=1), HOSTILE, "olga")
    app = ConsoleApp(store, language="en", start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: app.status is not None and app.status.mutes)
        assert "again soon" not in seen(app)
        clock.forward(minutes=55)
        await until(pilot, lambda: "again soon" in seen(app))
        assert app.status is not None
        app.clear_notifications()
        app.show_status(app.status)
        await pilot.pause()
        assert "again soon" not in seen(app)
