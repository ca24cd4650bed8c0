"""The company card."""

from dataclasses import replace

import pytest
from textual.widgets import Input, TextArea

from store.engine import Store
from store.settings import company
from tests.tui.screens.sections import LANGUAGES, SIZES, press, section
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.company import CompanyScreen
from tui.widgets.company_form import CompanyForm


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_card_is_edited_and_saved(section_store: Store, language: str, size: tuple[int, int]) -> None:
    async with section(section_store, CompanyScreen, language=language, size=size) as pilot:
        await press(pilot, "e", *"Romashka")
        pilot.app.screen.query_one("#field-signature", TextArea).text = "Service desk\n+7 000"
        await press(pilot, "ctrl+s")
        assert isinstance(pilot.app.screen, CompanyScreen)
        assert company(section_store).name == "Romashka"
        assert company(section_store).signature == "Service desk\n+7 000"


async def test_hours_and_html_are_typed_and_what_is_wrong_is_said_at_the_field(section_store: Store) -> None:
    async with section(section_store, CompanyScreen) as pilot:
        await press(pilot, "e")
        form = pilot.app.screen
        form.query_one("#field-working_hours", Input).value = "пн-пт 9:00-18:00"
        form.query_one("#field-signature_html", TextArea).text = "<b>ACME"
        await press(pilot, "ctrl+s")
        assert form.query_one("#row-signature_html").has_class("-wrong")
        form.query_one("#field-signature_html", TextArea).text = "<b>ACME</b>"
        form.query_one("#field-working_hours", Input).value = "будни"
        await press(pilot, "ctrl+s")
        assert form.query_one("#row-working_hours").has_class("-wrong")
        form.query_one("#field-working_hours", Input).value = "пн-пт 9:00-18:00"
        await press(pilot, "ctrl+s")
        week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-18:00")
        saved = company(section_store)
        assert (saved.signature_html, saved.working_hours) == ("<b>ACME</b>", week)
        await press(pilot, "e", "A", "ctrl+s")  # a change of something else leaves them
        assert company(section_store) == replace(saved, name=f"A{saved.name}")


async def test_an_unknown_time_zone_is_said_at_the_field_and_nothing_is_saved(section_store: Store) -> None:
    before = company(section_store)
    async with section(section_store, CompanyScreen) as pilot:
        await press(pilot, "e", *"Romashka")
        form = pilot.app.screen
        form.query_one("#field-timezone", Input).value = "Moscow"
        await press(pilot, "ctrl+s")
        assert isinstance(form, CompanyForm)
        assert form.query_one("#row-timezone").has_class("-wrong")
        assert company(section_store) == before


@pytest.mark.parametrize(
    ("language", "typed", "shown"),
    [
        ("ru", "31.12.2026 9:00-14:00; 30.12.2026 выходной", "30.12.2026 выходной, 31.12.2026 09:00-14:00"),
        ("en", "2026-12-31 9:00-14:00, 2026-12-30 off", "2026-12-30 off, 2026-12-31 09:00-14:00"),
    ],
)
async def test_holidays_and_special_days_are_typed_and_shown(
    section_store: Store, language: str, typed: str, shown: str
) -> None:
    async with section(section_store, CompanyScreen, language=language, size=(120, 40)) as pilot:
        await press(pilot, "e")
        form = pilot.app.screen
        form.query_one("#field-holidays", Input).value = "XX"
        await press(pilot, "ctrl+s")
        assert form.query_one("#row-holidays").has_class("-wrong")
        form.query_one("#field-holidays", Input).value = "ru"
        for wrong in ("31.02.2026 off", "31.12.2026", "31.12.2026 14:00-09:00", "2026-12-31 off, 31.12.2026 off"):
            form.query_one("#field-special_days", Input).value = wrong
            await press(pilot, "ctrl+s")
            assert form.query_one("#row-special_days").has_class("-wrong"), wrong
        form.query_one("#field-special_days", Input).value = typed
        await press(pilot, "ctrl+s")
        saved = company(section_store)
        assert saved.holidays == "RU"
        assert saved.special_days == {"2026-12-30": "off", "2026-12-31": "09:00-14:00"}
        await until(pilot, lambda: shown in seen(pilot.app) and "RU; " in seen(pilot.app))
        await press(pilot, "e", "A", "ctrl+s")  # a change of something else leaves them
        assert company(section_store) == replace(saved, name=f"A{saved.name}")
