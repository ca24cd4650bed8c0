"""The style sheet: what was read of it is not read again."""

from store.engine import Store
from tui.app import ConsoleApp

MANY = 200


async def test_a_new_kind_of_widget_has_only_its_own_part_read(store: Store) -> None:
    app = ConsoleApp(store, start_dispatcher=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        sheet = app.stylesheet
        for number in range(MANY):
            sheet.add_source(f"Kind{number} {{ color: $text; }}", ("kinds", str(number)), is_default_css=True)
        sheet.parse()
        before = sheet._parse_cache.misses
        sheet.add_source("Another { color: $text; }", ("kinds", "another"), is_default_css=True)
        sheet.parse()
        assert sheet._parse_cache.misses == before + 1
