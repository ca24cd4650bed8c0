"""What CONTRIBUTING tells testers: the pilot test it shows runs as it stands there, and the ids are all there are."""

import re
from collections.abc import Callable
from pathlib import Path

from store.engine import Store
from store.vocabulary import DeliveryState
from tests.tui.scripted_desk import add_notice
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui import ConsoleApp
from tui.screens.delivery import DeliveryScreen
from tui.widgets.live_pane import LivePane


async def test_an_operator_reads_on_while_others_arrive_and_opens_what_died(desk_of: Callable[[int], Store]) -> None:
    store = desk_of(3_000)
    app = ConsoleApp(store, language="en", start_dispatcher=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        pane = app.screen.query_one("#live-pane", LivePane)
        await until(pilot, lambda: pane.rows)
        await pilot.press("pagedown")  # away from where they arrive: nothing moves any more
        here = pane.current
        add_notice(store, subject="Printer on fire", name="Olga")
        await until(pilot, lambda: "1 new" in seen(app))
        assert pane.current == here
        await pilot.press("space")  # follow again
        await until(pilot, lambda: pane.rows[0].subject == "Printer on fire")
        await pilot.press("slash", *"state:dead", "enter")
        await until(pilot, lambda: {row.state for row in pane.rows} == {DeliveryState.DEAD})
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DeliveryScreen))


ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
SOURCES = [path.read_text("utf-8") for path in sorted((ROOT / "tui").rglob("*.py"))]


def test_it_is_what_contributing_shows() -> None:
    shown = CONTRIBUTING.split("```python\n")[1].split("```")[0]
    assert shown.strip() in Path(__file__).read_text("utf-8")


def test_the_ids_are_those_of_the_code() -> None:
    documented = {re.sub(r"<[^>]+>", "…", name) for name in re.findall(r"`#([a-z<>-]+)`", CONTRIBUTING)}
    code = {re.sub(r"\{[^}]+\}", "…", name) for text in SOURCES for name in re.findall(r'\bid=f?"([^"]+)"', text)}
    assert code - documented == set()
    # Some are put together, or given when a widget is made.
    others = {name for name in documented - code if not any(name.replace("…", "") in text for text in SOURCES)}
    assert others == set()
