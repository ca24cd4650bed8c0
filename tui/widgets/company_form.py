"""The form of the company card."""

from dataclasses import replace

from store.cards import Company
from store.settings import save_company
from store.vocabulary import Language
from tui.operator import operator
from tui.widgets.form import Field, Form, Say, Value, area_field, choice_field, flag_field, text_field
from tui.widgets.hours_words import hours_from_words, hours_in_words
from tui.widgets.special_days_words import days_from_words, days_in_words


class CompanyForm(Form):
    """Edits the company card."""

    def __init__(self, say: Say, card: Company) -> None:
        super().__init__(say, say("company.title"))
        self.card = card

    def fields(self) -> list[Field]:
        card, say = self.card, self.say
        languages = [(say(f"company.language_{language.value}"), language.value) for language in Language]
        return [
            text_field("name", say("company.name"), card.name),
            area_field("signature", say("company.signature"), card.signature),
            area_field("signature_html", say("company.signature_html"), card.signature_html),
            flag_field("notify_unregistered", say("company.notify_unregistered"), card.notify_unregistered, say),
            choice_field("language", say("company.language"), card.language.value, languages),
            text_field("timezone", say("company.timezone"), card.timezone, hint="Europe/Moscow"),
            text_field(
                "working_hours",
                say("company.working_hours"),
                hours_in_words(card.working_hours, say),
                hint=say("company.working_hours_hint"),
            ),
            text_field("holidays", say("company.holidays"), card.holidays, hint=say("company.holidays_hint")),
            text_field(
                "special_days",
                say("company.special_days"),
                days_in_words(card.special_days, say),
                hint=say("company.special_days_hint"),
            ),
        ]

    def save(self, values: dict[str, Value]) -> None:
        card = replace(
            self.card,
            name=str(values["name"]),
            signature=str(values["signature"]),
            signature_html=str(values["signature_html"]),
            notify_unregistered=values["notify_unregistered"] is True,
            language=Language(str(values["language"])),
            timezone=str(values["timezone"]),
            working_hours=hours_from_words(str(values["working_hours"])),
            holidays=_country(str(values["holidays"])),
            special_days=days_from_words(str(values["special_days"])),
        )
        save_company(self.store, card, operator())


def _country(typed: str) -> str:
    """`ru` is meant as `RU`; parts of a country may have small letters of their own (`DE-Augsburg`)."""
    return typed.upper() if typed.islower() else typed
