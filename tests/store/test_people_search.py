"""Finding people: whatever the case, page by page."""

import pytest

from store.cards import Person, Team
from store.directory import save_people, save_teams
from store.engine import Store
from store.people_search import Wanted, count, find_teams, page


@pytest.fixture
def store(store: Store) -> Store:
    save_teams(store, [Team("net", "Сетевики", "o@example.org"), Team("apps", "Ёлки")], "test")
    everybody = [
        Person("o@example.org", "ОРЛОВА Анна", "anna", ("net",)),
        Person("k@example.org", "Королёв Пётр", "Petr_K", ("net", "apps")),
        Person("a%b@example.org", "Абрамов Иван", active=False),
        Person("m@example.org", "Miller James", "jmiller"),
    ]
    save_people(store, everybody, "test")
    return store


def found(store: Store, text: str = "", **more: object) -> list[str]:
    return [one.person.name for one in page(store, Wanted(text, **more))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("орлова", ["ОРЛОВА Анна"]),
        ("АННА орл", ["ОРЛОВА Анна"]),
        ("королев", ["Королёв Пётр"]),
        ("КОРОЛЁВ", ["Королёв Пётр"]),
        ("petr_k", ["Королёв Пётр"]),
        ("petrxk", []),
        ("a%b", ["Абрамов Иван"]),
        ("%", ["Абрамов Иван"]),
        ("JMILL", ["Miller James"]),
        ("example.org", ["Miller James", "Абрамов Иван", "Королёв Пётр", "ОРЛОВА Анна"]),
        ("", ["Miller James", "Абрамов Иван", "Королёв Пётр", "ОРЛОВА Анна"]),
    ],
)
def test_words_are_found_in_name_address_and_login_whatever_their_case(
    store: Store, text: str, names: list[str]
) -> None:
    assert found(store, text) == names
    assert count(store, Wanted(text)) == len(names)


def test_people_are_found_by_team_and_by_whether_they_are_active(store: Store) -> None:
    assert found(store, team="apps") == ["Королёв Пётр"]
    assert found(store, active=False) == ["Абрамов Иван"]
    assert count(store, Wanted(team="net", active=True)) == 2


def test_pages_follow_one_another_without_gap_or_double(store: Store) -> None:
    save_people(store, [Person(f"u{n}@example.org", "Одно Имя") for n in range(25)], "test")
    read: list[str] = []
    after = None
    while rows := page(store, Wanted(), after=after, limit=4):
        read += [one.person.email for one in rows]
        after = rows[-1].place
    assert len(read) == len(set(read)) == 29


def test_teams_are_found_with_their_size(store: Store) -> None:
    assert [(line.team.code, line.members) for line in find_teams(store)] == [("apps", 1), ("net", 2)]
    assert [line.team.code for line in find_teams(store, "ЕЛКИ")] == ["apps"]
    assert [line.team.code for line in find_teams(store, "o@ex")] == ["net"]
