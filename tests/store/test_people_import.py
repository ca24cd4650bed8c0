"""Importing people: what becomes of each line, and all of it in one transaction."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from store import tables
from store.audit import settings_revision
from store.cards import Person, Team
from store.directory import people, save_people, save_teams, teams
from store.engine import Store
from store.errors import SettingsError
from store.people_csv import read_sheet
from store.people_import import Options, Prepared, Preview, carry_out, prepare
from store.people_search import Wanted, page
from store.vocabulary import Language

ANNA = Person("anna@example.org", "Анна Орлова", "anna", ("net",), "boss@example.org", Language.RU)
BOSS = Person("boss@example.org", "Борис Босс", "boss")


@pytest.fixture
def store(store: Store) -> Store:
    save_teams(store, [Team("net", "Сетевики"), Team("apps", "Прикладные системы")], "test")
    save_people(store, [ANNA, BOSS], "test")
    return store


def prepared(store: Store, text: str, options: Options | None = None) -> Prepared:
    return prepare(store, read_sheet(text.encode()), options or Options())


def imported(store: Store, text: str, options: Options | None = None) -> Preview:
    return carry_out(store, prepared(store, text, options), "test")


def refusals(preview: Preview) -> list[tuple[int, str, str]]:
    return [(one.line, one.problem.path, one.problem.key) for one in preview.entries if one.problem]


def test_each_line_is_added_changed_unchanged_or_refused(store: Store) -> None:
    found = prepared(
        store,
        "email;name;login;teams;active\n"
        "new@example.org;Новый;new;apps;да\n"
        "ANNA@example.org;Анна Котова;anna;net, Прикладные системы;нет\n"
        "boss@example.org;Борис Босс;boss;;да\n"
        "no address;Кто;who;;да\n",
    ).preview
    assert found.counts == {"added": 1, "changed": 1, "unchanged": 1, "refused": 1, "deactivated": 0}
    changed = found.entries[1]
    assert [(one.field, one.before, one.after) for one in changed.changes] == [
        ("name", "Анна Орлова", "Анна Котова"),
        ("teams", "net", "apps, net"),
        ("active", "yes", "no"),
    ]
    assert refusals(found) == [(5, "email", "address")]
    assert people(store) == [ANNA, BOSS], "nothing is saved before it is agreed to"


def test_what_was_agreed_to_is_saved_and_found(store: Store) -> None:
    text = (
        "почта;фио;логин;команды;руководитель;язык;активен\nnew@example.org;Ёлкина Новая;new;НЕТ;Борис Босс;англ;нет\n"
    )
    done = imported(store, text.replace("НЕТ", "NET") + "anna@example.org;Анна Орлова;anna;apps;boss;русский;1\n")
    assert done.counts["added"] == done.counts["changed"] == 1
    new = Person("new@example.org", "Ёлкина Новая", "new", ("net",), "boss@example.org", Language.EN, active=False)
    assert people(store) == [replace(ANNA, teams=("apps",)), BOSS, new]
    assert [one.person for one in page(store, Wanted("елкина"))] == [new]
    assert imported(store, text.replace("НЕТ", "NET")).counts["unchanged"] == 1


def test_a_column_not_given_leaves_and_an_empty_cell_empties(store: Store) -> None:
    imported(store, "email;login;head\nanna@example.org;;\n")
    assert people(store)[0] == replace(ANNA, login=None, head=None)


@pytest.mark.parametrize(
    ("line", "path", "key"),
    [
        ("x@example.org;;x;;;;", "name", "required"),
        ("x@example.org;X\u202eY;x;;;;", "name", "control"),
        ('x@example.org;"X\nY";x;;;;', "name", "control"),
        ("x@example.org;X;x;sales;;;", "teams[0]", "no_team"),
        ("x@example.org;X;anna;;;;", "login", "login_taken"),
        ("x@example.org;X;x;;nobody;;", "head", "csv_head"),
        ("x@example.org;X;x;;a@@b;;", "head", "address"),
        ("x@example.org;X;x;;;klingon;", "language", "csv_language"),
        ("x@example.org;X;x;;;;perhaps", "active", "csv_truth"),
        ("x@example.org, y@example.org;X;x;;;;", "email", "address"),
    ],
)
def test_a_wrong_field_refuses_its_line_only(store: Store, line: str, path: str, key: str) -> None:
    head = "email;name;login;teams;head;language;active\n"
    done = imported(store, f"{head}{line}\nok@example.org;Good;ok;;;;\n")
    assert refusals(done) == [(2, path, key)]
    assert "ok@example.org" in {one.email for one in people(store)}


def test_a_double_is_refused_with_both_lines(store: Store) -> None:
    done = imported(store, "email;name\nx@example.org;X\nX@EXAMPLE.org;Y\n")
    (refused,) = [one for one in done.entries if one.problem]
    assert refused.problem is not None
    assert (refused.line, refused.problem.params["first"], refused.problem.params["second"]) == (3, 2, 3)
    assert "line 2" in refused.problem.problem
    assert "line 3" in refused.problem.problem


def test_logins_may_be_swapped_but_not_shared(store: Store) -> None:
    imported(store, "email;login\nanna@example.org;boss\nboss@example.org;anna\n")
    assert [one.login for one in people(store)] == ["boss", "anna"]
    done = imported(store, "email;name;login\nx@example.org;X;same\ny@example.org;Y;SAME\n")
    assert refusals(done) == [(3, "login", "csv_login_twice")]


def test_whoever_is_refused_keeps_their_login(store: Store) -> None:
    done = imported(store, "email;name;login;language\nx@example.org;X;anna;\nanna@example.org;Анна;new;klingon\n")
    assert refusals(done) == [(2, "login", "login_taken"), (3, "language", "csv_language")]
    assert people(store) == [ANNA, BOSS]


def test_a_head_whose_name_two_people_have_is_refused(store: Store) -> None:
    done = imported(store, "email;name;head\nx@example.org;Борис Босс;\ny@example.org;Y;Борис Босс\n")
    assert refusals(done) == [(3, "head", "csv_head_unclear")]


def test_teams_nobody_knows_are_added_when_told(store: Store) -> None:
    text = "email;name;teams\nx@example.org;X;Новая команда\n"
    assert refusals(prepared(store, text).preview) == [(2, "teams[0]", "no_team")]
    assert imported(store, text, Options(add_teams=True)).new_teams == ("Новая команда",)
    assert Team("Новая команда", "Новая команда") in teams(store)
    assert people(store)[-1].teams == ("Новая команда",)


def test_who_is_missing_stays_unless_told_otherwise(store: Store) -> None:
    text = "email;name\nx@example.org;X\nboss@example.org;\n"
    assert imported(store, text).missing == 1
    assert people(store)[0].active
    done = imported(store, text, Options(deactivate_missing=True))
    assert [(one.kind, one.email) for one in done.entries if one.kind == "deactivated"] == [
        ("deactivated", "anna@example.org")
    ]
    assert people(store)[0] == replace(ANNA, active=False)


def test_a_refused_line_is_not_missing_and_an_unreadable_one_stops_the_deactivation(store: Store) -> None:
    options = Options(deactivate_missing=True)
    refused = "email;name;language\nanna@example.org;Анна;klingon\nboss@example.org;Борис Босс;\n"
    assert imported(store, refused, options).counts["deactivated"] == 0
    with pytest.raises(SettingsError, match="1 lines have no readable address"):
        prepared(store, "email;name\nanna;Анна\nboss@example.org;Борис\n", options)


def test_an_import_is_audited_person_by_person_and_counts_as_one_change(store: Store) -> None:
    before = settings_revision(store)
    imported(store, "email;name\nx@example.org;X\ny@example.org;Y\nanna@example.org;Котова\n")
    assert settings_revision(store) == before + 1
    audit = tables.audit
    with store.read() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.id.desc()).limit(3)).all()
    found = {row.what: (row.who, row.before and row.before["name"], row.after["name"]) for row in rows}
    assert found == {
        "person:x@example.org": ("test", None, "X"),
        "person:y@example.org": ("test", None, "Y"),
        "person:anna@example.org": ("test", "Анна Орлова", "Котова"),
    }


def test_an_import_of_what_has_changed_since_is_refused_whole(store: Store) -> None:
    waiting = prepared(store, "email;name\nanna@example.org;Котова\n")
    save_people(store, [replace(ANNA, name="Белова")], "somebody")
    with pytest.raises(SettingsError, match="very moment"):
        carry_out(store, waiting, "test")
    assert people(store)[0].name == "Белова"


def test_another_change_meanwhile_does_not_matter(store: Store) -> None:
    waiting = prepared(store, "email;name\nanna@example.org;Котова\n")
    save_teams(store, [Team("new", "N")], "somebody")
    carry_out(store, waiting, "test")
    assert people(store)[0].name == "Котова"


def test_thousands_of_lines_are_saved_and_progress_is_told(store: Store) -> None:
    count = 5_000
    text = "email;name;teams\n" + "".join(f"u{n}@example.org;U {n};net\n" for n in range(count))
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    found = prepare(store, read_sheet(text.encode()), Options(), tell)
    assert told[0] == (0, count)
    told.clear()
    carry_out(store, found, "test", tell)
    assert told[-1] == (count, count)
    with store.read() as connection:
        for table, more in ((tables.person, 2), (tables.membership, 1)):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == count + more
