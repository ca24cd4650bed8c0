"""The views of the lists of rules: one is chosen, the present one is saved under a name, one is deleted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from store.errors import StoreError
from store.rule_stats import Mark
from store.rule_views import MAX_NAME, RuleView, delete_view_in, save_view_in, views_in
from store.sanitise import clean_line
from tui.operator import operator
from tui.spoken import SpokenModal, binding
from tui.widgets.feed_line import fitted
from tui.widgets.form import Say
from tui.widgets.question import Question

NAME_CELLS = 24


def shipped_views(say: Say) -> list[RuleView]:
    """The views that are always there, in the language of the console."""
    marks = [
        RuleView(say(f"views.{mark.value}"), f"{say('filter.mark')}:{say(f'filter.mark_{mark.value}')}")
        for mark in (Mark.NEVER, Mark.UNADDRESSED, Mark.SHADOWED)
    ]
    return [RuleView(say("views.all")), RuleView(say("views.off"), say("filter.off")), *marks]


class RuleViewsScreen(SpokenModal[RuleView]):
    """Gives the view that was chosen or saved.

    Args:
        saved: The views of the store.
        present: What the list shows now; its name does not count.
    """

    DEFAULT_CSS = """
    RuleViewsScreen { align: center middle; }
    RuleViewsScreen #views-box { width: 66; height: auto; max-height: 100%; border: round $primary; padding: 0 1; }
    RuleViewsScreen #views-box { background: $surface; border-title-color: $text; }
    RuleViewsScreen #views-list { height: auto; max-height: 14; border: none; padding: 0; background: $surface; }
    RuleViewsScreen #view-name { display: none; height: 1; background: $boost; margin-top: 1; }
    RuleViewsScreen #view-hint { height: 1; margin-top: 1; color: $text-muted; }
    RuleViewsScreen.-naming #view-name { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("s", "name", "views.save"),
        binding("d,delete", "delete", "views.delete"),
        binding("escape", "leave", "views.close", show=False),
    ]

    @dataclass
    class Loaded(Message):
        """The views were read again."""

        saved: list[RuleView]

    @dataclass
    class Saved(Message):
        """The present view was saved."""

        view: RuleView

    @dataclass
    class Refused(Message):
        """The store did not do as asked."""

        problem: str

    def __init__(self, saved: Sequence[RuleView], present: RuleView) -> None:
        super().__init__()
        self._saved, self._present = list(saved), present

    def compose(self) -> ComposeResult:
        with Vertical(id="views-box") as box:
            box.border_title = Content(self.say("views.title"))
            yield OptionList(id="views-list", compact=True, markup=False)
            yield Input(placeholder=self.say("views.name_hint"), max_length=MAX_NAME, id="view-name", compact=True)
            yield Static(id="view-hint")

    def on_mount(self) -> None:
        self._shipped = shipped_views(self.say)
        self._fill()
        self.rows.focus()

    @property
    def rows(self) -> OptionList:
        """The views."""
        return self.query_one(OptionList)

    @property
    def _views(self) -> list[RuleView]:
        return [*self._shipped, *self._saved]

    def _fill(self) -> None:
        place = self.rows.highlighted or 0
        self.rows.clear_options()
        self.rows.add_options([Option(self._line(view)) for view in self._views])
        self.rows.highlighted = min(place, len(self._views) - 1)
        self.query_one("#view-hint", Static).update(Content(self.say("views.hint")))

    def _line(self, view: RuleView) -> Text:
        column = f"rules.column_{view.sort}"
        order = f"{self.console.texts.get(column, '')} {'▼' if view.descending else '▲'}" if view.sort else ""
        asks = " · ".join(filter(None, (clean_line(view.filter), order)))
        name = fitted(clean_line(view.name), NAME_CELLS)
        return Text.assemble(f"{name} ", (asks, "dim"), no_wrap=True, overflow="ellipsis")

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._views[event.option_index])

    def action_name(self) -> None:
        """Ask what the present view is to be called."""
        self.add_class("-naming")
        shown = clean_line(self._present.filter) or self.say("views.no_filter")
        self.query_one("#view-hint", Static).update(Content(self.say("views.saving", filter=shown)))
        self.query_one("#view-name").focus()

    def action_leave(self) -> None:
        """From the name to the list, from there back to the rules."""
        if self.has_class("-naming"):
            self.remove_class("-naming")
            self._fill()
            self.rows.focus()
        else:
            self.dismiss()

    @on(Input.Submitted, "#view-name")
    def _save(self, event: Input.Submitted) -> None:
        view = replace(self._present, name=event.value.strip())
        if view.name.casefold() in {one.name.casefold() for one in self._shipped}:
            self.notify(self.say("views.shipped", name=view.name), severity="warning")
            return

        def save() -> None:
            try:
                self.store.write(lambda connection: save_view_in(connection, self.store, view, operator()))
            except StoreError as error:
                self.post_message(self.Refused(self.problem(error)))
            else:
                self.post_message(self.Saved(view))

        self.run_worker(save, group="rules", thread=True, exit_on_error=False)

    @on(Saved)
    def _done(self, event: Saved) -> None:
        self.notify(self.say("views.saved", name=event.view.name))
        self.dismiss(event.view)

    def action_delete(self) -> None:
        """Delete the view under the cursor, after a question; those that are always there stay."""
        view = self._views[self.rows.highlighted or 0]
        if view in self._shipped:
            self.notify(self.say("views.shipped", name=view.name), severity="warning")
            return
        question = Question(
            self.say("views.delete_question", name=view.name), yes=self.say("mail.delete"), no=self.say("mail.keep")
        )

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.run_worker(lambda: self._delete(view.name), group="rules", thread=True, exit_on_error=False)

        self.app.push_screen(question, answered)

    def _delete(self, name: str) -> None:
        try:
            self.store.write(lambda connection: delete_view_in(connection, self.store, name, operator()))
            with self.store.read() as connection:
                self.post_message(self.Loaded(views_in(connection)))
        except StoreError as error:
            self.post_message(self.Refused(self.problem(error)))

    @on(Loaded)
    def _loaded(self, event: Loaded) -> None:
        self._saved = event.saved
        self._fill()

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self.notify(event.problem, severity="error")
