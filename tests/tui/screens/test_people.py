"""The directory: found as one types, edited, switched off with a question, imported after a preview."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from store.cards import Person, Team
from store.directory import delete_person, people, save_people, save_teams, teams
from store.engine import Store
from store.people_search import PAGE
from store.rulebook import list_rules, save_rule
from store.vocabulary import Role
from tests.tui.screens.sections import LANGUAGES, SIZES, press, section
from tests.tui.scripted_desk import PETROV, VOLKOV
from tests.tui.waiting import until
from tests.tui.what_is_seen import seen
from tui.screens.people import PeopleScreen
from tui.screens.people_import import PeopleImportScreen
from tui.widgets.directory_lists import EntryList
from tui.widgets.people_forms import PersonForm, TeamForm
from tui.widgets.question import Question


def screen(pilot: "Pilot[Any]") -> PeopleScreen:
    found = next(one for one in pilot.app.screen_stack if isinstance(one, PeopleScreen))
    assert isinstance(found, PeopleScreen)
    return found


def names(pilot: "Pilot[Any]") -> list[str]:
    return [row.person.name for row in screen(pilot).pane.list.rows]


def who(store: Store, email: str) -> Person | None:
    return next((one for one in people(store) if one.email == email), None)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_name_address_and_teams_are_seen_at_every_size(
    store: Store, language: str, size: tuple[int, int]
) -> None:
    async with section(store, PeopleScreen, language=language, size=size) as pilot:
        await until(pilot, lambda: names(pilot))
        shown = seen(pilot.app)
        assert "Иван Петров" in shown
        assert "i.petrov@desk" in shown
        assert "net" in shown


async def test_people_are_found_as_one_types_whatever_the_case(store: Store) -> None:
    async with section(store, PeopleScreen) as pilot:
        await until(pilot, lambda: len(names(pilot)) > 3)
        await press(pilot, "slash", *"ПЕТРОВ")
        await until(pilot, lambda: names(pilot) == ["Иван Петров"])
        await press(pilot, "enter", "escape")
        await until(pilot, lambda: len(names(pilot)) > 3)


async def test_the_next_page_is_read_at_the_end(store: Store) -> None:
    save_people(store, [Person(f"u{n}@example.org", f"Имя {n:04}") for n in range(PAGE)], "test")
    total = len(people(store))
    async with section(store, PeopleScreen) as pilot:
        await until(pilot, lambda: len(names(pilot)) == PAGE)
        await press(pilot, "end")
        await until(pilot, lambda: len(names(pilot)) == total)


async def test_somebody_is_edited_under_another_address_and_team_mates_follow(store: Store) -> None:
    async with section(store, PeopleScreen) as pilot:
        await press(pilot, "slash", *"волков", "enter")
        await until(pilot, lambda: len(names(pilot)) == 1)
        await press(pilot, "e")
        form = pilot.app.screen
        assert isinstance(form, PersonForm)
        form.field("email").value = "new@desk.example"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, PeopleScreen))
    assert who(store, VOLKOV) is None
    assert who(store, "new@desk.example") is not None
    petrov = who(store, PETROV)
    assert petrov is not None
    assert petrov.head == "new@desk.example"
    assert teams(store)[1].leader == "new@desk.example"


async def test_what_is_wrong_in_the_form_is_said_at_its_field(store: Store) -> None:
    async with section(store, PeopleScreen, language="en") as pilot:
        await until(pilot, lambda: names(pilot))
        await press(pilot, "a")
        form = pilot.app.screen
        assert isinstance(form, PersonForm)
        for name, value in (("email", "x@example.org"), ("name", "X"), ("teams", "sales")):
            form.field(name).value = value
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "There is no team “sales”" in seen(pilot.app))
        form.field("teams").value = "net apps"
        form.field("head").value = "волков"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, PeopleScreen))
    assert who(store, "x@example.org") == Person("x@example.org", "X", None, ("apps", "net"), VOLKOV)


async def test_switching_off_somebody_who_leads_is_asked_about(store: Store) -> None:
    async with section(store, PeopleScreen, language="en") as pilot:
        await press(pilot, "slash", *"волков", "enter")
        await until(pilot, lambda: len(names(pilot)) == 1)
        await press(pilot, "t")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        assert "Leads the teams: net" in seen(pilot.app)
        await press(pilot, "escape")
        volkov = who(store, VOLKOV)
        assert volkov is not None
        assert volkov.active
        await press(pilot, "t")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await press(pilot, "left", "enter")
        await until(pilot, lambda: who(store, VOLKOV) == replace(volkov, active=False))
        await until(pilot, lambda: not screen(pilot).pane.list.rows[0].person.active)
        await press(pilot, "t")
        await until(pilot, lambda: who(store, VOLKOV) == volkov)


async def test_what_others_change_is_seen_without_asking(store: Store) -> None:
    async with section(store, PeopleScreen) as pilot:
        await until(pilot, lambda: bool(names(pilot)))
        await press(pilot, "down", "down")
        chosen = screen(pilot).pane.list.current
        save_people(store, [Person("aaa@desk.example", "Аа Первая")], "somebody")
        await until(pilot, lambda: names(pilot)[0] == "Аа Первая")
        assert screen(pilot).pane.list.current == chosen


async def test_a_team_is_added_its_members_are_shown_and_it_is_deleted(store: Store) -> None:
    async with section(store, PeopleScreen, language="en") as pilot:
        await press(pilot, "right_square_bracket")
        await until(pilot, lambda: len(screen(pilot).pane.list.rows) == 2)
        await press(pilot, "m")
        await until(pilot, lambda: len(names(pilot)) == 2)
        await press(pilot, "right_square_bracket", "a")
        form = pilot.app.screen
        assert isinstance(form, TeamForm)
        form.field("code").value, form.field("name").value = "dba", "Databases"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: len(screen(pilot).pane.list.rows) == 3)
        await press(pilot, "home", "d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await press(pilot, "left", "enter")
        await until(pilot, lambda: Team("dba", "Databases") not in teams(store))


async def test_a_team_that_rules_tell_is_not_deleted_and_the_refusal_is_in_the_consoles_language(store: Store) -> None:
    rule = next(rule for rule in list_rules(store) if Role.TEAMS not in rule.recipients)
    save_rule(store, replace(rule, recipients=(*rule.recipients, Role.TEAMS), teams=("apps", "net")), "test")
    async with section(store, PeopleScreen) as pilot:
        await press(pilot, "right_square_bracket")
        await until(pilot, lambda: len(screen(pilot).pane.list.rows) == 2)
        await press(pilot, "d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await press(pilot, "left", "enter")
        await until(pilot, lambda: "Команде сообщают действия" in seen(pilot.app))
    assert len(teams(store)) == 2


async def test_a_stranger_is_added_with_one_key(store: Store) -> None:
    delete_person(store, PETROV, "test")
    async with section(store, PeopleScreen) as pilot:
        await press(pilot, "right_square_bracket", "right_square_bracket")
        await until(pilot, lambda: [row.card.email for row in screen(pilot).pane.list.rows] == [PETROV])
        await press(pilot, "a")
        form = pilot.app.screen
        assert isinstance(form, PersonForm)
        assert form.text("email") == PETROV
        form.field("name").value = "Иван Петров"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: not screen(pilot).pane.list.rows)
    assert who(store, PETROV) == Person(PETROV, "Иван Петров")


async def look(pilot: "Pilot[Any]", file: Path, *, lines: int) -> PeopleImportScreen:
    await press(pilot, "i")
    found = pilot.app.screen
    assert isinstance(found, PeopleImportScreen)
    found.query_one("#import-path", Input).value = str(file)
    await press(pilot, "f5")
    await until(pilot, lambda: len(found.query_one(EntryList).rows) == lines)
    return found


async def test_an_import_is_previewed_and_nothing_is_saved_before_it_is_agreed_to(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    text = f"почта;ФИО;активен\nnew@desk.example;Ёлкина Новая;да\n{PETROV};Иван Петров;нет\nbad;Кто;\n"
    file.write_bytes(text.encode("cp1251"))
    before = people(store)
    async with section(store, PeopleScreen) as pilot:
        found = await look(pilot, file, lines=3)
        rows = found.query_one(EntryList).rows
        assert [(row.entry.kind, row.entry.line) for row in rows] == [("refused", 4), ("changed", 3), ("added", 2)]
        assert "Активен: да → нет" in seen(pilot.app)
        assert people(store) == before
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, PeopleScreen))
        await until(pilot, lambda: "Ёлкина Новая" in names(pilot))
    petrov = who(store, PETROV)
    assert petrov is not None
    assert not petrov.active


async def test_what_is_changed_after_the_preview_is_looked_at_again(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email,name\nnew@desk.example,New\n", "utf-8")
    async with section(store, PeopleScreen) as pilot:
        found = await look(pilot, file, lines=1)
        assert not found.query_one("#save", Button).disabled
        found.query_one("#import-path", Input).value = "other.csv"
        await until(pilot, lambda: found.query_one("#save", Button).disabled)
        await press(pilot, "ctrl+s", "escape")
        assert who(store, "new@desk.example") is None


async def test_a_file_that_cannot_be_read_is_said(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("имя;телефон\nА;1\n", "utf-8")
    async with section(store, PeopleScreen) as pilot:
        await look(pilot, file, lines=0)
        await until(pilot, lambda: "нет столбца «почта»" in seen(pilot.app))


async def test_an_empty_directory_says_what_to_do(section_store: Store) -> None:
    save_teams(section_store, [], "test")
    async with section(section_store, PeopleScreen, language="en") as pilot:
        await until(pilot, lambda: "i imports a file" in seen(pilot.app))
        await press(pilot, "e", "t", "d", "end", "enter")
        assert isinstance(pilot.app.screen, PeopleScreen)
