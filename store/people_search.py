"""Finding people: pages by keyset, text without regard to case, so that a list of 50,000 opens as one of fifty."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, tuple_

from store import tables
from store.cards import Person, Team
from store.directory import people_by_id, teams_in
from store.engine import Store
from store.errors import SettingsError
from store.folding import fold
from store.sanitise import clean_line

PAGE = 200

Place = tuple[str, int]
"""Where a row stands in the order of all: its search key and its own key."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which people are to be found.

    Attributes:
        text: Words that are all in the name, the address or the login.
        team: The code of the team they are in.
        active: Only those who are, or are not.
    """

    text: str = ""
    team: str | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody in a list. `place` is where the page after them begins."""

    id: int
    person: Person
    place: Place


@dataclass(frozen=True, slots=True)
class TeamLine:
    """A team in a list, with how many people are in it."""

    id: int
    team: Team
    members: int


def page(store: Store, wanted: Wanted, *, after: Place | None = None, limit: int = PAGE) -> list[Found]:
    """People by name, then address; those after a place."""
    person = tables.person
    query = select(person.c.id, person.c.search).where(*_conditions(wanted))
    if after is not None:
        query = query.where(tuple_(person.c.search, person.c.id) > tuple_(*after))
    with store.read() as connection:
        rows = connection.execute(query.order_by(person.c.search, person.c.id).limit(limit)).all()
        people = people_by_id(connection, [row.id for row in rows])
    return [Found(row.id, people[row.id], (row.search, row.id)) for row in rows]


def count(store: Store, wanted: Wanted) -> int:
    """How many people there are to be found."""
    with store.read() as connection:
        query = select(func.count()).select_from(tables.person).where(*_conditions(wanted))
        return connection.execute(query).scalar_one()


def find_teams(store: Store, text: str = "") -> list[TeamLine]:
    """Teams by name, with their number of people; those whose code, name or leader has all the words of a text."""
    membership = tables.membership
    sizes = select(membership.c.team_code, func.count()).group_by(membership.c.team_code)
    with store.read() as connection:
        members = {code: size for code, size in connection.execute(sizes)}  # noqa: C416 - rows are no pairs to pyright
        keys = {code: key for code, key in connection.execute(select(tables.team.c.code, tables.team.c.id))}  # noqa: C416
        lines = [TeamLine(keys[team.code], team, members.get(team.code, 0)) for team in teams_in(connection)]
    words = fold(text).split()
    words_of = {line.team.code: fold(f"{line.team.name}\n{line.team.code}\n{line.team.leader or ''}") for line in lines}
    found = [line for line in lines if all(word in words_of[line.team.code] for word in words)]
    return sorted(found, key=lambda line: words_of[line.team.code])


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    person, membership = tables.person, tables.membership
    conditions: list[ColumnElement[bool]] = [
        person.c.search.contains(word, autoescape=True) for word in fold(wanted.text).split()
    ]
    if wanted.team is not None:
        inside = select(membership.c.person_id).where(membership.c.team_code == wanted.team)
        conditions.append(person.c.id.in_(inside))
    if wanted.active is not None:
        conditions.append(person.c.active == wanted.active)
    return conditions


def address_of(store: Store, text: str, path: str) -> str | None:
    """The address of somebody who is named by it, or by what is found of one person only (a login, a name).

    Raises:
        SettingsError: Nobody is found, or several are; `path` is the field.
    """
    text = text.strip()
    if not text or "@" in text:
        return text or None
    found = page(store, Wanted(text), limit=2)
    if len(found) == 1:
        return found[0].person.email
    shown = clean_line(text)
    if found:
        problem = f"{shown!r} may be several people; give the address"
        raise SettingsError(path, problem, key="head_unclear", value=shown)
    raise SettingsError(path, f"{shown!r} is no address, and nobody's login or name", key="csv_head", value=shown)
