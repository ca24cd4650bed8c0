"""The forms of a person and of a team."""

import re
from dataclasses import replace

from store.cards import Person, Team
from store.directory import change_person, rename_team, save_teams
from store.people_search import address_of
from store.vocabulary import Language
from tui.operator import operator
from tui.widgets.form import Field, Form, Say, Value, choice_field, flag_field, text_field

_BETWEEN = re.compile(r"[,;\s]+")


class PersonForm(Form):
    """Edits somebody; `before` is the address they have, empty for a new one."""

    def __init__(self, say: Say, card: Person, *, before: str = "") -> None:
        super().__init__(say, card.name or say("people.new_person"))
        self.card = card
        self._email = before

    def fields(self) -> list[Field]:
        card, say = self.card, self.say
        languages = [("", say("people.language_company"))]
        languages += [(one.value, say(f"company.language_{one.value}")) for one in Language]
        return [
            text_field("email", say("people.field_email"), card.email, hint="ivanov@example.ru"),
            text_field("name", say("people.field_name"), card.name),
            text_field("login", say("people.field_login"), card.login or ""),
            text_field("teams", say("people.field_teams"), ", ".join(card.teams), hint=say("people.teams_hint")),
            text_field("head", say("people.field_head"), card.head or "", hint=say("people.head_hint")),
            choice_field(
                "language",
                say("people.field_language"),
                card.language.value if card.language else "",
                [(text, key) for key, text in languages],
            ),
            flag_field("active", say("people.field_active"), card.active, say),
        ]

    def save(self, values: dict[str, Value]) -> None:
        language = str(values["language"])
        person = replace(
            self.card,
            email=str(values["email"]),
            name=str(values["name"]),
            login=str(values["login"]) or None,
            teams=tuple(word for word in _BETWEEN.split(str(values["teams"])) if word),
            head=address_of(self.store, str(values["head"]), "head"),
            language=Language(language) if language else None,
            active=values["active"] is True,
        )
        change_person(self.store, self._email or person.email, person, operator())


class TeamForm(Form):
    """Edits a team; `before` is the code it has, empty for a new one."""

    def __init__(self, say: Say, card: Team, *, before: str = "") -> None:
        super().__init__(say, card.name or say("people.new_team"))
        self.card = card
        self._code = before

    def fields(self) -> list[Field]:
        card, say = self.card, self.say
        return [
            text_field("code", say("people.field_code"), card.code, hint=say("people.code_hint")),
            text_field("name", say("people.field_team"), card.name),
            text_field("leader", say("people.field_leader"), card.leader or "", hint=say("people.head_hint")),
        ]

    def save(self, values: dict[str, Value]) -> None:
        leader = address_of(self.store, str(values["leader"]), "leader")
        team = Team(str(values["code"]), str(values["name"]), leader)
        if self._code:
            rename_team(self.store, self._code, team, operator())
        else:
            save_teams(self.store, [team], operator())
