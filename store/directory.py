"""People and teams."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from store import tables
from store.audit import record
from store.cards import Person, Team
from store.checks import MAX_KEY, check_address, check_line
from store.engine import Store
from store.errors import SettingsError
from store.folding import fold, search_key
from store.rulebook import rules_in, save_in
from store.rules import Rule
from store.sanitise import clean_line
from store.vocabulary import Language

FEW = 200
"""Up to so many people are looked up one by one; for more the whole directory is read."""

SHOWN_TEAMS = 20
"""Of the teams there are, so many are named to somebody who named another one."""


@dataclass(frozen=True, slots=True)
class Ties:
    """What others have to do with somebody: the teams led (by code), and how many people have them as their head."""

    leads: tuple[str, ...] = ()
    head_of: int = 0

    def __bool__(self) -> bool:
        return bool(self.leads or self.head_of)


def people(store: Store) -> list[Person]:
    """Everybody in the directory, by address."""
    with store.read() as connection:
        return people_in(connection)


def people_in(connection: Connection) -> list[Person]:
    """Like `people`, within a transaction."""
    return list(people_by_id(connection).values())


def people_by_id(connection: Connection, ids: Collection[int] | None = None) -> dict[int, Person]:
    """People by address, under their keys; all of them, or those with one of the keys."""
    person, membership = tables.person, tables.membership
    rows, members = select(person).order_by(person.c.email), select(membership).order_by(membership.c.team_code)
    if ids is not None:
        rows, members = rows.where(person.c.id.in_(ids)), members.where(membership.c.person_id.in_(ids))
    teams_of: dict[int, list[str]] = {}
    for row in connection.execute(members):
        teams_of.setdefault(row.person_id, []).append(row.team_code)
    return {
        row.id: Person(
            email=row.email,
            name=row.name,
            login=row.login,
            teams=tuple(teams_of.get(row.id, ())),
            head=row.head,
            language=Language(row.language) if row.language else None,
            active=row.active,
        )
        for row in connection.execute(rows)
    }


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
    book = Book(connection, store, who, about=persons if len(persons) <= FEW else None)
    return sum(book.save_person(person) for person in persons)


def change_person(store: Store, email: str, person: Person, who: str) -> bool:
    """Save somebody who had this address until now; where they lead or are somebody's head, the new one is put.

    Raises:
        SettingsError: The new address is another one's, or a value is wrong; nothing was changed.
    """

    def work(connection: Connection) -> bool:
        return Book(connection, store, who, about=[Person(email, ""), person]).change_person(email, person)

    return store.write(work)


def delete_person(store: Store, email: str, who: str) -> bool:
    """Take somebody out of the directory; gives whether they were in it.

    Where they lead a team or are somebody's head, their address stays there, as that of somebody unregistered.
    """
    return store.write(lambda connection: Book(connection, store, who, about=[Person(email, "")]).delete_person(email))


def ties(store: Store, email: str) -> Ties:
    """What others have to do with somebody; to be asked before they are switched off or deleted."""
    team, person, email = tables.team, tables.person, email.lower()
    with store.read() as connection:
        leads = connection.execute(select(team.c.code).where(team.c.leader == email).order_by(team.c.code)).scalars()
        of = select(func.count()).select_from(person).where(person.c.head == email, person.c.active)
        return Ties(tuple(leads), connection.execute(of).scalar_one())


def save_teams(store: Store, new: Sequence[Team], who: str) -> int:
    """Add teams, or replace those with the same code; gives how many changed.

    Raises:
        SettingsError: A code, a name or a leader's address is wrong; nothing was changed.
    """
    return store.write(lambda connection: save_teams_in(connection, store, new, who))


def save_teams_in(connection: Connection, store: Store, new: Sequence[Team], who: str) -> int:
    """Like `save_teams`, within a transaction."""
    book = Book(connection, store, who, about=())
    return sum(book.save_team(team) for team in new)


def rename_team(store: Store, code: str, team: Team, who: str) -> bool:
    """Save a team under another code, its members with it; gives whether anything changed.

    Raises:
        SettingsError: The new code is another team's, or a value is wrong; nothing was changed.
    """

    def work(connection: Connection) -> bool:
        return Book(connection, store, who, about=()).rename_team(code, team)

    return store.write(work)


def delete_team(store: Store, code: str, who: str) -> bool:
    """Take a team out of the directory, its members stay without it; gives whether it was there."""
    return store.write(lambda connection: Book(connection, store, who, about=()).delete_team(code))


def members(store: Store, code: str) -> int:
    """How many people are in a team."""
    membership = tables.membership
    with store.read() as connection:
        query = select(func.count()).select_from(membership).where(membership.c.team_code == code)
        return connection.execute(query).scalar_one()


class Book:
    """The directory read once in a transaction, so that saving many costs what they are, not their square.

    Args:
        about: The people who are to be saved or deleted, where they are few: nobody else is read then.

    Attributes:
        people: By address in lower case.
        teams: By code.
    """

    def __init__(self, connection: Connection, store: Store, who: str, about: Sequence[Person] | None = None) -> None:
        self._connection, self._store, self._who = connection, store, who
        found = people_by_id(connection, None if about is None else _concerned(connection, about))
        self.people = {person.email: person for person in found.values()}
        self.teams = {team.code: team for team in teams_in(connection)}
        self._keys = {person.email: key for key, person in found.items()}
        self._logins = {person.login.lower(): email for email, person in self.people.items() if person.login}

    def save_person(self, person: Person) -> bool:
        """Add or replace somebody; gives whether anything changed.

        Raises:
            SettingsError: Its path is the field at fault.
        """
        person = plain_person(person)
        self.check_person(person)
        email, before = person.email, self.people.get(person.email)
        if before == person:
            return False
        con, table = self._connection, tables.person
        shown = as_document(person)
        values = {name: value for name, value in shown.items() if name != "teams"}
        values["search"] = search_key(email, person.name, person.login)
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
        record(con, self._store.clock(), self._who, f"person:{email}", as_document(before) if before else None, shown)
        self.people[email] = person
        if person.login:
            self._logins[person.login.lower()] = email
        return True

    def change_person(self, email: str, person: Person) -> bool:
        """Save somebody under another address; gives whether anything changed.

        Raises:
            SettingsError: Its path is the field at fault.
        """
        email, person = email.lower(), plain_person(person)
        before = self.people.get(email)
        if before is None or person.email == email:
            return self.save_person(person)
        if person.email in self.people:
            shown = clean_line(person.email)
            raise SettingsError("email", f"{shown} is in the directory already", key="person_taken", email=shown)
        del self.people[email]
        if before.login:
            self._logins.pop(before.login.lower(), None)
        self.check_person(person)
        con, table = self._connection, tables.person
        con.execute(update(table).where(table.c.id == self._keys[email]).values(email=person.email))
        self._keys[person.email] = self._keys.pop(email)
        self.people[person.email] = replace(before, email=person.email)
        now, old = self._store.clock(), as_document(before)
        record(con, now, self._who, f"person:{email}", old, {**old, "email": person.email})
        self.save_person(person)
        con.execute(update(table).where(table.c.head == email).values(head=person.email))
        for team in [one for one in self.teams.values() if one.leader == email]:
            self.save_team(replace(team, leader=person.email))
        return True

    def delete_person(self, email: str) -> bool:
        """Take somebody out; gives whether they were in."""
        email = email.lower()
        before = self.people.pop(email, None)
        if before is None:
            return False
        # Memberships go with them, by their foreign key.
        self._connection.execute(delete(tables.person).where(tables.person.c.id == self._keys.pop(email)))
        if before.login:
            self._logins.pop(before.login.lower(), None)
        record(self._connection, self._store.clock(), self._who, f"person:{email}", as_document(before), None)
        return True

    def save_team(self, team: Team) -> bool:
        """Add or replace a team; gives whether anything changed.

        Raises:
            SettingsError: Its path is the field at fault.
        """
        team = _checked(team)
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

    def rename_team(self, code: str, team: Team) -> bool:
        """Save a team under another code; gives whether anything changed.

        Raises:
            SettingsError: Its path is the field at fault.
        """
        if team.code == code or code not in self.teams:
            return self.save_team(team)
        team = _checked(team)
        if team.code in self.teams:
            problem = f"there is a team {clean_line(team.code)!r} already"
            raise SettingsError("code", problem, key="team_taken", code=team.code)
        con, table, membership = self._connection, tables.team, tables.membership
        before, values = asdict(self.teams.pop(code)), asdict(team)
        con.execute(update(table).where(table.c.code == code).values(**values))
        con.execute(update(membership).where(membership.c.team_code == code).values(team_code=team.code))
        record(con, self._store.clock(), self._who, f"team:{code}", before, values)
        self.teams[team.code] = team
        for rule in self._rules_telling(code):
            renamed = tuple(team.code if one == code else one for one in rule.teams)
            save_in(con, self._store, replace(rule, teams=renamed), self._who)
        return True

    def _rules_telling(self, code: str) -> list[Rule]:
        """Event actions and escalations that name a team."""
        return [rule for rule in rules_in(self._connection) if code in rule.teams]

    def delete_team(self, code: str) -> bool:
        """Take a team out, its members stay without it; gives whether it was there.

        Raises:
            SettingsError: Rules tell it: they would quietly reach nobody.
        """
        if telling := self._rules_telling(code):
            codes = ", ".join(rule.code for rule in telling)
            problem = f"is told by {codes}; take it out of them first"
            raise SettingsError("code", problem, key="team_is_told", rules=codes)
        before = self.teams.pop(code, None)
        if before is None:
            return False
        con, membership = self._connection, tables.membership
        con.execute(delete(membership).where(membership.c.team_code == code))
        con.execute(delete(tables.team).where(tables.team.c.code == code))
        record(con, self._store.clock(), self._who, f"team:{code}", asdict(before), None)
        return True

    def check_person(self, person: Person) -> None:
        """Refuse what cannot be kept of somebody.

        Raises:
            SettingsError: Its path is the field at fault.
        """
        check_fields(person, self.teams)
        other = self._logins.get((person.login or "").lower())
        if other is not None and other != person.email:
            problem = f"{person.login!r} is the login of {other}"
            raise SettingsError("login", problem, key="login_taken", login=person.login, email=other)


def check_fields(person: Person, known: Iterable[str]) -> None:
    """Refuse values that are wrong by themselves, or teams that are not among the known.

    Raises:
        SettingsError: Its path is the field at fault.
    """
    check_address(person.email, "email", required=True)
    check_line(person.email, "email", most=MAX_KEY)
    check_line(person.name, "name", required=True)
    check_line(person.login or "", "login", most=MAX_KEY)
    check_address(person.head or "", "head", required=False)
    for index, code in enumerate(person.teams):
        if code not in known:
            shown, there = clean_line(code), ", ".join(sorted(known)[:SHOWN_TEAMS]) or "none yet"
            problem = f"there is no team {shown!r}; there are {there}"
            raise SettingsError(f"teams[{index}]", problem, key="no_team", team=shown)


def plain_person(person: Person) -> Person:
    """A person as the directory keeps them: addresses in lower case, teams sorted, nothing for what is empty."""
    return replace(
        person,
        email=person.email.lower(),
        login=person.login or None,
        teams=tuple(sorted(set(person.teams))),
        head=person.head.lower() if person.head else None,
    )


def as_document(person: Person) -> dict[str, object]:
    """A person as the audit keeps them."""
    language = person.language.value if person.language else None
    return {
        "email": person.email,
        "name": person.name,
        "login": person.login,
        "teams": [*person.teams],
        "head": person.head,
        "language": language,
        "active": person.active,
    }


def _checked(team: Team) -> Team:
    check_line(team.code, "code", required=True, most=MAX_KEY)
    check_line(team.name, "name", required=True)
    check_address(team.leader or "", "leader", required=False)
    return replace(team, leader=team.leader.lower() if team.leader else None)


def _concerned(connection: Connection, about: Sequence[Person]) -> list[int]:
    """Keys of those who are saved, and of those who have one of their logins."""
    table = tables.person
    logins = [table.c.search.endswith(f"\n{fold(one.login)}", autoescape=True) for one in about if one.login]
    wanted = or_(table.c.email.in_([one.email.lower() for one in about]), *logins)
    return list(connection.execute(select(table.c.id).where(wanted)).scalars()) if about else []
