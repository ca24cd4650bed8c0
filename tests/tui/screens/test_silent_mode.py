"""Silent mode on its tab: switched on, seen on every screen, switched off with a word about what it held."""

from datetime import UTC, datetime

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Select, TextArea

from store import outbox
from store.engine import Store
from store.settings import silent_mode
from store.silence import read_silence
from store.vocabulary import DeliveryState, SilentState
from tests.tui.waiting import until
from tui.app import ConsoleApp
from tui.widgets.silent_form import SilentForm
from tui.widgets.silent_pane import SilentPane
from tui.widgets.statusbar import StatusBar

SIZES = [(80, 24), (120, 40)]


async def open_form(pilot: "Pilot[None]", app: ConsoleApp) -> SilentForm:
    """By keys: section 5, the third tab, edit."""
    await pilot.press("5")
    await until(pilot, lambda: app.screen.query(SilentPane))
    await pilot.press("right_square_bracket", "right_square_bracket")
    await until(pilot, lambda: app.screen.query_one(SilentPane)._silence)
    await pilot.press("e")
    await until(pilot, lambda: isinstance(app.screen, SilentForm) and app.screen.query("#field-state"))
    assert isinstance(app.screen, SilentForm)
    return app.screen


async def save(pilot: "Pilot[None]", app: ConsoleApp) -> None:
    await pilot.press("ctrl+s")
    await until(pilot, lambda: not isinstance(app.screen, SilentForm))


def choose(form: SilentForm, name: str, value: str) -> None:
    form.query_one(f"#field-{name}", Select).value = value


@pytest.mark.parametrize("size", SIZES)
async def test_it_is_switched_on_until_a_time_with_exceptions(store: Store, size: tuple[int, int]) -> None:
    app = ConsoleApp(store, language="ru", start_dispatcher=False)
    async with app.run_test(size=size, notifications=True) as pilot:
        form = await open_form(pilot, app)
        assert not form.field("exceptions").display
        choose(form, "state", "exceptions")
        await until(pilot, lambda: form.field("exceptions").display)
        form.query_one("#field-exceptions", TextArea).text = "boss@example.org\nexample.com"
        form.query_one("#field-until", Input).value = "31.12.2026 18:00"
        await save(pilot, app)
        mode = silent_mode(store)
        assert mode.state is SilentState.EXCEPTIONS
        assert mode.exceptions == ("boss@example.org", "example.com")
        assert mode.until == datetime(2026, 12, 31, 15, 0, tzinfo=UTC)  # Moscow is three hours ahead
        await until(pilot, lambda: "тихий режим" in str(app.screen.query_one(StatusBar).content))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [("until", "завтра", "не дата и время"), ("exceptions", "boss@@x", "не адрес и не домен")],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_saved(
    store: Store, name: str, value: str, problem: str
) -> None:
    app = ConsoleApp(store, language="ru", start_dispatcher=False)
    async with app.run_test(size=(80, 24)) as pilot:
        form = await open_form(pilot, app)
        choose(form, "state", "exceptions")
        await pilot.pause()
        if name == "until":
            form.query_one("#field-until", Input).value = value
        else:
            form.query_one("#field-exceptions", TextArea).text = value
        await pilot.press("ctrl+s")
        await until(pilot, lambda: problem in str(form.query_one(f"#problem-{name}").render()))
        assert silent_mode(store).state is SilentState.OFF


@pytest.mark.parametrize("fate", ["send", "cancel"])
async def test_what_it_held_is_sent_or_cancelled_when_it_is_switched_off(store: Store, fate: str) -> None:
    held = [row.id for row in outbox.page(store, state=DeliveryState.HELD)]
    app = ConsoleApp(store, language="ru", start_dispatcher=False)
    async with app.run_test(size=(80, 24)) as pilot:
        form = await open_form(pilot, app)
        assert form.field("held").display
        choose(form, "held", fate)
        await save(pilot, app)
        # Letters that are to be sent are released by the dispatcher; here is none.
        state = DeliveryState.CANCELLED if fate == "cancel" else DeliveryState.HELD
        rows = outbox.page(store, state=state)
        assert set(held) <= {row.id for row in rows}
        assert read_silence(store).held == (0 if fate == "cancel" else len(held))
