"""The form of a made-up object, whose deadlines one wants to see in time before there is such a one."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, ClassVar
from uuid import uuid4

from textual.binding import BindingType

from dispatch.directory import Directory
from store.directory import people, teams
from store.errors import SettingsError
from store.events import NewEvent
from store.rulebook import list_rules
from store.vocabulary import DeadlineKind, EventType, ObjectType
from tui import moments
from tui.spoken import binding
from tui.widgets.form import Field, Form, Say, Value, choice_field, text_field
from tui.widgets.rule_words import word
from tui.widgets.status_words import statuses_from_words, statuses_in_words

_SEVERAL = "approvers"
PEOPLE = ("responsible", "client", _SEVERAL)
SHOWN = 5
"""Teams that are named where none is the one."""
_RUNS = "in_progress"


class MadeUpForm(Form):
    """Asks what the object would be; `event` is it, once `True` was given.

    Args:
        say: The words.
        before: What was filled in the last time, by field.
    """

    SAVE = "made_up.show"
    FOOTER = ("made_up.show", "form.cancel")
    BINDINGS: ClassVar[list[BindingType]] = [binding("ctrl+s", "save", "made_up.show")]

    def __init__(self, say: Say, before: Mapping[str, Value]) -> None:
        super().__init__(say, say("made_up.title"))
        self._filled = before
        self._kinds: dict[str, set[str]] = {}
        self.event: NewEvent | None = None

    @property
    def changed(self) -> bool:
        """There is nothing to lose: what was filled in stands here again the next time."""
        return False

    def fields(self) -> list[Field]:
        say = self.say
        self._kinds = self._watched()
        types = [(word(say, "object", kind), kind) for kind in dict.fromkeys([*map(str, ObjectType), *self._kinds])]

        def text(name: str, label: str, hint: str, first: str = "") -> Field:
            return text_field(name, label, str(self._filled.get(name, first)), hint=say(f"made_up.{hint}"))

        asked = str(self._filled.get("object_type", ObjectType.REQUEST.value))
        first = statuses_in_words([_RUNS], self.console.texts.language)
        return [
            choice_field("object_type", say("rules.field_object_type"), asked, types),
            text("started", say("made_up.started"), "started_hint"),
            *(
                text(kind.value, say(f"rules.deadline_{kind.value}"), "due_hint", say(f"made_up.first_{kind.value}"))
                for kind in DeadlineKind
            ),
            text("status", say("made_up.status"), "status_hint", first),
            *(text(name, word(say, "role", name), f"{name}_hint") for name in PEOPLE),
            text("team", say("made_up.team"), "team_hint"),
        ]

    def _watched(self) -> dict[str, set[str]]:
        """The kinds of deadlines that escalations wait for, by object type."""
        found: dict[str, set[str]] = {}
        for rule in list_rules(self.store):
            if rule.deadline is not None:
                found.setdefault(rule.object_type, set()).add(rule.deadline.value)
        return found

    def follow(self) -> None:
        for kind in DeadlineKind:
            self.field(kind.value).display = kind.value in self._asked_for(self.text("object_type"))

    def _asked_for(self, object_type: str) -> set[str]:
        """The deadlines an object of this type may have; of one no escalation names, any."""
        return self._kinds.get(object_type) or {kind.value for kind in DeadlineKind}

    def save(self, values: dict[str, Value]) -> None:
        """Make the event.

        Raises:
            SettingsError: A time or a person is none, or there is no deadline.
        """
        filled = {name: str(value).strip() for name, value in values.items()}
        console = self.console
        self.event = self._event(filled, self.store.clock(), console.zone)
        console.made_up = values

    def _event(self, filled: Mapping[str, str], now: datetime, zone: tzinfo) -> NewEvent:
        object_type = filled["object_type"]
        started = self._started(filled["started"], now, zone)
        kinds = self._asked_for(object_type)
        deadlines = {
            kind.value: {"started": started.isoformat(), "due": due.isoformat()}
            for kind in DeadlineKind
            if kind.value in kinds and (due := self._due(kind.value, filled[kind.value], started, zone)) is not None
        }
        if not deadlines:
            first = next(kind.value for kind in DeadlineKind if kind.value in kinds)
            raise SettingsError(first, self.say("made_up.no_deadline"))
        thing: dict[str, Any] = {
            "id": uuid4().hex, "type": object_type, "number": self.say("made_up.number"), "deadlines": deadlines,
            "status": next(iter(statuses_from_words(filled["status"])), None), **self._people(filled),
        }  # fmt: skip
        data = {"object": thing, "changes": {}, "actor": None, "comment": None}
        at = min(started, now)
        return NewEvent("made-up", thing["id"], object_type, EventType.ADDED.value, thing["id"], at, data)

    def _started(self, text: str, now: datetime, zone: tzinfo) -> datetime:
        found = moments.before(text, now, zone) if text else now
        if found is None:
            raise SettingsError("started", self.say("made_up.no_moment", hint=self.say("made_up.started_hint")))
        return found

    def _due(self, name: str, text: str, started: datetime, zone: tzinfo) -> datetime | None:
        if not text:
            return None
        due = moments.after(text, started, zone)
        if due is None:
            raise SettingsError(name, self.say("made_up.no_moment", hint=self.say("made_up.due_hint")))
        if due <= started:
            raise SettingsError(name, self.say("made_up.before_start"))
        return due

    def _people(self, filled: Mapping[str, str]) -> dict[str, Any]:
        directory = Directory(people(self.store), known := teams(self.store))
        found: dict[str, Any] = {}
        for name in PEOPLE:
            words = filled[name].replace(",", " ").split()
            if len(words) > 1 and name != _SEVERAL:
                raise SettingsError(name, self.say("made_up.only_one"))
            for one in words:
                who = directory.know(one)
                if who is None or not who.email:
                    raise SettingsError(name, self.say("made_up.nobody", who=one))
            found[name] = words if name == _SEVERAL else next(iter(words), None)
        if (team := filled["team"]) and directory.team(team) is None:
            some = ", ".join(one.code for one in known[:SHOWN]) or "—"
            raise SettingsError("team", self.say("made_up.no_team", team=team, known=some))
        return {**found, "team": team or None}
