"""What the screens of event actions and escalations have in common: load, switch, undo."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import DataTable

from store.errors import StoreError
from store.rule_stats import stats_in
from store.rule_views import VIEWS, RuleView
from store.rulebook import delete_in, rules_in, set_enabled
from store.rules import Rule
from store.sanitise import clean_line
from store.vocabulary import RuleKind
from tui.operator import operator
from tui.screens.base import SectionScreen
from tui.screens.rule_views import RuleViewsScreen, shipped_views
from tui.spoken import Command, binding
from tui.widgets.question import Question
from tui.widgets.rule_form import RuleForm, blank
from tui.widgets.rule_list import EVENTS, Layout, RuleList
from tui.widgets.rule_words import RuleLine, rule_line, title_of


@dataclass(frozen=True, slots=True)
class Switched:
    """What the last switch changed: the codes by what they were before."""

    was_on: tuple[str, ...]
    was_off: tuple[str, ...]


class RulesSection(SectionScreen):
    """A list of rules of one kind."""

    KIND: ClassVar[RuleKind]
    LIST_ID: ClassVar[str]
    LAYOUT: ClassVar[Layout] = EVENTS
    FOOTER = ("rules.switch", "rules.edit", "rules.add", "rules.filter", "rules.undo")
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("e", "edit", "rules.edit"),
        binding("a", "add", "rules.add"),
        binding("c", "copy", "rules.copy"),
        binding("v", "views", "rules.views"),
        binding("d,delete", "delete", "rules.delete"),
        binding("h", "history", "rules.history"),
        binding("f6", "try_it", "rule.try_it"),
    ]

    @dataclass
    class Loaded(Message):
        """The rules were read. Of readings under way at the same time, the one begun last has the largest number."""

        number: int
        rules: dict[str, Rule]
        lines: tuple[RuleLine, ...]
        views: Sequence[RuleView]
        note: str | None

    @dataclass
    class Refused(Message):
        """The store did not take a change."""

        problem: str

    def compose_content(self) -> ComposeResult:
        yield RuleList(self.say, layout=self.LAYOUT, id=self.LIST_ID)

    def on_mount(self) -> None:
        self._last: Switched | None = None
        self._rules: dict[str, Rule] = {}
        self._views: Sequence[RuleView] = ()
        self._readings, self._shown = count(1), 0
        self.reload()
        self.follow_store(lambda: self._load(None))

    def on_screen_resume(self) -> None:
        self.reload()

    @property
    def list(self) -> RuleList:
        """The list."""
        return self.query_one(RuleList)

    def reload(self) -> None:
        """Read the rules again, in a thread."""
        self.run_worker(lambda: self._load(None), group="rules", thread=True, exit_on_error=False)

    def _load(self, note: str | Callable[[Mapping[str, Rule]], str] | None) -> None:
        """Read the rules; `note` is for the status line, or is made of what was read."""
        number, now = next(self._readings), self.store.clock()
        try:
            with self.store.read() as connection:
                rules = {rule.code: rule for rule in rules_in(connection)}
                stats = stats_in(connection, now)
                views = VIEWS.all_in(connection)
        except StoreError as error:
            self.post_message(self.Refused(self.problem(error)))
            return
        mine = {code: rule for code, rule in rules.items() if rule.kind is self.KIND}
        said = note(mine) if callable(note) else note
        lines = [rule_line(rule, self.say, stats[code], now, rules) for code, rule in mine.items()]
        self.post_message(self.Loaded(number, mine, tuple(lines), views, said))

    def _switch(self, changes: Sequence[tuple[Sequence[str], bool]], note: str) -> None:
        try:
            for codes, enabled in changes:
                if codes:
                    set_enabled(self.store, codes, enabled, operator())
        except StoreError as error:
            self.post_message(self.Refused(self.problem(error)))
            note = ""
        self._load(note)

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        if event.number > self._shown:
            self._shown, self._rules, self._views = event.number, event.rules, event.views
            self.list.show(event.lines, event.note)
        elif event.note is not None:
            self.list.tell(event.note)  # what was done has been done, though it was read before

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self.notify(event.problem, severity="error", markup=False)

    def _what(self, codes: Sequence[str]) -> str:
        if len(codes) == 1:
            return title_of(self._rules[codes[0]], self.say)
        return self.say("rules.switched_many", count=len(codes))

    def _chosen(self) -> Rule | None:
        code = self.list.current
        return self._rules.get(code) if code else None

    @on(DataTable.RowSelected)
    def action_edit(self) -> None:
        """Open the form of the row under the cursor."""
        if (rule := self._chosen()) is not None:
            self._open(rule)

    def action_history(self) -> None:
        """Show who changed the row under the cursor, and when."""
        if (rule := self._chosen()) is not None:
            self.console.open_history("rule", rule.code)

    def action_try_it(self) -> None:
        """Try the row under the cursor on an event, and on those of the last days."""
        from tui.screens.try_rule import TryScreen  # it loads Jinja

        if (rule := self._chosen()) is not None:
            self.app.push_screen(TryScreen(self.say, rule))

    def commands(self) -> Sequence[Command]:
        views = [
            Command(self.say("views.command", name=view.name), clean_line(view.filter), partial(self.list.use, view))
            for view in [*shipped_views(self.say), *self._views]
        ]
        return [
            Command(self.say("try.command"), self.say("help.rule_try_it"), self.action_try_it),
            Command(self.say("views.title"), self.say("help.rules_views"), self.action_views),
            *views,
        ]

    def action_add(self) -> None:
        """Open the form of a new one."""
        self._open(blank(self.KIND))

    def action_copy(self) -> None:
        """Open the form of a new one that begins as the row under the cursor."""
        if (rule := self._chosen()) is not None:
            titles = {language: self.say("rules.copy_of", title=title) for language, title in rule.titles.items()}
            self._open(replace(rule, code="", titles=titles, standard=False))

    def _open(self, rule: Rule) -> None:
        before = self._rules

        def closed(saved: bool | None) -> None:
            note = partial(self.note_of_saved, before) if saved else None
            self.run_worker(lambda: self._load(note), group="rules", thread=True, exit_on_error=False)

        self.app.push_screen(RuleForm(self.say, rule), closed)

    def note_of_saved(self, before: Mapping[str, Rule], after: Mapping[str, Rule]) -> str:
        """What is said when a rule was saved; may be called from any thread."""
        del before, after
        return self.say("mail.saved")

    def note_of_switch(self, what: str, *, enabled: bool) -> str:
        """What is said when rules were switched."""
        note = self.say("rules.switched_on" if enabled else "rules.switched_off", what=what)
        return f"{note} · {self.say('rules.undo_hint')}"

    def note_of_undo(self, last: Switched) -> str:
        """What is said when a switch was taken back."""
        return self.say("rules.undone", what=self._what(last.was_on + last.was_off))

    def action_views(self) -> None:
        """Choose a view of the list, or save the present one."""
        self.app.push_screen(RuleViewsScreen(self._views, self.list.view), self._use)

    def _use(self, view: RuleView | None) -> None:
        if view is not None:
            self.list.use(view)

    def action_delete(self) -> None:
        """Delete the row under the cursor, after a question; one of the standard set can only be switched off."""
        rule = self._chosen()
        if rule is None:
            return
        if rule.standard:
            self.notify(self.say("problem.standard_rule"), severity="warning", markup=False)
            return
        what = self._what([rule.code])
        question = Question(
            self.say("rules.delete_question", what=what), yes=self.say("mail.delete"), no=self.say("mail.keep")
        )

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.run_worker(lambda: self._delete(rule.code), group="rules", thread=True, exit_on_error=False)

        self.app.push_screen(question, answered)

    def _delete(self, code: str) -> None:
        note = self.say("rules.deleted")
        try:
            self.store.write(lambda connection: delete_in(connection, self.store, code, operator()))
        except StoreError as error:
            self.post_message(self.Refused(self.problem(error)))
            note = ""
        self._load(note)

    @on(RuleList.SwitchRequested)
    def _on_switch(self, event: RuleList.SwitchRequested) -> None:
        codes = [code for code in event.codes if self._rules[code].enabled is not event.enabled]
        self._last = Switched(() if event.enabled else tuple(codes), tuple(codes) if event.enabled else ())
        note = self.note_of_switch(self._what(codes), enabled=event.enabled)
        self._start([(codes, event.enabled)], note)

    @on(RuleList.UndoRequested)
    def _on_undo(self) -> None:
        last, self._last = self._last, None
        if last is None:
            self.list.tell(self.say("rules.nothing_to_undo"))
            return
        note = self.note_of_undo(last)
        self._start([(last.was_on, True), (last.was_off, False)], note)

    def _start(self, changes: Sequence[tuple[Sequence[str], bool]], note: str) -> None:
        self.run_worker(lambda: self._switch(changes, note), group="rules", thread=True, exit_on_error=False)
