"""What tests read off the screen is what the screenshot shows."""

import html
import re

import pytest

from store.engine import Store
from tests.tui.screens.sections import settle
from tests.tui.scripted_desk import add_notice
from tests.tui.what_is_seen import seen
from tui.app import ConsoleApp

_TEXT = re.compile(r'<text class="[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', re.DOTALL)


def drawn(app: ConsoleApp) -> str:
    """The text of the screenshot, a line for each row."""
    rows: dict[float, list[tuple[float, str]]] = {}
    for x, y, text in _TEXT.findall(app.export_screenshot(simplify=True)):
        rows.setdefault(float(y), []).append((float(x), html.unescape(text).rstrip("\n")))
    lines = ("".join(text for _, text in sorted(row)) for _, row in sorted(rows.items()))
    return "\n".join(lines).replace("\u00a0", " ")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_it_is_the_text_of_the_screenshot(store: Store, size: tuple[int, int]) -> None:
    add_notice(store, subject="<b> & [INC-5] \u00a0 漢字 «»", name="Olga & Co", text="<script>")
    app = ConsoleApp(store, start_dispatcher=False)
    async with app.run_test(size=size, notifications=True) as pilot:
        # Lists, a chart, a form, and a question with the screen behind it showing through.
        for keys in (["1"], ["b"], ["5", "e"], ["escape", "d"]):
            await pilot.press(*keys)
            await settle(pilot)
            assert len(text := seen(app)) > 200
            assert text == drawn(app)
