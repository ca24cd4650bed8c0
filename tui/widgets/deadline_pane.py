"""How deadlines run, on its tab."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Label, Static

from store.cards import DeadlineSettings
from store.errors import StoreError
from store.settings import deadline_settings_in, met_types_in, save_deadline_settings
from store.vocabulary import CatchUp, ObjectType
from tui.operator import operator
from tui.spoken import Spoken
from tui.widgets.card_view import CardView, Line
from tui.widgets.deadline_form import PARTS, DeadlineForm, rules_of
from tui.widgets.question import Question
from tui.widgets.status_words import statuses_in_words

KINDS = tuple(kind.value for kind in ObjectType if kind is not ObjectType.ARTICLE)
"""Object types that have deadlines; others are shown when they are met, or have statuses of their own."""


class DeadlinePane(Vertical):
    """Reads the settings, shows them, opens their form, and puts the standard ones back."""

    DEFAULT_CSS = """
    DeadlinePane { height: auto; }
    DeadlinePane > .block-title { padding: 0 1; text-style: bold; }
    DeadlinePane > .explanation { padding: 0 1; margin-bottom: 1; color: $text-muted; height: auto; }
    DeadlinePane #deadlines-card .card-label { width: 40; }
    """

    @dataclass
    class Loaded(Message):
        """The settings were read."""

        card: DeadlineSettings
        met: tuple[str, ...]

    def __init__(self) -> None:
        super().__init__(id="deadlines")
        self._card: DeadlineSettings | None = None
        self._met: tuple[str, ...] = ()

    @property
    def _spoken(self) -> Spoken[Any]:
        return cast("Spoken[Any]", self.screen)

    def compose(self) -> ComposeResult:
        say = self._spoken.say
        yield Label(Content(say("deadlines.title")), classes="block-title")
        with Horizontal(classes="page-buttons"):
            yield Button(Content(say("mail.edit")), id="deadlines-edit", compact=True, variant="primary")
            yield Button(Content(say("deadlines.restore")), id="deadlines-restore", compact=True)
        yield Static(Content(say("deadlines.explanation")), classes="explanation")
        yield CardView((), id="deadlines-card")

    def reload(self) -> None:
        """Read them, in a thread."""
        self._run(lambda: None)

    def _run(self, change: Callable[[], object]) -> None:
        def work() -> None:
            try:
                change()
                with self._spoken.store.read() as connection:
                    found = self.Loaded(deadline_settings_in(connection), tuple(met_types_in(connection)))
            except StoreError as error:
                self.app.notify(self._spoken.problem(error), severity="error", markup=False)
            else:
                self.post_message(found)

        self.run_worker(work, group="mail-read", thread=True, exit_on_error=False)

    @on(Loaded)
    async def _show(self, event: Loaded) -> None:
        self._card, self._met = event.card, event.met
        await self.query_one(CardView).show(self._lines(event.card))

    def _kinds(self, card: DeadlineSettings) -> dict[str, str]:
        known = dict.fromkeys([*KINDS, *self._met, *card.statuses])
        return {kind: self._spoken.console.texts.get(f"object.{kind}", kind) for kind in known}

    def _lines(self, card: DeadlineSettings) -> list[Line]:
        say, language = self._spoken.say, self._spoken.console.texts.language
        lines: list[Line] = []
        for kind, name in self._kinds(card).items():
            for part in PARTS:
                shown = statuses_in_words(getattr(rules_of(card, kind), part), language)
                lines.append((say(f"deadlines.{part}", object=name), shown or say("deadlines.statuses_none"), ""))
        lines.append((say("deadlines.pause"), say(f"deadlines.pause_{card.pause.value}"), ""))
        lines.append((say("deadlines.catch_up"), say(f"deadlines.catch_up_{card.catch_up.value}"), ""))
        if card.catch_up is not CatchUp.NONE:
            lines.append((say("deadlines.catch_up_days"), str(card.catch_up_days), ""))
        return lines

    @on(Button.Pressed, "#deadlines-edit")
    def edit(self) -> None:
        """Open the form."""
        if (card := self._card) is not None:
            language = self._spoken.console.texts.language
            self.app.push_screen(DeadlineForm(self._spoken.say, language, card, self._kinds(card)), self._edited)

    @on(Button.Pressed, "#deadlines-restore")
    def restore(self) -> None:
        """Put the standard settings back, after a question."""
        say, store = self._spoken.say, self._spoken.store

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._run(lambda: save_deadline_settings(store, DeadlineSettings(), operator()))

        question = Question(say("deadlines.restore_question"), yes=say("deadlines.restore"), no=say("form.cancel"))
        self.app.push_screen(question, answered)

    def _edited(self, saved: bool | None) -> None:
        if saved:
            self.app.notify(self._spoken.say("mail.saved"), markup=False)
        self.reload()
