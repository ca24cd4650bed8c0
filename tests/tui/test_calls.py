"""How an operator is called: the form, what it keeps, and a file that makes no sense."""

import json
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from textual.widgets import Input

from store.delivery_views import VIEWS, DeliveryView
from store.engine import Store
from store.errors import SettingsError
from store.vocabulary import Language
from tests.tui.scripted_desk import add_notice
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp
from tui.call_settings import CallSettings, load_settings, save_settings, settings_file
from tui.calls import counts_in_words
from tui.terminal import Desktop
from tui.texts import Texts
from tui.widgets.calls_form import CallsForm
from tui.widgets.form import Choices

MINE = CallSettings(("dead", "filter:Мои [b]"), ("mine",), (), Desktop.OSC99, tmux=True, every_s=60, address="a@x.org")


def test_what_is_kept_is_read_again_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "one" / "two" / "calls.json"
    assert load_settings(file) == CallSettings()
    save_settings(file, MINE)
    save_settings(file, MINE)
    assert load_settings(file) == MINE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["calls.json"]
    assert settings_file() == tmp_path / "config" / "vestnik" / "calls.json"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "[" * 99_999, '{"every_s": 0}', '{"every_s": true}', '{"kind": "osc8"}', '{"bell": 5}', "\x00"],
)
def test_a_file_that_makes_no_sense_is_told_by_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "calls.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"calls\.json"):
        load_settings(file)


def test_what_it_does_not_know_does_not_hinder(tmp_path: Path) -> None:
    file = tmp_path / "calls.json"
    file.write_text(json.dumps({"bell": ["dead", "dead"], "horn": 1}))
    assert load_settings(file) == CallSettings(bell=("dead",))
    with pytest.raises(SettingsError):
        load_settings(tmp_path)


def test_counts_are_told_in_the_language_of_the_console() -> None:
    counts = {"dead": 12, "deadline": 1, "filter:Мои": 3}
    assert counts_in_words(counts, Texts(Language.RU)) == "12 писем не ушло · 1 срок истёк · Мои: 3"
    assert counts_in_words(counts, Texts(Language.EN)) == "12 letters not sent · 1 deadline passed · Мои: 3"


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_the_form_is_filled_in_by_the_keyboard_and_holds_at_once(store: Store, language: str) -> None:
    app = ConsoleApp(store, language=language, start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: app.status)
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(app.screen, CallsForm))
        assert app.texts("calls.kind_dead") in seen(app)
        await pilot.press("space", "down", "enter")
        await pilot.press("f6")
        await until(pilot, lambda: app.texts("calls.no_terminal").split(":")[0] in seen(app))
        app.screen.query_one("#field-every_s", Input).value = "1"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.texts("problem.range", least=5, most=3600)[:20] in seen(app))
        await pilot.press("end", "0", "ctrl+s")
        await until(pilot, lambda: not isinstance(app.screen, CallsForm))
        await until(pilot, lambda: app.calls.settings.bell == ("dead", "deadline"))
        assert load_settings(app.calls.file) == app.calls.settings
        assert app.calls.settings.every_s == 10
        # What they wish for is looked for from now on.
        await until(pilot, lambda: app.calls.news is not None)
        title = app.texts("calls.form")
        await pilot.press("ctrl+p")
        await pilot.press(*title.split()[-1])
        await until(pilot, lambda: title in seen(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CallsForm))
        assert app.screen.query_one("#field-bell", Choices).words == "dead deadline"


async def test_saved_views_are_offered_and_call_by_their_names(store: Store) -> None:
    called: list[Mapping[str, int]] = []
    app = ConsoleApp(store, language="en", start_dispatcher=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.status)
        views = (DeliveryView("Fire [/b]", "fire"), DeliveryView("Nothing", "state:dead since:1m"))
        for view in views:
            store.write(lambda connection, view=view: VIEWS.save_in(connection, store, view, "test"))
        app.calls.make = lambda call, settings: called.append(call.title)
        await until(pilot, lambda: len(app.calls.filters) == len(views))
        await pilot.press("f9")
        await until(pilot, lambda: "Fire [/b]" in seen(app))
        app.screen.query_one("#field-title").focus()
        await pilot.press("end", "space", "up", "space", "ctrl+s")
        await until(pilot, lambda: app.calls.settings.title == ("filter:Fire [/b]", "filter:Nothing"))
        await until(pilot, lambda: app.calls.news)
        add_notice(store, subject="Letter", name="Somebody")
        add_notice(store, subject="Printer on fire", name="Somebody")
        await until(pilot, lambda: called == [{"filter:Fire [/b]": 1}])


async def test_settings_that_cannot_be_read_are_told_of_and_call_nobody(store: Store) -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text("{")
    app = ConsoleApp(store, start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "Настройки вызова" in seen(app))
        add_notice(store, subject="Письмо", name="Кто-то")
        assert app.calls.settings == CallSettings()
