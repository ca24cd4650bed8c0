"""People and teams: saved whole, checked, audited."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from store import tables
from store.cards import Person, Team
from store.directory import people, save_people, save_teams, teams
from store.engine import Store
from store.errors import SettingsError

ANNA = Person("Anna@Example.org", "Анна", "anna", ("b", "a", "a"), "boss@example.org")


def test_people_are_told_apart_by_their_address_whatever_its_case(store: Store) -> None:
    save_teams(store, [Team("a", "А"), Team("b", "Б", "boss@example.org")], "test")
    assert save_people(store, [ANNA], "test") == 1
    assert save_people(store, [replace(ANNA, email="anna@EXAMPLE.org", teams=("a", "b"))], "test") == 0
    assert people(store) == [replace(ANNA, email="anna@example.org", teams=("a", "b"))]
    assert save_people(store, [replace(ANNA, teams=(), login=None, active=False)], "test") == 1
    assert people(store)[0].teams == ()
    assert save_people(store, [Person("other@example.org", "Другая", "anna")], "test") == 1


def test_a_team_is_replaced_by_its_code(store: Store) -> None:
    save_teams(store, [Team("a", "А")], "test")
    assert save_teams(store, [Team("a", "Новое имя")], "анна") == 1
    assert teams(store) == [Team("a", "Новое имя")]
    with store.read() as connection:
        last = connection.execute(select(tables.audit).order_by(tables.audit.c.id.desc())).first()
    assert last is not None
    assert (last.who, last.before["name"], last.after["name"]) == ("анна", "А", "Новое имя")


@pytest.mark.parametrize(
    ("person", "path"),
    [
        (replace(ANNA, email="anna"), "email"),
        (replace(ANNA, name=" "), "name"),
        (replace(ANNA, name="А\r\nBcc: x@y.ru"), "name"),
        (replace(ANNA, name="А" * 999), "name"),
        (replace(ANNA, head="boss"), "head"),
        (replace(ANNA, teams=("nobody",)), "teams[0]"),
    ],
)
def test_one_wrong_person_and_nobody_is_saved(store: Store, person: Person, path: str) -> None:
    save_teams(store, [Team("a", "А"), Team("b", "Б")], "test")
    with pytest.raises(SettingsError) as caught:
        save_people(store, [Person("first@example.org", "Первый"), person], "test")
    assert caught.value.path == path
    assert people(store) == []
