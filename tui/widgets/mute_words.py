"""Mutes in words, and the form that makes one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from textual import on
from textual.events import Mount

from store.cards import FeedRow, Mute
from store.errors import SettingsError
from store.mutes import MAX_REASON, mute
from store.rules import Rule
from store.sanitise import clean_line
from store.vocabulary import MuteKind
from tui.moments import span
from tui.operator import operator
from tui.texts import Texts
from tui.widgets.delivery_words import rule_title
from tui.widgets.form import Field, Form, Say, Value, choice_field, text_field

WARN = timedelta(minutes=5)
"""So long before its end a mute is spoken of; of a short one, when half of it is over."""
USUAL = "2h"


def warn_at(one: Mute) -> datetime:
    """When to say that a mute is about to end."""
    return one.until - min(WARN, (one.until - one.since) / 2)


def muted_what(kind: MuteKind, key: str, rules: Mapping[str, Rule], texts: Texts) -> str:
    """What is muted, as people call it."""
    what = rule_title(key, rules, texts) if kind is MuteKind.RULE and key in rules else clean_line(key)
    return texts(f"mutes.what_{kind.value}", what=what)


def when(at: datetime, now: datetime, zone: tzinfo) -> str:
    """A moment: the time today, with the day on another one."""
    here = at.astimezone(zone)
    return here.strftime("%H:%M" if here.date() == now.astimezone(zone).date() else "%d.%m %H:%M")


def common(rows: Sequence[FeedRow]) -> list[tuple[MuteKind, str]]:
    """What some deliveries have in common that can be muted."""
    found: list[tuple[MuteKind, str]] = []
    for kind, values in (
        (MuteKind.OBJECT, {row.object_number for row in rows}),
        (MuteKind.RULE, {row.rule_code for row in rows}),
        (MuteKind.PERSON, {row.recipient_address.lower() for row in rows}),
    ):
        if len(values) == 1 and (value := next(iter(values))):
            found.append((kind, value))
    return found


class MuteForm(Form):
    """Asks what is to be muted, for how long and why; `made` is the mute once it is saved.

    Args:
        choices: What can be muted, by kind and key, the first one chosen.
        titles: What each of them is called.
    """

    def __init__(self, say: Say, choices: Sequence[tuple[MuteKind, str]], titles: Iterable[str]) -> None:
        super().__init__(say, say("mutes.new"))
        self._choices = list(choices)
        self._titles = list(titles)
        self.made: Mute | None = None

    def fields(self) -> list[Field]:
        say = self.say
        options = [(title, str(place)) for place, title in enumerate(self._titles)]
        return [
            choice_field("key", say("mutes.what"), "0", options),
            text_field("until", say("mutes.span"), USUAL, hint=say("mutes.span_hint")),
            text_field("reason", say("mutes.reason"), hint=say("mutes.reason_hint")),
        ]

    @on(Mount)
    def _go_to_reason(self) -> None:
        """What and how long is most often right as it stands."""
        self.call_after_refresh(self.field("reason").control.focus)

    def save(self, values: dict[str, Value]) -> None:
        length = span(str(values["until"]))
        if length is None:
            raise SettingsError("until", "is no span", key="span", value=str(values["until"]))
        kind, key = self._choices[int(str(values["key"]))]
        reason = str(values["reason"])[: MAX_REASON + 1]
        self.made = mute(self.store, kind, key, self.store.clock() + length, reason, operator())
