"""People and teams: saved whole, checked, audited."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from store import tables
from store.cards import Person, Team
from store.directory import (
    Ties,
    delete_person,
    delete_team,
    members,
    people,
    rename_team,
    save_people,
    save_teams,
    teams,
    ties,
)
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


def _last(store: Store) -> tuple[str, object, object]:
    with store.read() as connection:
        row = connection.execute(select(tables.audit).order_by(tables.audit.c.id.desc())).first()
    assert row is not None
    return row.what, row.before, row.after


def test_a_person_is_deleted_with_their_memberships_and_the_audit_knows_who_it_was(store: Store) -> None:
    save_teams(store, [Team("a", "А"), Team("b", "Б")], "test")
    save_people(store, [ANNA], "test")
    assert delete_person(store, "ANNA@example.org", "test")
    assert (people(store), members(store, "a")) == ([], 0)
    what, before, after = _last(store)
    assert (what, after) == ("person:anna@example.org", None)
    assert isinstance(before, dict)
    assert before["teams"] == ["a", "b"]
    assert not delete_person(store, "anna@example.org", "test")


def test_what_others_have_to_do_with_somebody_is_told(store: Store) -> None:
    save_teams(store, [Team("a", "А", "Boss@Example.org"), Team("b", "Б", "boss@example.org")], "test")
    save_people(store, [ANNA, Person("x@example.org", "X", head="BOSS@example.org", active=False)], "test")
    assert ties(store, "boss@example.org") == Ties(("a", "b"), 1)
    assert not ties(store, "anna@example.org")


def test_a_login_belongs_to_one_person_whatever_its_case(store: Store) -> None:
    save_people(store, [Person("x@example.org", "X", "АЛЁНА")], "test")
    with pytest.raises(SettingsError, match=r"is the login of x@example\.org") as caught:
        save_people(store, [Person("y@example.org", "Y", "алёна")], "test")
    assert caught.value.key == "login_taken"
    assert save_people(store, [Person("y@example.org", "Y", "алена")], "test") == 1


def test_a_team_gets_another_code_and_keeps_its_members(store: Store) -> None:
    save_teams(store, [Team("a", "А"), Team("b", "Б")], "test")
    save_people(store, [ANNA], "test")
    assert rename_team(store, "a", Team("c", "Новая"), "test")
    assert people(store)[0].teams == ("b", "c")
    assert _last(store)[:2] == ("team:a", {"code": "a", "name": "А", "leader": None})
    with pytest.raises(SettingsError, match="already"):
        rename_team(store, "c", Team("b", "Б"), "test")
    assert rename_team(store, "c", Team("c", "Ещё новее"), "test")
    assert teams(store) == [Team("b", "Б"), Team("c", "Ещё новее")]


def test_a_deleted_team_leaves_its_members(store: Store) -> None:
    save_teams(store, [Team("a", "А"), Team("b", "Б")], "test")
    save_people(store, [ANNA], "test")
    assert delete_team(store, "a", "test")
    assert (people(store)[0].teams, members(store, "a")) == (("b",), 0)
    assert _last(store)[2] is None
    assert not delete_team(store, "a", "test")
