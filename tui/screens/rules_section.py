"""What the screens of event actions and escalations have in common: load, switch, undo."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.message import Message

from store.errors import StoreError
from store.rulebook import list_rules, set_enabled
from store.rules import Rule
from store.vocabulary import RuleKind
from tui.operator import operator
from tui.screens.base import SectionScreen
from tui.widgets.rule_list import RuleList
from tui.widgets.rule_words import RuleLine, rule_line


@dataclass(frozen=True, slots=True)
class Switched:
    """What the last switch changed: the codes by what they were before."""

    was_on: tuple[str, ...]
    was_off: tuple[str, ...]


class RulesSection(SectionScreen):
    """A list of rules of one kind."""

    KIND: ClassVar[RuleKind]
    LIST_ID: ClassVar[str]
    WHEN_KEY: ClassVar[str] = "rules.column_when"
    FOOTER = ("rules.switch", "rules.filter", "rules.undo", "rules.mark", "rules.sort")

    @dataclass
    class Loaded(Message):
        """The rules were read."""

        rules: tuple[Rule, ...]
        note: str | None

    @dataclass
    class Refused(Message):
        """The store did not take a change."""

        problem: str

    def compose_content(self) -> ComposeResult:
        yield RuleList(self.say, when_key=self.WHEN_KEY, id=self.LIST_ID)

    def on_mount(self) -> None:
        self._last: Switched | None = None
        self._rules: dict[str, Rule] = {}
        self.reload()

    def on_screen_resume(self) -> None:
        self.reload()

    @property
    def list(self) -> RuleList:
        """The list."""
        return self.query_one(RuleList)

    def reload(self) -> None:
        """Read the rules again, in a thread."""
        self.run_worker(lambda: self._load(None), group="rules", thread=True, exit_on_error=False)

    def _load(self, note: str | None) -> None:
        try:
            self.post_message(self.Loaded(tuple(list_rules(self.store, self.KIND)), note))
        except StoreError as error:
            self.post_message(self.Refused(str(error)))

    def _switch(self, changes: Sequence[tuple[Sequence[str], bool]], note: str) -> None:
        try:
            for codes, enabled in changes:
                if codes:
                    set_enabled(self.store, codes, enabled, operator())
        except StoreError as error:
            self.post_message(self.Refused(str(error)))
            note = ""
        self._load(note)

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        self._rules = {rule.code: rule for rule in event.rules}
        self.list.show([self._line(rule) for rule in event.rules], event.note)

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self.notify(event.problem, severity="error", markup=False)

    def _line(self, rule: Rule) -> RuleLine:
        return rule_line(rule, self.say)

    def _what(self, codes: Sequence[str]) -> str:
        if len(codes) == 1:
            return self._line(self._rules[codes[0]]).title
        return self.say("rules.switched_many", count=len(codes))

    @on(RuleList.SwitchRequested)
    def _on_switch(self, event: RuleList.SwitchRequested) -> None:
        codes = [code for code in event.codes if self._rules[code].enabled is not event.enabled]
        self._last = Switched(() if event.enabled else tuple(codes), tuple(codes) if event.enabled else ())
        key = "rules.switched_on" if event.enabled else "rules.switched_off"
        note = f"{self.say(key, what=self._what(codes))} · {self.say('rules.undo_hint')}"
        self._start([(codes, event.enabled)], note)

    @on(RuleList.UndoRequested)
    def _on_undo(self) -> None:
        last, self._last = self._last, None
        if last is None:
            self.list.show([self._line(rule) for rule in self._rules.values()], self.say("rules.nothing_to_undo"))
            return
        note = self.say("rules.undone", what=self._what(last.was_on + last.was_off))
        self._start([(last.was_on, True), (last.was_off, False)], note)

    def _start(self, changes: Sequence[tuple[Sequence[str], bool]], note: str) -> None:
        self.run_worker(lambda: self._switch(changes, note), group="rules", thread=True, exit_on_error=False)
