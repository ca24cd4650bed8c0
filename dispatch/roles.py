"""From roles to people."""

from collections.abc import Callable
from typing import Any, cast

from dispatch.directory import Directory, Known
from store.events import StoredEvent, part
from store.rules import Rule
from store.vocabulary import Role

Finder = Callable[[dict[str, Any], StoredEvent, Directory], list[Known]]
MANAGERS = frozenset({Role.TEAM_LEADER, Role.RESPONSIBLE_TEAM_LEADER, Role.HEAD})
"""In alerts to these the responsible person is left out."""
_CROWDS = (Role.RESPONSIBLE_TEAM, Role.OBSERVERS, Role.SUBSCRIBERS)
RANK = {role: rank for rank, role in enumerate(sorted(Role, key=_CROWDS.__contains__))}
"""The nearest first: whoever leads the team, or was chosen by name, is told as such and not as one of many."""


def people_in_role(role: Role, event: StoredEvent, directory: Directory, rule: Rule) -> list[Known]:
    """Who holds a role for this event; may be empty, may repeat."""
    if role is Role.TEAMS:
        return [known for code in rule.teams for known in directory.members(code)]
    if role is Role.FIXED:
        return [known for address in rule.fixed_addresses if (known := directory.know(address))]
    thing = cast("dict[str, Any]", event.data["object"])
    return _FINDERS[role](thing, event, directory)


def _field(name: str) -> Finder:
    def find(thing: dict[str, Any], event: StoredEvent, directory: Directory) -> list[Known]:
        del event
        return _known(directory, thing.get(name))

    return find


def _comment_field(name: str) -> Finder:
    def find(thing: dict[str, Any], event: StoredEvent, directory: Directory) -> list[Known]:
        del thing
        return _known(directory, part(event.data, "comment").get(name))

    return find


def _known(directory: Directory, value: object) -> list[Known]:
    mentions: list[object] = cast("list[object]", value) if isinstance(value, list) else [value]
    return [known for mention in mentions if (known := directory.know(mention))]


def _team(thing: dict[str, Any], event: StoredEvent, directory: Directory) -> list[Known]:
    del event
    return directory.members(thing.get("team"))


def _team_leader(thing: dict[str, Any], event: StoredEvent, directory: Directory) -> list[Known]:
    del event
    team = directory.team(thing.get("team"))
    return _known(directory, team.leader if team else None)


def _responsible_team_leader(thing: dict[str, Any], event: StoredEvent, directory: Directory) -> list[Known]:
    del event
    responsible = directory.know(thing.get("responsible"))
    codes = responsible.person.teams if responsible and responsible.person else ()
    leaders = [team.leader for code in codes if (team := directory.team(code)) and team.leader]
    return _known(directory, leaders)


def _head(thing: dict[str, Any], event: StoredEvent, directory: Directory) -> list[Known]:
    del event
    responsible = directory.know(thing.get("responsible"))
    return _known(directory, responsible.person.head if responsible and responsible.person else None)


def _previous_responsible(thing: dict[str, Any], event: StoredEvent, directory: Directory) -> list[Known]:
    # A desk may report a change to who it was already; nothing was taken from them.
    now = directory.know(thing.get("responsible"))
    before = _known(directory, part(part(event.data, "changes"), "responsible").get("from"))
    return [known for known in before if now is None or known.key != now.key]


def _approvers(thing: dict[str, Any], event: StoredEvent, directory: Directory) -> list[Known]:
    del event
    voted = {known.key for known in _known(directory, thing.get("voted"))}
    return [known for known in _known(directory, thing.get("approvers")) if known.key not in voted]


def _parent_responsible(thing: dict[str, Any], event: StoredEvent, directory: Directory) -> list[Known]:
    del event
    return _known(directory, part(thing, "parent").get("responsible"))


_FINDERS: dict[Role, Finder] = {
    Role.CLIENT: _field("client"),
    Role.AUTHOR: _field("author"),
    Role.RESPONSIBLE: _field("responsible"),
    Role.RESPONSIBLE_TEAM: _team,
    Role.TEAM_LEADER: _team_leader,
    Role.RESPONSIBLE_TEAM_LEADER: _responsible_team_leader,
    Role.HEAD: _head,
    Role.PREVIOUS_RESPONSIBLE: _previous_responsible,
    Role.OBSERVERS: _field("observers"),
    Role.SUBSCRIBERS: _field("subscribers"),
    Role.APPROVERS: _approvers,
    Role.MENTIONED: _comment_field("mentions"),
    Role.PARENT_RESPONSIBLE: _parent_responsible,
    Role.CHOSEN: _comment_field("chosen"),
}
