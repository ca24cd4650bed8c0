"""The lists of the directory: people, teams, strangers, and the lines of an import."""

from collections.abc import Mapping
from dataclasses import dataclass

from store.people_import import Entry
from store.people_search import Found, TeamLine
from store.unregistered import Unregistered
from tui.widgets.column_list import WIDE, ColumnList, shared

OFF = "×"
KIND_SIGNS = {"added": "+", "changed": "~", "deactivated": "-", "refused": "!", "unchanged": "="}


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody unregistered, as a row."""

    id: int
    card: Unregistered


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A line of an import, as a row, with its words."""

    id: int
    entry: Entry
    told: str


class PeopleList(ColumnList[Found]):
    """People by name."""

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        if width < WIDE:
            return shared(width, {"off": 1}, {"name": 5, "email": 6, "teams": 3})
        return shared(width, {"off": 1}, {"name": 6, "email": 7, "login": 3, "head": 6, "teams": 4})

    def cells(self, row: Found) -> Mapping[str, str]:
        one = row.person
        return {
            "name": one.name,
            "email": one.email,
            "login": one.login or "",
            "head": one.head or "",
            "teams": ", ".join(one.teams),
            "off": "" if one.active else OFF,
        }

    def dimmed(self, row: Found) -> bool:
        return not row.person.active


class TeamList(ColumnList[TeamLine]):
    """Teams by name."""

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        return shared(width, {"members": 7}, {"team": 4, "code": 2, "leader": 4})

    def cells(self, row: TeamLine) -> Mapping[str, str]:
        team = row.team
        return {"team": team.name, "code": team.code, "leader": team.leader or "", "members": f"{row.members:>7}"}


class StrangerList(ColumnList[Stranger]):
    """Who is spoken of in events and is in no directory, last seen first."""

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        return shared(width, {"events": 7, "last": 11}, {"name": 4, "email": 5})

    def cells(self, row: Stranger) -> Mapping[str, str]:
        card, console = row.card, self.console
        return {
            "name": card.name,
            "email": card.email or card.login,
            "events": f"{card.events:>7}",
            "last": card.last_at.astimezone(console.zone).strftime("%d.%m %H:%M"),
        }


class EntryList(ColumnList[EntryRow]):
    """What becomes of the lines of a sheet."""

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        sizes = shared(width, {"sign": 1, "line": 6}, {"email": 2, "told": 3})
        return {name: sizes[name] for name in ("sign", "line", "email", "told")}

    def cells(self, row: EntryRow) -> Mapping[str, str]:
        entry = row.entry
        line = f"{entry.line:>6}" if entry.line else ""
        return {
            "sign": KIND_SIGNS[entry.kind],
            "line": line,
            "email": entry.email or entry.name,
            "told": row.told,
        }
