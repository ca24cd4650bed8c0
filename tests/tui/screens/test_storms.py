"""A storm on screen: the line on top leads to what it holds, and there it is released, dropped or digested."""

from datetime import timedelta
from pathlib import Path

from textual.widgets import Input

from dispatch.intake import emit
from dispatch.planner import Planner
from store.cards import DispatcherCard, StormLimits
from store.engine import Store
from store.heartbeats import beat
from store.outbox import page
from store.settings import save_storm_limits, storm_limits
from store.storms import list_storms
from store.vocabulary import Channel, StormAction
from tests.desk import event, furnish, lines, open_store
from tests.tui.screens.sections import press, settle
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp
from tui.screens.deliveries import DeliveriesScreen, DeliveryPane
from tui.screens.outgoing_mail import OutgoingMailScreen
from tui.widgets.question import Question
from tui.widgets.statusbar import StatusBar
from tui.widgets.storm_form import StormForm


def flooded(folder: Path) -> Store:
    """Three objects, each with four letters held for the client and four for the responsible."""
    store = open_store(folder)
    furnish(store, port=25)
    save_storm_limits(store, StormLimits(1, then=StormAction.HOLD), "test")
    comment = {"text": "Готово", "private": False}
    for number in (1, 2, 3):
        made = (event("request.comment_added", number, f"{number}-{one}", comment=comment) for one in range(5))
        emit(store, lines(*made))
    while Planner(store).plan_now():
        pass
    now = store.clock()
    later = now + timedelta(seconds=55)  # alive for as long as the test takes
    store.write(lambda connection: beat(connection, DispatcherCard("d", "mail-1", 1, now, later, alive=True)))
    return store


def states(store: Store, number: str) -> set[tuple[str, str]]:
    rows = [row for row in page(store, text=number, limit=500) if row.channel is Channel.EMAIL]
    return {(row.state.word, row.reason) for row in rows}


async def test_a_storm_is_seen_and_done_with(tmp_path: Path) -> None:
    store = flooded(tmp_path)
    app = ConsoleApp(store, language="ru", start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "Шторм: удержано 24 (F6)" in seen(app))
        await pilot.click(StatusBar, offset=(5, 0))
        await until(pilot, lambda: isinstance(app.screen, DeliveriesScreen))
        rows = app.screen.query_one(DeliveryPane)
        await until(pilot, lambda: len(rows.rows) == 24)
        await until(pilot, lambda: "Отпустить" in seen(app))
        assert app.screen.query_one("#filter-text", Input).value == "состояние:шторм"

        await pilot.press("l")  # the newest row is about RP-3
        await until(pilot, lambda: isinstance(app.screen, Question) and "8 (RP-3)" in seen(app))
        await pilot.press("left", "enter")
        await until(pilot, lambda: len(rows.rows) == 16)
        assert states(store, "RP-3") == {("pending", "")}

        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Question) and "8 (RP-2)" in seen(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DeliveriesScreen))
        assert len(list_storms(store)) == 2
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Question) and "8 (RP-2)" in seen(app))
        await pilot.press("left", "enter")
        await until(pilot, lambda: len(rows.rows) == 8)
        assert states(store, "RP-2") == {("pending", ""), ("cancelled", "cancelled")}

        await pilot.press("G")
        await until(pilot, lambda: not rows.rows)
        assert states(store, "RP-1") == {("pending", ""), ("cancelled", "in_digest")}
        await pilot.press("escape")
        await until(pilot, lambda: rows.rows and "Отпустить" not in seen(app))
    store.close()


async def test_the_limits_are_shown_and_edited(tmp_path: Path) -> None:
    store = flooded(tmp_path)
    app = ConsoleApp(store, language="ru", start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "Шторм: удержано 24 (F6)" in seen(app))
        for key in ("5", *["right_square_bracket"] * 3):
            await press(pilot, key)
        await until(pilot, lambda: "ждать оператора" in seen(app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, StormForm))
        form = app.screen
        assert isinstance(form, StormForm)
        await settle(pilot)
        assert not form.field("digest_minutes").display
        form.field("object_letters").value = "много"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Введите целое число от 0 до 1000000" in seen(app))
        form.field("object_letters").value = "40"
        form.field("then").value = "digest"
        await until(pilot, lambda: form.field("digest_minutes").display)
        form.field("digest_minutes").value = "5"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, OutgoingMailScreen))
    assert storm_limits(store) == StormLimits(40, digest_minutes=5)
    store.close()
