"""People and teams."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import Connection, delete, insert, select, update

from store import tables
from store.audit import record
from store.cards import Person, Team
from store.checks import MAX_KEY, check_address, check_line
from store.engine import Store
from store.errors import SettingsError
from store.sanitise import clean_line
from store.vocabulary import Language


def people(store: Store) -> list[Person]:
    """Everybody in the directory, by address."""
    with store.read() as connection:
        return people_in(connection)


def people_in(connection: Connection) -> list[Person]:
    """Like `people`, within a transaction."""
    teams_of: dict[int, list[str]] = {}
    for row in connection.execute(select(tables.membership).order_by(tables.membership.c.team_code)):
        teams_of.setdefault(row.person_id, []).append(row.team_code)
    return [
        Person(
            email=row.email,
            name=row.name,
            login=row.login,
            teams=tuple(teams_of.get(row.id, ())),
            head=row.head,
            language=Language(row.language) if row.language else None,
            active=row.active,
        )
        for row in connection.execute(select(tables.person).order_by(tables.person.c.email))
    ]


def teams(store: Store) -> list[Team]:
    """All teams, by code."""
    with store.read() as connection:
        return teams_in(connection)


def teams_in(connection: Connection) -> list[Team]:
    """Like `teams`, within a transaction."""
    rows = connection.execute(select(tables.team).order_by(tables.team.c.code))
    return [Team(row.code, row.name, row.leader) for row in rows]


def save_people(store: Store, persons: Sequence[Person], who: str) -> int:
    """Add people, or replace those with the same address; gives how many changed.

    Raises:
        SettingsError: An address, a team or a login is wrong; nothing was changed.
    """
    return store.write(lambda connection: save_people_in(connection, store, persons, who))


def save_people_in(connection: Connection, store: Store, persons: Sequence[Person], who: str) -> int:
    """Like `save_people`, within a transaction."""
    book = Book(connection, store, who)
    return sum(book.save_person(person) for person in persons)


def save_teams(store: Store, new: Sequence[Team], who: str) -> int:
    """Add teams, or replace those with the same code; gives how many changed.

    Raises:
        SettingsError: A code, a name or a leader's address is wrong; nothing was changed.
    """
    return store.write(lambda connection: save_teams_in(connection, store, new, who))


def save_teams_in(connection: Connection, store: Store, new: Sequence[Team], who: str) -> int:
    """Like `save_teams`, within a transaction."""
    book = Book(connection, store, who)
    return sum(book.save_team(team) for team in new)


class Book:
    """The directory read once in a transaction, so that saving many costs what they are, not their square.

    Attributes:
        people: By address in lower case.
        teams: By code.
    """

    def __init__(self, connection: Connection, store: Store, who: str) -> None:
        self._connection, self._store, self._who = connection, store, who
        self.people = {person.email: person for person in people_in(connection)}
        self.teams = {team.code: team for team in teams_in(connection)}
        self._keys = {
            row.email: row.id for row in connection.execute(select(tables.person.c.email, tables.person.c.id))
        }
        self._logins = {person.login.lower(): email for email, person in self.people.items() if person.login}

    def save_person(self, person: Person) -> bool:
        """Add or replace somebody; gives whether anything changed.

        Raises:
            SettingsError: Its path is the field at fault.
        """
        person = replace(person, email=person.email.lower(), teams=tuple(sorted(set(person.teams))))
        self._check_person(person)
        email, before = person.email, self.people.get(person.email)
        if before == person:
            return False
        con, table = self._connection, tables.person
        shown = _person(person)
        values = {name: value for name, value in shown.items() if name != "teams"}
        if before is None:
            (key,) = con.execute(insert(table).returning(table.c.id), [values]).scalars()
            self._keys[email] = key
        else:
            key = self._keys[email]
            con.execute(update(table).where(table.c.id == key).values(**values))
            con.execute(delete(tables.membership).where(tables.membership.c.person_id == key))
            if before.login:
                self._logins.pop(before.login.lower(), None)
        if person.teams:
            con.execute(insert(tables.membership), [{"person_id": key, "team_code": code} for code in person.teams])
        record(con, self._store.clock(), self._who, f"person:{email}", _person(before) if before else None, shown)
        self.people[email] = person
        if person.login:
            self._logins[person.login.lower()] = email
        return True

    def save_team(self, team: Team) -> bool:
        """Add or replace a team; gives whether anything changed.

        Raises:
            SettingsError: Its path is the field at fault.
        """
        check_line(team.code, "code", required=True, most=MAX_KEY)
        check_line(team.name, "name", required=True)
        check_address(team.leader or "", "leader", required=False)
        before = self.teams.get(team.code)
        if before == team:
            return False
        values = asdict(team)
        table = tables.team
        if before is None:
            self._connection.execute(insert(table).values(**values))
        else:
            self._connection.execute(update(table).where(table.c.code == team.code).values(**values))
        old = asdict(before) if before else None
        record(self._connection, self._store.clock(), self._who, f"team:{team.code}", old, values)
        self.teams[team.code] = team
        return True

    def _check_person(self, person: Person) -> None:
        check_address(person.email, "email", required=True)
        check_line(person.email, "email", most=MAX_KEY)
        check_line(person.name, "name", required=True)
        check_line(person.login or "", "login", most=MAX_KEY)
        check_address(person.head or "", "head", required=False)
        for index, code in enumerate(person.teams):
            if code not in self.teams:
                known = ", ".join(sorted(self.teams)) or "none yet"
                raise SettingsError(f"teams[{index}]", f"there is no team {clean_line(code)!r}; there are {known}")
        other = self._logins.get((person.login or "").lower())
        if other is not None and other != person.email:
            raise SettingsError("login", f"{person.login!r} is the login of {other}")


def _person(person: Person) -> dict[str, object]:
    language = person.language.value if person.language else None
    return {**asdict(person), "teams": list(person.teams), "language": language}
