"""Connections and sending parameters."""

import socket
from dataclasses import replace
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from textual.widgets import Checkbox, Input, Select, Static

from store.cards import MailConnection, Sending
from store.engine import Store
from store.limits import Learned
from store.settings import connection_secret, connections, save_connection, save_sending, sending
from store.status import save_health
from store.vocabulary import Encryption
from tests.tui.screens.sections import LANGUAGES, press, section
from tests.tui.scripted_desk import scripted_store
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp
from tui.screens.outgoing_mail import OutgoingMailScreen
from tui.widgets.connection_form import ConnectionForm
from tui.widgets.form import Field
from tui.widgets.question import Question
from tui.widgets.sending_form import SendingForm

SENDING = Sending("help@example.org", "robot@example.org", "Vestnik")
MAIL = MailConnection(name="mail", server="mail.example.org", authentication=True, login="bot")


@pytest.fixture
def section_store(section_store: Store) -> Store:
    """With sending parameters: without them the section opens on their tab."""
    save_sending(section_store, SENDING, "test")
    return section_store


def shown(form: ConnectionForm) -> set[str]:
    return {field.field_name for field in form.query(Field) if field.display}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_connection_is_added_by_keyboard_alone(section_store: Store, language: str) -> None:
    async with section(section_store, OutgoingMailScreen, language=language) as pilot:
        await press(pilot, "a", *"mx.example.org", "ctrl+s")
        [card] = connections(section_store)
        assert (card.server, card.name, card.port) == ("mx.example.org", "mx.example.org", 587)


async def test_ews_hides_port_encryption_and_smtp_authentication(section_store: Store) -> None:
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "a")
        form = pilot.app.screen
        assert isinstance(form, ConnectionForm)
        form.query_one("#field-protocol", Select).value = "ews"
        await pilot.pause()
        assert shown(form) == {"server", "protocol", "oauth2", "login", "password", "name"}
        note = form.query_one("#ews-note")
        assert not note.display
        form.query_one("#field-server", Input).value = "outlook.office365.com"
        await until(pilot, lambda: note.display)


async def test_graph_is_always_oauth2_and_is_saved(section_store: Store) -> None:
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "a")
        form = pilot.app.screen
        assert isinstance(form, ConnectionForm)
        form.query_one("#field-protocol", Select).value = "graph"
        await pilot.pause()
        ids = {"application_id", "directory_id", "client_secret"}
        assert shown(form) == {"server", "protocol", "login", "secret_expires", "name"} | ids
        for name in ids:
            form.query_one(f"#field-{name}", Input).value = f"{name}".replace("_", "-")
        form.query_one("#field-server", Input).value = "graph.microsoft.com"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: bool(connections(section_store)))
        [card] = connections(section_store)
        assert (card.protocol.value, card.oauth2, card.port, card.has_client_secret) == ("graph", True, None, True)


async def test_oauth2_reveals_its_fields_and_hides_the_password(section_store: Store) -> None:
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "a")
        form = pilot.app.screen
        assert isinstance(form, ConnectionForm)
        form.query_one("#field-oauth2", Checkbox).value = True
        await pilot.pause()
        assert {"application_id", "directory_id", "client_secret"} <= shown(form)
        assert "password" not in shown(form)


async def test_rare_settings_are_folded_away_and_saved(section_store: Store) -> None:
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "a", *"mx.example.org")
        form = pilot.app.screen
        assert isinstance(form, ConnectionForm)
        rare = {"ca_file", "client_cert", "client_key", "insecure", "priority"}
        assert not rare & shown(form)
        await press(pilot, "f8")
        assert rare <= shown(form)
        assert form.query_one("#field-ca_file").has_focus
        form.query_one("#field-client_cert", Input).value = "/etc/vestnik/own.pem"
        form.query_one("#field-insecure", Checkbox).value = True
        form.query_one("#field-priority", Input).value = "5"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: bool(connections(section_store)))
        [card] = connections(section_store)
        assert (card.client_cert, card.insecure, card.priority) == ("/etc/vestnik/own.pem", True, 5)
        await until(pilot, lambda: "НЕ ПРОВЕРЯЕТСЯ" in seen(pilot.app))
        await press(pilot, "e")  # what is set is not hidden
        assert rare <= shown(cast("ConnectionForm", pilot.app.screen))


async def test_a_fault_in_a_folded_field_unfolds_it(section_store: Store) -> None:
    save_connection(section_store, MAIL, who="test")
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "e", "f8")
        form = pilot.app.screen
        assert isinstance(form, ConnectionForm)
        form.query_one("#field-priority", Input).value = "first"
        await press(pilot, "f8")
        assert "priority" not in shown(form)
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: form.query_one("#row-priority").has_class("-wrong"))
        assert form.query_one("#field-priority").has_focus


async def test_a_token_is_pasted_and_never_shown_again(section_store: Store) -> None:
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "a", *"smtp.gmail.com")
        form = pilot.app.screen
        assert isinstance(form, ConnectionForm)
        form.query_one("#field-oauth2", Checkbox).value = True
        await pilot.pause()
        cast("Select[str]", form.query_one("#field-token_source", Select)).value = "pasted"
        await pilot.pause()
        assert "access_token" in shown(form)
        assert not {"application_id", "directory_id", "client_secret", "secret_expires"} & shown(form)
        form.query_one("#field-login", Input).value = "robot@example.org"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: form.query_one("#row-access_token").has_class("-wrong"))
        form.query_one("#field-access_token", Input).value = " ya29.canary\n"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: bool(connections(section_store)))
        [card] = connections(section_store)
        assert connection_secret(section_store, card.id, "access_token") == "ya29.canary"
        await press(pilot, "e")
        assert "canary" not in pilot.app.export_screenshot()
        assert pilot.app.screen.query_one("#field-access_token", Input).value == ""


@pytest.mark.parametrize(("day", "words"), [("31.03.2027", ""), ("31.02.2027", "не дата"), ("soon", "не дата")])
async def test_the_last_day_of_a_secret_is_a_day(section_store: Store, day: str, words: str) -> None:
    card = replace(MAIL, authentication=False, oauth2=True, application_id="a", directory_id="d")
    save_connection(section_store, card, client_secret="s", who="test")
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "e")
        form = pilot.app.screen
        form.query_one("#field-secret_expires", Input).value = day
        await press(pilot, "ctrl+s")
        if words:
            await until(pilot, lambda: words in seen(pilot.app))
        await until(pilot, lambda: (connections(section_store)[0].secret_expires is None) is bool(words))


async def test_login_waits_for_authentication(section_store: Store) -> None:
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "a")
        form = pilot.app.screen
        assert form.query_one("#field-login").disabled
        form.query_one("#field-authentication", Checkbox).value = True
        await pilot.pause()
        assert not form.query_one("#field-login").disabled


async def test_the_port_follows_the_encryption_unless_it_was_chosen(section_store: Store) -> None:
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "a")
        form = pilot.app.screen
        port = form.query_one("#field-port", Input)
        encryption = cast("Select[str]", form.query_one("#field-encryption", Select))
        encryption.value = "ssl"
        await pilot.pause()
        assert port.value == "465"
        port.value = "2525"
        encryption.value = "none"
        await pilot.pause()
        assert port.value == "2525"


async def test_a_port_that_is_no_number_is_said_at_the_field_and_nothing_is_saved(section_store: Store) -> None:
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "a", *"mx.example.org")
        form = pilot.app.screen
        form.query_one("#field-port", Input).value = "five"
        await press(pilot, "ctrl+s")
        assert form.query_one("#row-port").has_class("-wrong")
        assert form.query_one("#field-port").has_focus
        assert connections(section_store) == []


async def test_leaving_with_changes_asks_and_may_stay(section_store: Store) -> None:
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "a", "m", "escape")
        assert isinstance(pilot.app.screen, Question)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, ConnectionForm)
        await press(pilot, "escape")
        await press(pilot, "left", "enter")
        assert isinstance(pilot.app.screen, OutgoingMailScreen)


async def test_an_empty_password_keeps_the_stored_one(section_store: Store) -> None:
    key = save_connection(section_store, MAIL, password="kept", who="test")
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "e", "2", "ctrl+s")
        assert connections(section_store)[0].server == "mail.example.org2"
        assert connection_secret(section_store, key, "password") == "kept"


async def test_a_connection_is_switched_off_and_deleted_after_a_question(section_store: Store) -> None:
    save_connection(section_store, MAIL, who="test")
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "t")
        assert not connections(section_store)[0].enabled
        await press(pilot, "d", "escape")
        assert connections(section_store)
        await press(pilot, "d")
        await press(pilot, "left", "enter")
        assert connections(section_store) == []


async def test_an_address_that_is_none_is_said_at_the_field(section_store: Store) -> None:
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "right_square_bracket", "e", "space", *"desk", "ctrl+s")
        form = pilot.app.screen
        assert isinstance(form, SendingForm)
        assert form.query_one("#row-support_address").has_class("-wrong")
        assert sending(section_store) == SENDING


async def test_restoring_keeps_addresses_and_brings_the_rest_back(section_store: Store) -> None:
    card = Sending("desk@example.org", "bot@example.org", "Desk", max_attempts=9, pause_s=7)
    save_sending(section_store, card, "test")
    async with section(section_store, OutgoingMailScreen) as pilot:
        await press(pilot, "right_square_bracket", "tab", "enter")
        await press(pilot, "left", "enter")
        assert sending(section_store) == Sending("desk@example.org", "bot@example.org", "Desk")


async def test_a_markup_like_server_name_is_shown_as_it_is(section_store: Store) -> None:
    save_connection(section_store, MailConnection(name="[/b]", server="[/b]"), who="test")
    async with section(section_store, OutgoingMailScreen) as pilot:
        assert "[/b]" in pilot.app.export_screenshot()


def closed_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def test_a_failed_check_of_a_card_is_explained_and_its_form_opens_at_the_field_at_fault(
    section_store: Store,
) -> None:
    card = MailConnection("dead", "127.0.0.1", port=closed_port(), encryption=Encryption.NONE)
    save_connection(section_store, card, who="test")
    async with section(section_store, OutgoingMailScreen, language="en") as pilot:
        await press(pilot, "c")
        await until(pilot, lambda: "The check failed" in seen(pilot.app))
        await press(pilot, "e")
        form = pilot.app.screen
        assert isinstance(form, ConnectionForm)
        await until(pilot, lambda: form.query(".-wrong"))
        assert form.query_one(".-wrong", Field).control.has_focus


async def test_a_connection_is_checked_before_it_is_saved(section_store: Store) -> None:
    async with section(section_store, OutgoingMailScreen, language="en") as pilot:
        await press(pilot, "a", *"127.0.0.1")
        form = pilot.app.screen
        cast("Select[str]", form.query_one("#field-encryption", Select)).value = "none"
        await pilot.pause()
        form.query_one("#field-port", Input).value = str(closed_port())
        await press(pilot, "f5")
        await until(pilot, lambda: form.query(".-wrong"))
        assert form.query_one(".-wrong", Field).control.has_focus
        assert connections(section_store) == []


async def test_what_acts_on_a_connection_is_not_offered_beside_the_sending_parameters(section_store: Store) -> None:
    save_connection(section_store, MAIL, who="test")
    async with section(section_store, OutgoingMailScreen, language="en") as pilot:
        await press(pilot, "right_square_bracket", "d", "t")
        assert isinstance(pilot.app.screen, OutgoingMailScreen)
        assert connections(section_store)[0].enabled
        await until(pilot, lambda: "Delete" not in seen(pilot.app).splitlines()[-1])


async def test_each_card_says_how_its_connection_does_and_keeps_saying_it(tmp_path: Path) -> None:
    store = scripted_store(tmp_path)
    app = ConsoleApp(store, language="ru", start_dispatcher=False)
    try:
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("5")

            def health(number: int) -> str:
                found = app.screen.query(f"#connection-{number} .health").results(Static)
                return " ".join(str(one.content) for one in found)

            await until(pilot, lambda: "в порядке · последнее письмо 23.11.2026" in health(1))
            await until(pilot, lambda: health(2) == "выключено")
            limits = app.screen.query_one("#connection-1 .limits", Static)
            assert not limits.display
            at = store.clock()
            learned = Learned(letters_limit=20, letters_limit_at=at, rate_limit=60, rate_limit_at=at).columns()
            store.write(lambda connection: save_health(connection, 1, **learned))
            await until(pilot, lambda: limits.display)
            told = at.astimezone(ZoneInfo("Europe/Moscow")).strftime("%H:%M")
            words = f"Пределы сервера: писем за соединение 20 · писем в минуту 60 (узнано {told})"
            assert str(limits.content) == words
            store.write(lambda connection: save_health(connection, 1, circuit="open", last_error="refused [/b]"))
            await until(pilot, lambda: "не работает" in health(1))
            assert "refused [/b]" in health(1)
            spare = next(card for card in connections(store) if card.name == "spare")
            save_connection(store, replace(spare, enabled=True), who="test")
            await until(pilot, lambda: "по порядку 1-е" in health(1))
    finally:
        store.close()
