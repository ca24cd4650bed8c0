"""The form of how deadlines run."""

import re
from dataclasses import replace

from store.cards import DeadlineSettings, StatusRules
from store.errors import SettingsError
from store.settings import CATCH_UP_DAYS, save_deadline_settings
from store.vocabulary import PAUSED_STATUSES, TERMINAL_STATUSES, CatchUp, Language, PauseMoves
from tui.operator import operator
from tui.widgets.form import Field, Form, Say, Value, choice_field, text_field
from tui.widgets.status_words import statuses_from_words, statuses_in_words

STANDARD = StatusRules(tuple(sorted(PAUSED_STATUSES)), tuple(sorted(TERMINAL_STATUSES)))
PARTS = ("paused", "ended")
_PLACE = re.compile(r"deadlines\.statuses\.(.*)\.(paused|ended)(?:\[\d+\])?", re.DOTALL)


def rules_of(card: DeadlineSettings, kind: str) -> StatusRules:
    """The statuses that count for an object type: its own, or the standard ones."""
    return card.statuses.get(kind, STANDARD)


class DeadlineForm(Form):
    """Edits how deadlines run.

    Args:
        say: The words.
        language: Their language.
        card: How it is now.
        kinds: Object types and what they are called.
    """

    def __init__(self, say: Say, language: Language, card: DeadlineSettings, kinds: dict[str, str]) -> None:
        super().__init__(say, say("deadlines.title"))
        self.card, self._language, self._kinds = card, language, kinds

    def fields(self) -> list[Field]:
        say, card = self.say, self.card
        statuses = [
            text_field(
                f"{part}_{index}",
                say(f"deadlines.{part}", object=name),
                self._shown(kind, part),
                hint=say("deadlines.statuses_hint"),
            )
            for index, (kind, name) in enumerate(self._kinds.items())
            for part in PARTS
        ]
        pauses = [(say(f"deadlines.pause_{one.value}"), one.value) for one in PauseMoves]
        told = [(say(f"deadlines.catch_up_{one.value}"), one.value) for one in CatchUp]
        return [
            *statuses,
            choice_field("pause", say("deadlines.pause"), card.pause.value, pauses),
            choice_field("catch_up", say("deadlines.catch_up"), card.catch_up.value, told),
            text_field(
                "catch_up_days",
                say("deadlines.catch_up_days"),
                str(card.catch_up_days),
                hint=say("deadlines.catch_up_days_hint"),
            ),
        ]

    def _shown(self, kind: str, part: str) -> str:
        return statuses_in_words(getattr(rules_of(self.card, kind), part), self._language)

    def follow(self) -> None:
        self.field("catch_up_days").display = self.text("catch_up") != CatchUp.NONE

    def read(self, values: dict[str, Value]) -> DeadlineSettings:
        """The settings as they stand in the form. An object type left at the standard has no statuses of its own.

        Raises:
            SettingsError: The days are no number, or out of range.
        """
        days, (least, most) = str(values["catch_up_days"]), CATCH_UP_DAYS
        if not days.isascii() or not days.isdigit() or not least <= int(days) <= most:
            raise SettingsError("catch_up_days", self.say("problem.range", least=least, most=most))
        statuses = dict(self.card.statuses)
        for index, kind in enumerate(self._kinds):
            before = rules_of(self.card, kind)
            typed = {part: str(values[f"{part}_{index}"]) for part in PARTS}
            changed = {
                part: statuses_from_words(text) for part, text in typed.items() if text != self._shown(kind, part)
            }
            if changed:
                statuses[kind] = replace(before, **changed)
        return DeadlineSettings(statuses, PauseMoves(str(values["pause"])), CatchUp(str(values["catch_up"])), int(days))

    def save(self, values: dict[str, Value]) -> None:
        try:
            save_deadline_settings(self.store, self.read(values), operator())
        except SettingsError as error:
            place = _PLACE.fullmatch(error.path)
            if place is None or place[1] not in self._kinds:
                raise
            field = f"{place[2]}_{list(self._kinds).index(place[1])}"
            raise SettingsError(field, error.problem, key=error.key, **error.params) from None
