"""The company card: name, signature of the letters, language and time zone."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from zoneinfo import ZoneInfo

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button

from store.calendar import next_holiday
from store.cards import Company
from store.errors import StoreError
from store.settings import company
from tui.screens.base import SectionScreen
from tui.spoken import binding
from tui.widgets.card_view import CardView, Line
from tui.widgets.company_form import CompanyForm
from tui.widgets.hours_words import hours_in_words
from tui.widgets.special_days_words import day_in_words, days_in_words


class CompanyScreen(SectionScreen):
    """Shows the company card; `e` edits it."""

    SECTION = "company"
    DEFAULT_CSS = """
    CompanyScreen #company-page { padding: 1; }
    CompanyScreen #company-page > Button { margin: 0 0 1 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("e", "edit", "company.edit"),
        binding("h", "history", "company.history"),
    ]

    @dataclass
    class Loaded(Message):
        """The card was read."""

        card: Company
        holiday: tuple[date, str] | None

    def compose_content(self) -> ComposeResult:
        with VerticalScroll(id="company-page", can_focus=False):
            yield Button(Content(self.say("company.edit")), id="company-edit", compact=True)
            yield CardView((), id="company-card")

    def on_mount(self) -> None:
        self._card: Company | None = None
        self.query_one("#company-edit").focus()
        self.follow_settings(self.reload)

    def on_screen_resume(self) -> None:
        self.reload()

    def reload(self) -> None:
        """Read the card, in a thread."""
        self.run_worker(self._load, group="company", exclusive=True, thread=True, exit_on_error=False)

    def _load(self) -> None:
        try:
            card = company(self.store)
            today = self.console.clock().astimezone(ZoneInfo(card.timezone)).date()
            holiday = next_holiday(card.holidays, today, self.console.texts.language.value)
            self.post_message(self.Loaded(card, holiday))
        except StoreError as error:
            self.notify(str(error), severity="error", markup=False)

    @on(Loaded)
    async def _show(self, event: Loaded) -> None:
        self._card = event.card
        await self.query_one(CardView).show(self._lines(event.card, event.holiday))

    def _lines(self, card: Company, holiday: tuple[date, str] | None) -> list[Line]:
        say = self.say
        hours = hours_in_words(card.working_hours, say) or say("company.working_hours_none")
        days = days_in_words(card.special_days, say) or say("company.special_days_none")
        return [
            (say("company.name"), card.name, ""),
            (say("company.signature"), card.signature, ""),
            (say("company.signature_html"), card.signature_html or say("company.signature_html_none"), ""),
            (say("company.notify_unregistered"), say("mail.yes" if card.notify_unregistered else "mail.no"), ""),
            (say("company.language"), say(f"company.language_{card.language.value}"), ""),
            (say("company.timezone"), card.timezone, ""),
            (say("company.working_hours"), hours, ""),
            (say("company.holidays"), self._holidays(card.holidays, holiday), ""),
            (say("company.special_days"), days, ""),
        ]

    def _holidays(self, country: str, holiday: tuple[date, str] | None) -> str:
        if holiday is None:
            return country or self.say("company.holidays_none")
        day, name = holiday
        return self.say("company.holidays_next", country=country, day=day_in_words(day, self.say), name=name)

    @on(Button.Pressed, "#company-edit")
    def action_edit(self) -> None:
        """Open the form."""
        if self._card is not None:
            self.app.push_screen(CompanyForm(self.say, self._card), self._after_form)

    def action_history(self) -> None:
        """Show who changed the card when."""
        self.console.open_history("company")

    def _after_form(self, saved: bool | None) -> None:
        if saved:
            self.notify(self.say("mail.saved"), markup=False)
        self.reload()
