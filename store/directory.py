"""People and teams."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, update

from store import tables
from store.audit import record
from store.cards import Person, Team
from store.engine import Store
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
    """Add people, or replace those with the same address; gives how many changed."""
    return store.write(lambda connection: save_people_in(connection, store, persons, who))


def save_people_in(connection: Connection, store: Store, persons: Sequence[Person], who: str) -> int:
    """Like `save_people`, within a transaction."""
    known = {person.email: person for person in people_in(connection)}
    keys: dict[str, int] = {
        row.email: row.id for row in connection.execute(select(tables.person.c.email, tables.person.c.id))
    }
    changed = 0
    for person in persons:
        email = person.email.lower()
        before = known.get(email)
        if before is not None and _person(before) == _person(person):
            continue
        changed += 1
        values = {name: value for name, value in _person(person).items() if name != "teams"}
        if before is None:
            (key,) = connection.execute(insert(tables.person).returning(tables.person.c.id), [values]).scalars()
        else:
            key = keys[email]
            connection.execute(update(tables.person).where(tables.person.c.id == key).values(**values))
            connection.execute(delete(tables.membership).where(tables.membership.c.person_id == key))
        if person.teams:
            rows = [{"person_id": key, "team_code": code} for code in sorted(set(person.teams))]
            connection.execute(insert(tables.membership), rows)
        record(connection, store.clock(), who, f"person:{email}", _person(before) if before else None, _person(person))
    return changed


def save_teams(store: Store, new: Sequence[Team], who: str) -> int:
    """Add teams, or replace those with the same code; gives how many changed."""
    return store.write(lambda connection: save_teams_in(connection, store, new, who))


def save_teams_in(connection: Connection, store: Store, new: Sequence[Team], who: str) -> int:
    """Like `save_teams`, within a transaction."""
    known = {team.code: team for team in teams_in(connection)}
    changed = 0
    for team in new:
        before = known.get(team.code)
        if before == team:
            continue
        changed += 1
        values = {"code": team.code, "name": team.name, "leader": team.leader}
        if before is None:
            connection.execute(insert(tables.team).values(**values))
        else:
            connection.execute(update(tables.team).where(tables.team.c.code == team.code).values(**values))
        old = {"code": before.code, "name": before.name, "leader": before.leader} if before else None
        record(connection, store.clock(), who, f"team:{team.code}", old, values)
    return changed


def _person(person: Person) -> dict[str, object]:
    return {
        "email": person.email.lower(),
        "name": person.name,
        "login": person.login,
        "teams": sorted(set(person.teams)),
        "head": person.head,
        "language": person.language.value if person.language else None,
        "active": person.active,
    }
