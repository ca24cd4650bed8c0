"""The check of a connection on screen: by keyboard and mouse, with and without a letter, given up and begun anew."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Select
from textual.worker import WorkerState

from dispatch.remedies import FIELDS
from store.cards import MailConnection
from store.engine import Store
from store.settings import connections, save_connection, save_sending
from store.vocabulary import Encryption, Language
from tests.desk import SENDING
from tests.dispatch.doctor.servers import SILENCE, Authorities, Scripted
from tests.tui.screens.sections import LANGUAGES, make_store, section
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.outgoing_mail import OutgoingMailScreen
from tui.texts import Texts
from tui.widgets.check_words import field_label, shortened
from tui.widgets.connection_check import ConnectionCheck
from tui.widgets.connection_form import ConnectionForm
from tui.widgets.sending_form import SendingForm
from tui.widgets.trial_recipient import TrialRecipient

PASSWORD = "password-canary"
WELL = {"ru": "Подключение работает", "en": "The connection works"}
FAILED = {"ru": "Проверка не пройдена", "en": "The check failed"}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    """A store with sending parameters."""
    store = make_store(tmp_path)
    save_sending(store, SENDING, "test")
    yield store
    store.close()


def save(store: Store, server: Scripted, /, **changes: Any) -> None:
    """Store a connection to a server."""
    usual: dict[str, Any] = {"server": "127.0.0.1", "port": server.port, "encryption": Encryption.NONE}
    save_connection(store, MailConnection("main", **usual | changes), password=PASSWORD, who="test")


def offered(pilot: "Pilot[Any]") -> str:
    """The address that stands in the question."""
    return pilot.app.screen.query_one("#recipient", Input).value


async def asked(pilot: "Pilot[Any]") -> None:
    """Wait for the question who is to get the letter."""
    await until(pilot, lambda: isinstance(pilot.app.screen, TrialRecipient))
    await until(pilot, lambda: pilot.app.screen.query("#recipient:focus"))


def recipients(server: Scripted) -> list[str]:
    """Who was named to the server."""
    return [line.partition(":")[2].strip("<>") for line in server.log if line.startswith("RCPT")]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_check_by_key_sends_no_letter_and_its_verdict_is_in_view(store: Store, language: str) -> None:
    async with Scripted() as server:
        save(store, server)
        async with section(store, OutgoingMailScreen, language=language) as pilot:
            await pilot.press("c")
            await until(pilot, lambda: WELL[language] in seen(pilot.app))
        assert "DATA" not in server.log


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_letter_is_sent_to_the_support_address_unless_another_is_given_and_that_is_remembered(
    store: Store, language: str
) -> None:
    async with Scripted() as server:
        save(store, server)
        async with section(store, OutgoingMailScreen, language=language) as pilot:
            await pilot.press("m")
            await asked(pilot)
            assert offered(pilot) == "help@example.org"
            await pilot.press("enter")
            await until(pilot, lambda: server.log.count(".") == 1)
            await until(pilot, lambda: WELL[language] in seen(pilot.app))
            await pilot.press("m")
            await asked(pilot)
            await pilot.press(*"a@b.ru", "enter")
            await until(pilot, lambda: server.log.count(".") == 2)
            await pilot.press("m")
            await asked(pilot)
            assert offered(pilot) == "a@b.ru"
        assert recipients(server) == ["help@example.org", "a@b.ru"]


async def test_a_letter_is_sent_by_mouse_alone(store: Store) -> None:
    async with Scripted() as server:
        save(store, server)
        async with section(store, OutgoingMailScreen) as pilot:
            await until(pilot, lambda: pilot.app.screen.query("ConnectionCard .letter"))
            await pilot.click("ConnectionCard .letter")
            await asked(pilot)
            await pilot.click("#send")
            await until(pilot, lambda: "." in server.log)


async def test_what_is_no_address_is_said_and_nothing_is_sent(store: Store) -> None:
    async with Scripted() as server:
        save(store, server)
        async with section(store, OutgoingMailScreen) as pilot:
            await pilot.press("m")
            await asked(pilot)
            await pilot.press(*"nobody[/b]", "enter")
            await until(pilot, lambda: "«nobody[/b]» — не адрес" in seen(pilot.app))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, OutgoingMailScreen))
            assert not pilot.app.screen.query_one(ConnectionCheck).has_class("-shown")
        assert server.log == []


@pytest.mark.parametrize("way", ["f7", "mouse"])
async def test_a_letter_is_sent_before_the_form_is_saved(store: Store, way: str) -> None:
    async with Scripted() as server:
        async with section(store, OutgoingMailScreen) as pilot:
            await pilot.press("a", *"127.0.0.1")
            form = pilot.app.screen
            assert isinstance(form, ConnectionForm)
            form.query_one("#field-encryption", Select).value = "none"
            await pilot.pause()
            form.query_one("#field-port", Input).value = str(server.port)
            await (pilot.press("f7") if way == "f7" else pilot.click("#letter"))
            await asked(pilot)
            await pilot.press("enter")
            await until(pilot, lambda: "." in server.log)
            await until(pilot, lambda: WELL["ru"] in seen(pilot.app))
        assert connections(store) == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_fault_its_remedy_and_the_field_are_in_view_at_80_columns(
    store: Store, tmp_path: Path, language: str
) -> None:
    known = Authorities(tmp_path)
    async with Scripted(mode="tls", context=known.self_signed()) as server:
        save(store, server, server="localhost", encryption=Encryption.TLS)
        async with section(store, OutgoingMailScreen, language=language) as pilot:
            await pilot.press("c")
            await until(pilot, lambda: FAILED[language] in seen(pilot.app))
            screen = seen(pilot.app)
            for words in ("✗", known.fingerprint[:8], Texts(Language(language))("mail.ca_file"), "PEM"):
                assert words in screen
            await pilot.press("e")
            await until(pilot, lambda: pilot.app.screen.query(".-wrong"))
            last = "укажите его." if language == "ru" else "file here."
            await until(pilot, lambda: last in seen(pilot.app))


async def test_a_fault_of_the_sending_parameters_leads_to_their_form_once(store: Store) -> None:
    async with Scripted() as server:
        save(store, server)
        async with section(store, OutgoingMailScreen) as pilot:
            save_sending(store, replace(SENDING, system_address=""), "test")
            await pilot.press("c")
            await until(pilot, lambda: FAILED["ru"] in seen(pilot.app))
            assert "system_address" not in seen(pilot.app)
            await pilot.press("e")
            await until(pilot, lambda: pilot.app.screen.query("#field-system_address:focus"))
            assert isinstance(pilot.app.screen, SendingForm)
            await until(pilot, lambda: "Заполните параметры отправки" in seen(pilot.app))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, OutgoingMailScreen))
            await pilot.press("e")
            await until(pilot, lambda: isinstance(pilot.app.screen, ConnectionForm))


@pytest.mark.parametrize(("where", "key"), [("card", "v"), ("form", "f6")])
async def test_details_are_shown_and_hidden_and_hold_no_password(store: Store, where: str, key: str) -> None:
    async with Scripted() as server:
        save(store, server, authentication=True, login="robot")
        async with section(store, OutgoingMailScreen, size=(100, 60)) as pilot:
            if where == "form":
                await pilot.press("e")
                await until(pilot, lambda: isinstance(pilot.app.screen, ConnectionForm))
                pilot.app.screen.query_one("#field-password", Input).value = PASSWORD
            await pilot.press("f5" if where == "form" else "c")
            await until(pilot, lambda: "Подключение работает" in seen(pilot.app))
            assert "AUTH PLAIN ***" not in seen(pilot.app)
            await pilot.press(key)
            await until(pilot, lambda: "AUTH PLAIN ***" in seen(pilot.app))
            assert PASSWORD not in seen(pilot.app)
            await pilot.press(key)
            await until(pilot, lambda: "AUTH PLAIN ***" not in seen(pilot.app))


async def test_leaving_the_screen_ends_a_check_and_its_connection(store: Store) -> None:
    async with Scripted({"MAIL": SILENCE}) as server:
        save(store, server)
        async with section(store, OutgoingMailScreen) as pilot:
            await pilot.press("c")
            await until(pilot, server.silent.is_set)
            await pilot.press("6")
            await until(pilot, server.left.is_set)


async def test_leaving_the_form_ends_a_check_and_its_connection(store: Store) -> None:
    async with Scripted({"MAIL": SILENCE}) as server:
        save(store, server)
        async with section(store, OutgoingMailScreen) as pilot:
            await pilot.press("e", "f5")
            await until(pilot, server.silent.is_set)
            await pilot.press("escape")
            await until(pilot, server.left.is_set)
            assert isinstance(pilot.app.screen, OutgoingMailScreen)


async def test_a_second_check_takes_the_place_of_the_first(store: Store) -> None:
    async with Scripted({"MAIL": SILENCE}) as server:
        save(store, server)
        async with section(store, OutgoingMailScreen) as pilot:
            await pilot.press("c")
            await until(pilot, server.silent.is_set)
            server.answers.clear()
            await pilot.press("c")
            await until(pilot, server.left.is_set)
            await until(pilot, lambda: WELL["ru"] in seen(pilot.app))
            assert seen(pilot.app).count("Отправитель") == 1


async def test_a_key_pressed_twice_gives_one_check(store: Store) -> None:
    async with Scripted() as server:
        save(store, server)
        async with section(store, OutgoingMailScreen, size=(80, 40)) as pilot:
            await pilot.press("c", "c", "c")
            await until(pilot, lambda: WELL["ru"] in seen(pilot.app))
            checks = [worker for worker in pilot.app.workers if worker.group == "check"]
            assert all(worker.state is not WorkerState.RUNNING for worker in checks)
            assert [seen(pilot.app).count(name) for name in ("Приветствие", "Получатель", WELL["ru"])] == [1, 1, 1]


async def test_a_mistake_of_ours_ends_the_check_in_words(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError(PASSWORD)

    async with Scripted() as server:
        save(store, server)
        monkeypatch.setattr("tui.widgets.connection_check.check", broken)
        async with section(store, OutgoingMailScreen) as pilot:
            with suppress(ZeroDivisionError):
                await pilot.press("c")
            await until(pilot, lambda: "Проверка прервалась: ZeroDivisionError" in seen(pilot.app))
            assert PASSWORD not in seen(pilot.app)


@pytest.mark.parametrize("language", list(Language))
def test_every_setting_a_remedy_names_is_called_as_in_the_form(language: Language) -> None:
    assert {field for field in FIELDS.values() if not field_label(field, Texts(language))} == set()


@pytest.mark.parametrize(
    ("text", "room", "left"), [("абв", 3, "абв"), ("абвг", 3, "аб…"), ("漢字", 3, "漢…"), ("а", 0, "")]
)
def test_what_does_not_fit_is_shortened_by_cells(text: str, room: int, left: str) -> None:
    assert shortened(text, room) == left
