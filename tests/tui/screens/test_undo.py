"""Deeds of a console are taken back one by one, also while they are under way."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from store import feed, moves, outbox
from store.acknowledgements import acknowledge
from store.cards import Acknowledgement, FeedRow
from store.engine import Store
from store.errors import StoreUnreachableError
from store.moves import Deed, Moved
from store.vocabulary import Channel, DeliveryState, Language
from tests.tui.scripted_desk import add_notice, scripted_store
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp
from tui.deed_queue import DEPTH
from tui.screens.delivery import DeliveryScreen
from tui.screens.live import LiveScreen
from tui.widgets.line_question import LineQuestion
from tui.widgets.live_pane import LivePane
from tui.widgets.question import Question
from tui.widgets.under_way import UnderWay


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = scripted_store(tmp_path, Language.EN)
    yield store
    store.close()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """While it is closed, what has moved letters in the store has not come back yet."""
    opened, carry_out = threading.Event(), moves.carry_out
    opened.set()

    def slowly(*args: Any, **options: Any) -> Moved:
        done = carry_out(*args, **options)
        assert opened.wait(20)
        return done

    monkeypatch.setattr("tui.widgets.delivery_deeds.moves.carry_out", slowly)
    yield opened
    opened.set()


def console(store: Store, language: str = "en") -> ConsoleApp:
    return ConsoleApp(store, language=language, start_dispatcher=False)


def row(store: Store, key: int) -> FeedRow:
    return feed.by_ids(store, [key])[0]


def state(store: Store, key: int) -> DeliveryState:
    return row(store, key).state


def letters(store: Store, *states: DeliveryState) -> list[int]:
    return [one.id for one in outbox.page(store) if one.channel is Channel.EMAIL and one.state in states]


async def opened(pilot: Pilot[Any], key: int) -> None:
    pilot.app.push_screen(DeliveryScreen(key))
    await until(pilot, lambda: isinstance(pilot.app.screen, DeliveryScreen) and f"D{key}" in seen(pilot.app))


async def test_a_deed_under_way_is_waited_for_and_taken_back(store: Store, gate: threading.Event) -> None:
    app = console(store, "ru")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        pane = app.screen.query_one(LivePane)
        await pilot.press("alt+2")
        await until(pilot, lambda: pane.rows and all(one.state is DeliveryState.DEAD for one in pane.rows))
        assert pane.current
        key = pane.current.id
        gate.clear()
        await pilot.press("r")
        await until(pilot, lambda: key not in [one.id for one in pane.rows])
        await pilot.press("u")
        await pilot.press("p", "p")  # it is pressed, and seen to, and the deed is still under way
        assert app.texts("deeds.nothing_to_undo") not in seen(app)
        assert state(store, key) is DeliveryState.PENDING
        gate.set()
        await until(pilot, lambda: key in [one.id for one in pane.rows])
        await until(pilot, lambda: "Взято назад: 1 письмо отправлено снова" in seen(app), seen(app))


async def test_it_goes_on_when_its_screen_is_left(store: Store, gate: threading.Event) -> None:
    key, other = letters(store, DeliveryState.DEAD, DeliveryState.HELD)[:2]
    was = state(store, key)
    app = console(store)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        gate.clear()
        await opened(pilot, other)
        await pilot.press("c")
        await until(pilot, lambda: state(store, other) is DeliveryState.CANCELLED)
        await pilot.press("escape")
        await opened(pilot, key)
        await pilot.press("c", "escape")
        await until(pilot, lambda: not isinstance(app.screen, DeliveryScreen))
        gate.set()
        await until(pilot, lambda: state(store, key) is DeliveryState.CANCELLED)
        await pilot.press("u")
        await until(pilot, lambda: state(store, key) is was)
        assert state(store, other) is DeliveryState.CANCELLED, "the last one first"


async def test_each_key_takes_back_the_one_before_and_says_which(store: Store) -> None:
    (dead,) = letters(store, DeliveryState.DEAD)[:1]
    before = row(store, dead)
    app = console(store)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot, dead)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, LineQuestion))
        await pilot.press("enter")
        await until(pilot, lambda: row(store, dead).acknowledged)
        await until(pilot, lambda: isinstance(app.screen, DeliveryScreen))
        await pilot.press("r", "c")
        await until(pilot, lambda: state(store, dead) is DeliveryState.CANCELLED)
        await pilot.press("u", "u", "u", "u")
        await until(pilot, lambda: "Nothing to take back" in seen(app))
        assert row(store, dead) == before
        for words in ("1 letter cancelled · u: 2 more", "1 letter sent again · u: 1 more", "1 delivery acknowledged"):
            assert f"Taken back: {words}" in seen(app), seen(app)


async def test_it_has_an_end_and_what_comes_too_late_is_told(store: Store) -> None:
    (dead,) = letters(store, DeliveryState.DEAD)[:1]
    app = console(store)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot, dead)
        await pilot.press("r", *["c", "r"] * DEPTH)
        await until(pilot, lambda: len(app.deeds) == DEPTH)
        await until(pilot, lambda: len(moves.of_delivery(store, dead)) == 2 * DEPTH + 1)
        newest = moves.of_delivery(store, dead)[-1]
        moves.take_back(store, newest.id, "another console")
        await pilot.press("u")
        await until(pilot, lambda: f"That was taken back already (no. {newest.id})" in seen(app))
        await pilot.press(*["u"] * DEPTH)
        await until(pilot, lambda: "Nothing to take back" in seen(app))
        kept = [one.undone_at is None for one in moves.of_delivery(store, dead)]
        assert kept == [True] * (DEPTH + 1) + [False] * DEPTH

        await pilot.press("c")
        await until(pilot, lambda: len(app.deeds) == 1)
        moves.carry_out(store, Deed.RETRY, [dead], "another console")
        await pilot.press("u")
        await until(pilot, lambda: "Cannot be taken back (1 letter cancelled)" in seen(app))
        assert not len(app.deeds)


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_a_withdrawn_acknowledgement_comes_back_as_it_was(store: Store, language: str) -> None:
    key = add_notice(store, subject="Printer", name="Olga")
    acknowledge(store, [key], "ivan", "[/b] calling")
    was = row(store, key).acknowledged
    assert was == Acknowledgement("ivan", store.clock(), "[/b] calling")
    app = console(store, language)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        pane = app.screen.query_one(LivePane)
        await until(pilot, lambda: pane.current and pane.current.id == key)
        await pilot.press("A")
        await until(pilot, lambda: row(store, key).acknowledged is None)
        await pilot.press("u")
        await until(pilot, lambda: row(store, key).acknowledged == was)
        words = app.texts("deeds.undone", what=app.texts.count("deeds.back_withdraw", 1))
        await until(pilot, lambda: words in seen(app))


async def test_a_store_that_is_away_takes_nothing_from_what_can_be_taken_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dead,) = letters(store, DeliveryState.DEAD)[:1]
    take_back, away = moves.take_back, [True]

    def maybe(*args: Any) -> Moved:
        if away:
            raise StoreUnreachableError("the store is away")
        return take_back(*args)

    monkeypatch.setattr("tui.widgets.delivery_deeds.moves.take_back", maybe)
    app = console(store)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot, dead)
        await pilot.press("r", "u")
        await until(pilot, lambda: "the store is away" in seen(app))
        assert state(store, dead) is DeliveryState.PENDING
        away.clear()
        await pilot.press("u")
        await until(pilot, lambda: state(store, dead) is DeliveryState.DEAD)


async def test_what_was_stopped_halfway_can_be_taken_back_to_its_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.acknowledgements.PORTION", 2)
    monkeypatch.setattr("tui.widgets.delivery_deeds.PORTION", 2)
    tell, stop = UnderWay.tell, threading.Event()

    def told(screen: UnderWay, done: int) -> None:
        tell(screen, done)
        if stop.is_set() and done == 2:
            screen.action_stop()  # as Escape does

    monkeypatch.setattr(UnderWay, "tell", told)
    app = console(store)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        pane = app.screen.query_one(LivePane)
        await until(pilot, lambda: pane.rows)
        before = {one.id: one.state for one in outbox.page(store)}
        await pilot.press("ctrl+a")
        await until(pilot, lambda: len(pane.marked) == len(before))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("left", "enter")
        await until(pilot, lambda: len(app.deeds) == 1)
        after = {one.id: one.state for one in outbox.page(store)}
        count = sum(before[key] is not after[key] for key in before)
        assert count > 2
        stop.set()
        await pilot.press("u")
        words = f"Taken back: {count} letters cancelled — 2 of {count}"
        await until(pilot, lambda: words in " ".join(seen(app).split()), seen(app))
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        stop.clear()
        await pilot.press("u")
        await until(pilot, lambda: {one.id: one.state for one in outbox.page(store)} == before)


async def test_a_key_behind_a_question_is_not_taken_for_an_answer_to_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever types ahead must not have the deed before taken back, which a quicker machine would have left."""
    (dead,) = letters(store, DeliveryState.DEAD)[:1]
    look, opened_, looking = moves.look, threading.Event(), threading.Event()

    def slowly(*args: Any) -> Any:
        looking.set()
        assert opened_.wait(20)
        return look(*args)

    app = console(store)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        pane = app.screen.query_one(LivePane)
        await pilot.press("alt+2")
        await until(pilot, lambda: pane.current and pane.current.id == dead)
        await pilot.press("r")
        await until(pilot, lambda: len(app.deeds) == 1)
        monkeypatch.setattr("tui.widgets.delivery_deeds.moves.look", slowly)
        await pilot.press("alt+1")
        await until(pilot, lambda: len(pane.rows) > 1)
        await pilot.press("ctrl+a")
        await until(pilot, lambda: len(pane.marked) > 1)
        await pilot.press("c", "u")
        await until(pilot, looking.is_set)
        opened_.set()
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("escape")
        await pilot.press("ctrl+a", "ctrl+a")
        assert (state(store, dead), len(app.deeds)) == (DeliveryState.PENDING, 1)
