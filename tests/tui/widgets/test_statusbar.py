"""The line on top tells what matters most, within its width."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from textual.widgets import TabbedContent

from store.cards import Sending, SilentMode
from store.engine import Store
from store.heartbeats import leave
from store.settings import connections, save_connection, save_sending, save_silent_mode
from store.status import read_status, save_health
from store.vocabulary import Protocol, SilentState
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp
from tui.screens.outgoing_mail import OutgoingMailScreen
from tui.widgets.sending_form import SendingForm
from tui.widgets.statusbar import StatusBar


async def shown(store: Store, language: str = "ru", size: tuple[int, int] = (80, 24)) -> tuple[str, frozenset[str]]:
    app: Any = ConsoleApp(store, language=language, start_dispatcher=False)
    async with app.run_test(size=size) as pilot:
        bar = app.screen.query_one(StatusBar)
        await until(pilot, lambda: str(bar.content))
        return str(bar.content), frozenset(bar.classes)


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_it_says_where_the_dispatcher_is_and_fits(store: Store, language: str) -> None:
    text, classes = await shown(store, language)
    assert "mail-1:4711" in text
    assert len(text) <= 78
    assert not classes & {"-alarm", "-warning"}


async def test_no_dispatcher_is_said_loudly_on_every_section(store: Store) -> None:
    store.write(lambda connection: leave(connection, "scripted"))
    app = ConsoleApp(store, language="ru", start_dispatcher=False)
    async with app.run_test(size=(80, 24)) as pilot:
        for key in "1234567":
            await pilot.press(key)
            await until(pilot, lambda: str(app.screen.query_one(StatusBar).content).startswith("ДИСПЕТЧЕРА НЕТ"))
            assert app.screen.query_one(StatusBar).has_class("-alarm")


async def test_unfilled_sending_parameters_are_said(store: Store) -> None:
    save_sending(store, Sending(), "test")
    text, classes = await shown(store)
    assert "почта не настроена (клавиша 5), удержано 1" in text
    assert "-warning" in classes


async def test_what_keeps_letters_back_leads_to_its_form(store: Store) -> None:
    save_sending(store, Sending(), "test")
    app = ConsoleApp(store, language="ru", start_dispatcher=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "почта не настроена" in seen(app))
        await pilot.click(StatusBar, offset=(20, 0))
        await until(pilot, lambda: isinstance(app.screen, OutgoingMailScreen))
        screen = app.screen
        await until(pilot, lambda: screen.query_one(TabbedContent).active == "tab-sending")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, SendingForm))


async def test_silent_mode_is_said(store: Store) -> None:
    save_silent_mode(store, SilentMode(SilentState.ON), "test")
    text, classes = await shown(store)
    assert "тихий режим" in text
    assert "-warning" in classes


async def test_silent_mode_that_is_over_is_not_said(store: Store) -> None:
    save_silent_mode(store, SilentMode(SilentState.ON, until=store.clock()), "test")
    text, classes = await shown(store)
    assert "тихий режим" not in text
    assert "-warning" not in classes


async def test_a_connection_that_fails_and_the_one_that_took_over_are_named(store: Store) -> None:
    store.write(lambda connection: save_health(connection, 1, circuit="open"))
    text, classes = await shown(store)
    assert "«main» не отвечает" in text
    assert "шлёт" not in text  # the other connection is switched off
    assert "-warning" in classes
    spare = next(card for card in connections(store) if card.name == "spare")
    save_connection(store, replace(spare, enabled=True), who="test")
    text, _ = await shown(store)
    assert "«main» не отвечает, шлёт «spare»" in text


@pytest.mark.parametrize(
    ("days", "words"), [(-1, "секрет клиента spare истёк"), (12, "секрет клиента spare истечёт через 12 дн."), (31, "")]
)
async def test_a_client_secret_is_spoken_of_a_month_before_it_is_over(store: Store, days: int, words: str) -> None:
    spare = next(card for card in connections(store) if card.name == "spare")
    spare = replace(
        spare, enabled=True, protocol=Protocol.GRAPH, port=None, oauth2=True, application_id="a", directory_id="d",
        secret_expires=store.clock().date() + timedelta(days=days),
    )  # fmt: skip
    save_connection(store, spare, client_secret="s", who="test")
    text, classes = await shown(store)
    assert words in text
    assert ("секрет клиента" in text) is bool(words)
    assert ("-warning" in classes) is bool(words)


async def test_what_does_not_fit_is_left_out_from_the_end(store: Store) -> None:
    app = ConsoleApp(store, language="ru", start_dispatcher=False)
    async with app.run_test(size=(80, 24)) as pilot:
        bar = app.screen.query_one(StatusBar)
        await until(pilot, lambda: str(bar.content))
        status = read_status(store)
        host = replace(status.dispatchers[0], host="x" * 63)
        bar.show(replace(status, dispatchers=(host,)), app.texts, app.clock())
        text = str(bar.content)
        assert len(text) <= 78
        assert "не ушло 1" in text
        assert "отправлено" not in text
