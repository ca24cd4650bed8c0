"""The directory in memory: who somebody is, by address or login."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from store.addresses import mailbox_key
from store.cards import Person, Team

KEPT = 16_384
"""Mentions of which it is kept who was meant."""


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody an event speaks of. `person` is `None` for an address that is nobody's in the directory."""

    email: str
    name: str
    person: Person | None = None
    key: str = field(init=False, compare=False)
    """What makes two mentions the same person."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", mailbox_key(self.email) or self.name)


class Directory:
    """People and teams, indexed."""

    def __init__(self, people: Iterable[Person] = (), teams: Iterable[Team] = ()) -> None:
        self._by_email: dict[str, Person] = {}
        self._by_login: dict[str, Person] = {}
        self._members: dict[str, list[Known]] = defaultdict(list)
        # The same few are named again and again, in an event and from event to event.
        self._found = lru_cache(maxsize=KEPT)(self._find)
        self._teams = {team.code: team for team in teams}
        for person in people:
            self._by_email[mailbox_key(person.email)] = person
            if person.login:
                self._by_login[person.login.lower()] = person
            for code in person.teams:
                if person.active:
                    self._members[code].append(Known(person.email, person.name, person))

    def know(self, mention: object) -> Known | None:
        """Who is meant by an address, a login, or an object with `email` and `name`; `None` by nothing."""
        if not mention:
            return None
        name = ""
        if isinstance(mention, dict):
            body = cast("dict[str, Any]", mention)
            mention, name = body.get("email") or "", str(body.get("name") or "")
        return self._found(str(mention), name)

    def _find(self, mention: str, name: str) -> Known | None:
        word = mention.strip()
        person = self._by_email.get(mailbox_key(word)) or self._by_login.get(word.lower())
        if person is not None:
            return Known(person.email, person.name or name, person)
        if "@" in word:
            return Known(word, name)
        return Known("", name or word) if name or word else None

    def members(self, code: str | None) -> list[Known]:
        """The active people of a team."""
        return [*self._members.get(code or "", ())]

    def team(self, code: str | None) -> Team | None:
        """A team by code."""
        return self._teams.get(code or "")
