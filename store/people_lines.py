"""From the texts of a sheet to people: what a spreadsheet may say, and what is refused of it."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from store.cards import Person, Team
from store.checks import MAX_KEY, check_address, check_line
from store.directory import check_fields, plain_person
from store.errors import SettingsError
from store.folding import fold
from store.people_csv import Line, Sheet
from store.sanitise import clean_line
from store.vocabulary import Language

EVERY = 500
"""Lines between two reports of how far it is."""
_LANGUAGES = {
    Language.RU: "ru rus russian ру рус русский ru-ru",
    Language.EN: "en eng english анг англ английский en-us en-gb",
}
_LANGUAGE_OF = {word: language for language, words in _LANGUAGES.items() for word in words.split()}
_YES = "да д yes y true истина 1 + активен активна действует включен включено active enabled x х v"
_NO = "нет н no n false ложь 0 - неактивен неактивна отключен отключено выключен уволен inactive disabled"
_TRUTH_OF = {word: truth for words, truth in ((_YES, True), (_NO, False)) for word in words.split()}
_MAILBOX = re.compile(r"^[^<>]*<([^<>]+)>$")
_SEPARATORS = re.compile(r"\s*[;,|\n\r]+\s*")
_SPACES = re.compile(r" {2,}")


@dataclass(slots=True)
class ReadLine:
    """A line that was read: somebody, or why they are refused. `email` is empty where it cannot be read."""

    number: int
    email: str
    name: str
    person: Person | None = None
    problem: SettingsError | None = None


class Reader:
    """Reads a sheet against the directory as it is.

    Attributes:
        new_teams: Teams the sheet speaks of and nobody knows, when they are to be added.
    """

    def __init__(self, people: dict[str, Person], teams: Iterable[Team], sheet: Sheet, *, add_teams: bool) -> None:
        self._people, self._sheet, self._add_teams = people, sheet, add_teams
        self._codes = {team.code for team in teams}
        self._teams: dict[str, str] = {}
        for team in teams:
            self._teams.setdefault(fold(team.name), team.code)
        self._teams |= {fold(code): code for code in self._codes}
        self._lines_of: dict[str, int] = {}
        self._by_login = {fold(one.login): one.email for one in people.values() if one.login}
        self._by_name: dict[str, set[str]] = {}
        for one in people.values():
            self._by_name.setdefault(fold(one.name), set()).add(one.email)
        self.new_teams: list[Team] = []

    def read(self, progress: Callable[[int, int], None] | None = None) -> list[ReadLine]:
        """All lines, in their order."""
        lines = self._sheet.lines
        self._know_whom_the_sheet_names()
        read: list[ReadLine] = []
        for done, line in enumerate(lines):
            read.append(self._read(line))
            if progress is not None and done % EVERY == 0:
                progress(done, len(lines))
        self._refuse_taken_logins(read)
        return read

    def _know_whom_the_sheet_names(self) -> None:
        """A head may be named by a login or a name that only the sheet has."""
        if "head" not in self._sheet.fields:
            return
        for line in self._sheet.lines:
            email = address_in(line.cells.get("email", "")).lower()
            if not email:
                continue
            if login := line.cells.get("login"):
                self._by_login[fold(login)] = email
            if name := line.cells.get("name"):
                self._by_name.setdefault(fold(name), set()).add(email)

    def _read(self, line: Line) -> ReadLine:
        email = address_in(line.cells.get("email", "")).lower()
        read = ReadLine(line.number, "", clean_line(line.cells.get("name", "")))
        try:
            if email not in self._people:
                check_address(email, "email", required=True)
                check_line(email, "email", most=MAX_KEY)
            read.email = email
            self._check_single(email, line.number)
            read.person = self._person(email, line.cells)
        except SettingsError as error:
            read.problem = error
        return read

    def _check_single(self, email: str, number: int) -> None:
        first = self._lines_of.setdefault(email, number)
        if first != number:
            problem = f"{email} is in line {first} and again in line {number}"
            raise SettingsError("email", problem, key="csv_twice", value=email, first=first, second=number)

    def _person(self, email: str, cells: dict[str, str]) -> Person:
        before = self._people.get(email)
        given: dict[str, Any] = {}
        if name := cells.get("name"):
            given["name"] = _SPACES.sub(" ", name)
        if "login" in cells:
            given["login"] = cells["login"]
        if "teams" in cells:
            given["teams"] = self._teams_in(cells["teams"])
        if "head" in cells:
            given["head"] = self._head_in(cells["head"])
        if "language" in cells:
            given["language"] = _language_in(cells["language"])
        if cells.get("active"):
            given["active"] = _truth_in(cells["active"])
        person = plain_person(replace(before or Person(email, ""), **given))
        if person != before:
            check_fields(person, self._codes)
        return person

    def _teams_in(self, text: str) -> tuple[str, ...]:
        """Codes of the teams named in a cell, by code or by name."""
        if not text:
            return ()
        words = [text] if fold(text) in self._teams else [word for word in _SEPARATORS.split(text.strip()) if word]
        return tuple(self._teams.get(fold(word)) or self._new_team(word) for word in words)

    def _new_team(self, name: str) -> str:
        if self._add_teams:
            check_line(name, "teams", most=MAX_KEY)
            self.new_teams.append(Team(name, name))
            self._codes.add(name)
            self._teams[fold(name)] = name
        return name

    def _head_in(self, text: str) -> str | None:
        """The address of a head who is named by address, login or full name."""
        if not text or "@" in text:
            return address_in(text) or None
        if email := self._by_login.get(fold(text)):
            return email
        named = self._by_name.get(fold(_SPACES.sub(" ", text)), set())
        if len(named) == 1:
            return next(iter(named))
        shown = clean_line(text)
        if named:
            problem = f"{shown!r} may be {len(named)} people; give the address"
            raise SettingsError("head", problem, key="csv_head_unclear", value=shown, count=len(named))
        problem = f"{shown!r} is no address, and nobody's login or name"
        raise SettingsError("head", problem, key="csv_head", value=shown)

    def _refuse_taken_logins(self, read: list[ReadLine]) -> None:
        """Refuse those whose login another person has when all is done; whoever is refused keeps what they had."""
        while True:
            owners: dict[str, tuple[str, int]] = {}
            changed = {line.email for line in read if line.person is not None and line.problem is None}
            for email, one in self._people.items():
                if one.login and email not in changed:
                    owners[one.login.lower()] = (email, 0)
            refused = False
            for line in read:
                if line.problem is not None or line.person is None or not line.person.login:
                    continue
                email, first = owners.setdefault(line.person.login.lower(), (line.email, line.number))
                if email != line.email:
                    line.problem = _taken(line.person.login, email, first, line.number)
                    refused = True
            if not refused:
                return


def address_in(text: str) -> str:
    """The address in a cell: also of `mailto:a@b.ru` and `Anna <a@b.ru>`."""
    text = text.strip()
    if text.endswith(">") and (found := _MAILBOX.match(text)):
        text = found[1].strip()
    return text[7:] if text[:7].lower() == "mailto:" else text


def _taken(login: str, email: str, first: int, line: int) -> SettingsError:
    if first:
        problem = f"{login!r} is the login of line {first} ({email}) as well as of line {line}"
        return SettingsError(
            "login", problem, key="csv_login_twice", value=login, email=email, first=first, second=line
        )
    problem = f"{login!r} is the login of {email}"
    return SettingsError("login", problem, key="login_taken", login=login, email=email)


def _language_in(text: str) -> Language | None:
    if not text:
        return None
    language = _LANGUAGE_OF.get(fold(text))
    if language is None:
        shown = clean_line(text)
        problem = f"{shown!r} is no language we write in; there are ru and en"
        raise SettingsError("language", problem, key="csv_language", value=shown)
    return language


def _truth_in(text: str) -> bool:
    truth = _TRUTH_OF.get(fold(text))
    if truth is not None:
        return truth
    shown = clean_line(text)
    raise SettingsError("active", f"{shown!r} is neither yes nor no", key="csv_truth", value=shown)
