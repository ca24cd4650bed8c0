"""Many people at once, from a sheet: first what would become of each line, then all of it in one transaction.

A line that cannot be kept is refused with its reason; the others are imported all the same. A column the sheet does
not have leaves a field as it is, an empty cell empties it. People who are not in the sheet stay.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, delete

from store import bulk, tables
from store.audit import record, revision_in
from store.cards import Person, Team
from store.directory import Book, as_document, people_by_id, teams_in
from store.engine import Store
from store.errors import SettingsError
from store.folding import search_key
from store.people_csv import Sheet
from store.people_lines import Reader
from store.types import to_micros

Progress = Callable[[int, int], None]
"""Called with how many lines are done, of how many."""
STEP = 2_000
KINDS = ("added", "changed", "unchanged", "refused", "deactivated")


@dataclass(frozen=True, slots=True)
class Options:
    """How a sheet is imported.

    Attributes:
        add_teams: Teams nobody knows are added, with the name as their code; else their lines are refused.
        deactivate_missing: Active people who are not in the sheet are deactivated.
    """

    add_teams: bool = False
    deactivate_missing: bool = False


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a person before and after, as text."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What becomes of a line.

    Attributes:
        kind: One of `KINDS`.
        line: Where it begins in the file; 0 for somebody who is not in it.
        problem: Why it is refused; its path is the field at fault.
    """

    kind: str
    line: int
    email: str
    name: str
    changes: tuple[FieldChange, ...] = ()
    problem: SettingsError | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import does.

    Attributes:
        new_teams: Codes of teams that are added.
        missing: How many active people of the directory are not in the sheet.
        unsure: Lines whose address cannot be read: who they are, and so who is missing, is not known.
    """

    entries: tuple[Entry, ...]
    new_teams: tuple[str, ...]
    missing: int
    unsure: int

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind, every kind present."""
        found = Counter(entry.kind for entry in self.entries)
        return {kind: found[kind] for kind in KINDS}

    @property
    def changes_something(self) -> bool:
        """Whether there is anything to save."""
        return any(entry.kind not in {"unchanged", "refused"} for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An import that only has to be agreed to.

    Attributes:
        preview: What it does.
        revision: The settings revision it was made from.
    """

    preview: Preview
    sheet: Sheet
    options: Options
    revision: int
    saves: tuple[tuple[Person | None, Person], ...]
    teams: tuple[Team, ...]
    keys: dict[str, int]


def prepare(store: Store, sheet: Sheet, options: Options, progress: Progress | None = None) -> Prepared:
    """Find out what an import would do; nothing is saved.

    Raises:
        SettingsError: Somebody is to be deactivated for being missing, and who is cannot be told.
    """
    with store.read() as connection:
        return _prepare(connection, sheet, options, progress)


def carry_out(store: Store, prepared: Prepared, who: str, progress: Progress | None = None) -> Preview:
    """Import what was prepared, in one transaction; gives what was done.

    Raises:
        SettingsError: The directory was changed since, and it would do another thing now; nothing was changed.
    """

    def work(connection: Connection) -> None:
        found = prepared
        if revision_in(connection) != prepared.revision:
            found = _prepare(connection, prepared.sheet, prepared.options, None)
            if found.preview != prepared.preview:
                problem = "the directory was changed this very moment; look again"
                raise SettingsError("", problem, key="changed_meanwhile")
        book = Book(connection, store, who, about=())
        for team in found.teams:
            book.save_team(team)
        _write(connection, store, who, found.saves, {**found.keys}, progress)

    store.write(work)
    return prepared.preview


def _prepare(connection: Connection, sheet: Sheet, options: Options, progress: Progress | None) -> Prepared:
    people = people_by_id(connection)
    before = {person.email: person for person in people.values()}
    reader = Reader(before, teams_in(connection), sheet, add_teams=options.add_teams)
    entries: list[Entry] = []
    saves: list[tuple[Person | None, Person]] = []
    read = reader.read(progress)
    for line in read:
        was = before.get(line.email)
        if line.problem is not None:
            entries.append(Entry("refused", line.number, line.email, line.name, (), line.problem))
            continue
        assert line.person is not None  # noqa: S101 - a line is refused or somebody
        changes = field_changes(was, line.person) if was else ()
        kind = "added" if was is None else "changed" if changes else "unchanged"
        entries.append(Entry(kind, line.number, line.email, line.person.name, changes))
        if kind != "unchanged":
            saves.append((was, line.person))
    spoken_of = {line.email for line in read}
    missing = [person for email, person in before.items() if person.active and email not in spoken_of]
    unsure = sum(not line.email for line in read)
    if options.deactivate_missing:
        if unsure:
            problem = f"{unsure} lines have no readable address, so who is missing cannot be told. Mend them first"
            raise SettingsError("", problem, key="csv_unsure", count=unsure)
        for person in missing:
            after = replace(person, active=False)
            entries.append(Entry("deactivated", 0, person.email, person.name, field_changes(person, after)))
            saves.append((person, after))
    used = {code for _, person in saves for code in person.teams}
    new = tuple(team for team in reader.new_teams if team.code in used)
    preview = Preview(tuple(entries), tuple(team.code for team in new), len(missing), unsure)
    keys = {person.email: key for key, person in people.items()}
    return Prepared(preview, sheet, options, revision_in(connection), tuple(saves), new, keys)


def field_changes(before: Person, after: Person) -> tuple[FieldChange, ...]:
    """The fields in which two cards of somebody differ."""
    if before == after:
        return ()
    one, other = as_document(before), as_document(after)
    return tuple(FieldChange(name, _text(one[name]), _text(other[name])) for name in one if one[name] != other[name])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value or "")  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]


def _write(
    connection: Connection,
    store: Store,
    who: str,
    saves: tuple[tuple[Person | None, Person], ...],
    keys: dict[str, int],
    progress: Progress | None,
) -> None:
    """Save people who were checked, some thousands a statement; their audit entries count as one change."""
    now = to_micros(store.clock())
    # Whoever gives a login up does so before another one gets it, and the last entry counts the revision up.
    for start in range(0, len(saves), STEP):
        some = saves[start : start + STEP]
        fresh = [after for before, after in some if before is None]
        for after, key in zip(fresh, bulk.reserve_ids(connection, tables.person, len(fresh)), strict=True):
            keys[after.email] = key
        columns = ("id", "email", "name", "login", "head", "language", "active", "search")
        bulk.insert_rows(connection, tables.person, columns, [_row(keys, after) for after in fresh])
        kept = [after for before, after in some if before is not None]
        bulk.update_rows(connection, tables.person, columns, [_row(keys, after) for after in kept])
        regrouped = [after for before, after in some if before is not None and before.teams != after.teams]
        if regrouped:
            membership = tables.membership
            ids = [keys[after.email] for after in regrouped]
            connection.execute(delete(membership).where(membership.c.person_id.in_(ids)))
        members = [(keys[after.email], code) for after in (*fresh, *regrouped) for code in after.teams]
        bulk.insert_rows(connection, tables.membership, ("person_id", "team_code"), members)
        trail = [
            (now, who, f"person:{after.email}", _json(before), _json(after))
            for before, after in (some[:-1] if start + STEP >= len(saves) else some)
        ]
        bulk.insert_rows(connection, tables.audit, ("at", "who", "what", "before", "after"), trail)
        if progress is not None:
            progress(min(start + STEP, len(saves)), len(saves))
    if saves:
        before, after = saves[-1]
        document = as_document(before) if before else None
        record(connection, store.clock(), who, f"person:{after.email}", document, as_document(after))


def _row(keys: dict[str, int], person: Person) -> tuple[Any, ...]:
    language = person.language.value if person.language else None
    key = search_key(person.email, person.name, person.login)
    return (keys[person.email], person.email, person.name, person.login, person.head, language, person.active, key)


def _json(person: Person | None) -> str:
    return bulk.as_json(as_document(person) if person else None)
