"""The screen of escalations: alerts before, at and after a deadline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.message import Message

from store.errors import StoreError
from store.rulebook import tell_past, watches_anew
from store.rules import Rule
from store.vocabulary import CatchUp, RuleKind
from tui.operator import operator
from tui.screens.rules_section import RulesSection, Switched
from tui.spoken import Command, binding
from tui.widgets.question import Question
from tui.widgets.rule_list import DEADLINES

if TYPE_CHECKING:
    from dispatch.past import Past


class EscalationsScreen(RulesSection):
    """The escalations."""

    KIND = RuleKind.ESCALATION
    LIST_ID = "escalations"
    LAYOUT = DEADLINES
    SECTION = "escalations"
    FOOTER = (*RulesSection.FOOTER, "rules.tell_past")
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("p", "tell_past", "rules.tell_past"),
        binding("f", "app.forecast", "app.forecast"),
        binding("m", "app.made_up", "app.made_up"),
    ]

    @dataclass
    class LookedBack(Message):
        """What escalations would tell of what has passed."""

        codes: tuple[str, ...]
        past: "Past"

    def note_of_saved(self, before: Mapping[str, Rule], after: Mapping[str, Rule]) -> str:
        armed = any(rule.enabled and watches_anew(before.get(code), rule) for code, rule in after.items())
        return self.say("rules.saved_not_past" if armed else "mail.saved")

    def note_of_switch(self, what: str, *, enabled: bool) -> str:
        if not enabled:
            return super().note_of_switch(what, enabled=False)
        return self.say("rules.switched_on_not_past", undo=self.say("rules.undo_hint"), what=what)

    def note_of_undo(self, last: Switched) -> str:
        return self.say("rules.undone_not_past") if last.was_on else super().note_of_undo(last)

    def commands(self) -> Sequence[Command]:
        past = Command(self.say("rules.past_command"), self.say("help.rules_tell_past"), self.action_tell_past)
        return [past, *super().commands()]

    def action_tell_past(self) -> None:
        """Have the marked escalations, or the one under the cursor, tell of what has passed; asks first."""
        found = [rule for code in self.list.chosen if (rule := self._rules.get(code)) is not None]
        codes = tuple(rule.code for rule in found if rule.enabled)
        if codes:
            self.list.tell(self.say("rules.past_counting"))
            self.run_worker(lambda: self._look_back(codes), group="rules", thread=True, exit_on_error=False)
        elif found:
            self.list.tell(self.say("rules.past_off"))

    def _look_back(self, codes: tuple[str, ...]) -> None:
        from dispatch.past import look_back  # it loads Jinja

        try:
            self.post_message(self.LookedBack(codes, look_back(self.store, codes)))
        except StoreError as error:
            self.post_message(self.Refused(self.problem(error)))
            self._load("")

    @on(LookedBack)
    def _ask(self, event: LookedBack) -> None:
        self.list.tell("")
        if not event.past.deadlines:
            self.list.tell(self.say("rules.past_never" if event.past.policy is CatchUp.NONE else "rules.past_none"))
            return
        since = event.past.since.astimezone(self.console.zone).strftime("%d.%m.%Y %H:%M")
        question = Question(
            self.say("rules.past_question", what=self._what(event.codes), count=event.past.count, since=since),
            yes=self.say("rules.past_tell"), no=self.say("rules.past_leave"),
        )  # fmt: skip

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.run_worker(lambda: self._tell_past(event), group="rules", thread=True, exit_on_error=False)

        self.app.push_screen(question, answered)

    def _tell_past(self, event: LookedBack) -> None:
        note = self.say("rules.past_told", count=event.past.count)
        try:
            tell_past(self.store, event.codes, operator(), event.past.since)
        except StoreError as error:
            self.post_message(self.Refused(self.problem(error)))
            note = ""
        self._load(note)
