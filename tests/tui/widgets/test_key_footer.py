"""The line of keys follows what is in front, and is left alone when nothing in it would be another."""

from textual.widgets import Input

from store.engine import Store
from tests.tui.screens.sections import press, settle
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp


async def test_keys_are_made_again_only_when_they_are_others(store: Store) -> None:
    app = ConsoleApp(store, language="en", start_dispatcher=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "2")
        await until(pilot, lambda: app.screen.query("FooterKey"))
        await settle(pilot)
        keys = list(app.screen.query("FooterKey"))
        app.screen.refresh_bindings()
        await settle(pilot)
        assert list(app.screen.query("FooterKey")) == keys
        assert "? Help" in seen(app).splitlines()[-1]

        await press(pilot, "slash")
        assert isinstance(app.focused, Input)
        await until(pilot, lambda: "f1 Help" in seen(app).splitlines()[-1])
        assert list(app.screen.query("FooterKey")) != keys
