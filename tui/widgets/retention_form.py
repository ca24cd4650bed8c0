"""The form of what is kept how long; what would go is asked about before it is saved, for it does not come back."""

from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from store.cards import Retention
from store.errors import SettingsError, StoreError
from store.housekeeping import Old, look_ahead
from store.retention import RETENTION_RANGES, save_retention
from tui.operator import operator
from tui.widgets.form import Field, Form, Say, Value, text_field
from tui.widgets.question import Question


class RetentionForm(Form):
    """Edits how long what is kept."""

    DEFAULT_CSS = """
    RetentionForm .explanation { color: $text-muted; height: auto; }
    """

    @dataclass
    class Looked(Message):
        """What would go was counted."""

        old: Old

    def __init__(self, say: Say, card: Retention) -> None:
        super().__init__(say, say("retention.title"))
        self.card = card

    def fields(self) -> list[Field]:
        say = self.say
        return [
            text_field(name, say(f"retention.{name}"), str(getattr(self.card, name)), hint=say("retention.hint"))
            for name in RETENTION_RANGES
        ]

    def below(self) -> list[Widget]:
        return [Static(Content(self.say("retention.explanation")), classes="explanation")]

    def read(self, values: dict[str, Value]) -> Retention:
        """What stands in the form.

        Raises:
            SettingsError: A number is none, or out of its range.
        """
        numbers: dict[str, int] = {}
        for name, (least, most) in RETENTION_RANGES.items():
            text = str(values[name])
            if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
                raise SettingsError(name, self.say("problem.range", least=least, most=most))
            numbers[name] = int(text)
        return Retention(**numbers)

    def save(self, values: dict[str, Value]) -> None:
        save_retention(self.store, self.read(values), operator())

    def action_save(self) -> None:
        """Count what would go, in a thread; where it is something, ask, else save."""
        for field in self.query(Field):
            field.show_problem("")
        try:
            card = self.read(self.values)
        except SettingsError as error:
            self.refuse(error.path, error.problem)
            return
        if card == self.card:
            super().action_save()
            return
        self.run_worker(lambda: self._look(card), group="save", exclusive=True, thread=True, exit_on_error=False)

    def _look(self, card: Retention) -> None:
        try:
            self.post_message(self.Looked(look_ahead(self.store, card)))
        except StoreError as error:
            self.notify(str(error), severity="error", markup=False)

    @on(Looked)
    def _ask(self, event: Looked) -> None:
        old, say = event.old, self.say
        parts: list[str] = []
        if old.events or old.entries:
            parts.append(say("retention.ask", events=old.events, deliveries=old.deliveries, entries=old.entries))
        if old.by_size:
            parts.append(say("retention.ask_size", events=old.by_size))
        if not parts:
            super().action_save()
            return
        question = Question("\n".join(parts), yes=say("retention.yes"), no=say("retention.no"))
        self.app.push_screen(question, self._answered)

    def _answered(self, agreed: bool | None) -> None:
        if agreed:
            super().action_save()
