"""The form of the company card."""

from store.cards import Company
from store.settings import save_company
from store.vocabulary import Language
from tui.operator import operator
from tui.widgets.form import Field, Form, Say, Value, area_field, choice_field, flag_field, text_field


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
            flag_field("notify_unregistered", say("company.notify_unregistered"), card.notify_unregistered, say),
            choice_field("language", say("company.language"), card.language.value, languages),
            text_field("timezone", say("company.timezone"), card.timezone, hint="Europe/Moscow"),
        ]

    def save(self, values: dict[str, Value]) -> None:
        card = Company(
            name=str(values["name"]),
            signature=str(values["signature"]),
            notify_unregistered=values["notify_unregistered"] is True,
            language=Language(str(values["language"])),
            timezone=str(values["timezone"]),
        )
        save_company(self.store, card, operator())
