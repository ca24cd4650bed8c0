"""From roles to people."""

from typing import Any

import pytest

from dispatch.cloudevents import parse_event
from dispatch.directory import Directory
from dispatch.roles import people_in_role
from store.cards import Person, Team
from store.catalogue.standard import STANDARD
from store.events import as_stored
from store.vocabulary import Role
from tests.desk import event

PEOPLE = (
    Person("ivanov@example.org", "Иван Иванов", "ivanov", ("net",), "boss@example.org"),
    Person("petrov@example.org", "Пётр Петров", "petrov", ("net",)),
    Person("gone@example.org", "Ушёл", "gone", ("net",), active=False),
    Person("boss@example.org", "Анна Главная", "boss"),
)
DIRECTORY = Directory(PEOPLE, (Team("net", "Сетевики", "petrov@example.org"), Team("empty", "Пусто")))
CHANGES = {"responsible": {"from": "petrov"}}
PARENT = {"id": "1", "responsible": "BOSS"}
COMMENT = {"text": "x", "mentions": ["petrov", "stranger"], "chosen": ["boss@example.org"]}


def _holders(role: Role, **fields: Any) -> list[str]:
    document = event(changes=CHANGES, comment=COMMENT, parent=PARENT, **fields)
    stored = as_stored(parse_event(document), None)
    return [known.email or known.name for known in people_in_role(role, stored, DIRECTORY, STANDARD[0])]


@pytest.mark.parametrize(
    ("role", "fields", "expected"),
    [
        (Role.CLIENT, {}, ["olga@example.org"]),
        (Role.AUTHOR, {}, []),
        (Role.AUTHOR, {"author": "IVANOV"}, ["ivanov@example.org"]),
        (Role.AUTHOR, {"author": {"email": "", "name": "Робот"}}, ["Робот"]),
        (Role.RESPONSIBLE, {}, ["ivanov@example.org"]),
        (Role.RESPONSIBLE_TEAM, {}, ["ivanov@example.org", "petrov@example.org"]),
        (Role.RESPONSIBLE_TEAM, {"team": "nobody"}, []),
        (Role.TEAM_LEADER, {}, ["petrov@example.org"]),
        (Role.TEAM_LEADER, {"team": "empty"}, []),
        (Role.TEAM_LEADER, {"team": "nobody"}, []),
        (Role.RESPONSIBLE_TEAM_LEADER, {"team": "empty"}, ["petrov@example.org"]),
        (Role.RESPONSIBLE_TEAM_LEADER, {"responsible": "stranger@example.org"}, []),
        (Role.HEAD, {}, ["boss@example.org"]),
        (Role.HEAD, {"responsible": "petrov"}, []),
        (Role.PREVIOUS_RESPONSIBLE, {}, ["petrov@example.org"]),
        (Role.OBSERVERS, {"observers": ["boss", "", "x@y.ru"]}, ["boss@example.org", "x@y.ru"]),
        (Role.SUBSCRIBERS, {"subscribers": "boss"}, ["boss@example.org"]),
        (Role.APPROVERS, {"approvers": ["boss", "petrov"], "voted": ["petrov@example.org"]}, ["boss@example.org"]),
        (Role.MENTIONED, {}, ["petrov@example.org", "stranger"]),
        (Role.CHOSEN, {}, ["boss@example.org"]),
        (Role.PARENT_RESPONSIBLE, {}, ["boss@example.org"]),
        (Role.FIXED, {}, []),
    ],
)
def test_who_holds_a_role(role: Role, fields: dict[str, Any], expected: list[str]) -> None:
    assert _holders(role, **fields) == expected


def test_who_still_is_responsible_is_not_the_previous_one() -> None:
    assert _holders(Role.PREVIOUS_RESPONSIBLE, responsible="PETROV@example.org") == []
    assert _holders(Role.PREVIOUS_RESPONSIBLE, responsible=None) == ["petrov@example.org"]
