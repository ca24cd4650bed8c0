"""The views of a list: one is chosen, the present one is saved under a name, one is deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from store.errors import SettingsError, StoreError
from store.sanitise import clean_line
from store.views import MAX_NAME, Views, ViewT
from tui.operator import operator
from tui.spoken import SpokenModal, binding
from tui.widgets.question import Question


class ViewsScreen(SpokenModal[ViewT], Generic[ViewT]):
    """Gives the view that was chosen or saved. A subclass says what its views are, and where they are kept (`KEPT`).

    Args:
        saved: The views of the store.
        present: What the list shows now; its name does not count.
    """

    KEPT: ClassVar[Views[Any]]
    MAX_NAME: ClassVar[int] = MAX_NAME
    DEFAULT_CSS = """
    ViewsScreen { align: center middle; }
    ViewsScreen #views-box { width: 66; height: auto; max-height: 100%; border: round $primary; padding: 0 1; }
    ViewsScreen #views-box { background: $surface; border-title-color: $text; }
    ViewsScreen #views-list { height: auto; max-height: 14; border: none; padding: 0; background: $surface; }
    ViewsScreen #view-name { display: none; height: 1; background: $boost; margin-top: 1; }
    ViewsScreen #view-hint { height: 1; margin-top: 1; color: $text-muted; }
    ViewsScreen.-naming #view-name { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("s", "name", "views.save"),
        binding("d,delete", "delete", "views.delete"),
        binding("escape", "leave", "views.close", show=False),
    ]

    @dataclass
    class Loaded(Message):
        """The views were read again."""

        saved: list[Any]

    @dataclass
    class Saved(Message):
        """The present view was saved."""

        view: Any

    @dataclass
    class Refused(Message):
        """The store did not do as asked."""

        problem: str

    def __init__(self, saved: Sequence[ViewT], present: ViewT) -> None:
        super().__init__()
        self.saved, self.present = list(saved), present
        self.shipped: Sequence[ViewT] = ()

    def shipped_views(self) -> Sequence[ViewT]:
        """The views that are always there, in the language of the console."""
        raise NotImplementedError

    def line(self, view: ViewT) -> Text:
        """A view in the list."""
        raise NotImplementedError

    def named(self, text: str) -> ViewT:
        """The present view under the name that was typed."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(id="views-box") as box:
            box.border_title = Content(self.say("views.title"))
            yield OptionList(id="views-list", compact=True, markup=False)
            yield Input(placeholder=self.name_hint, max_length=self.MAX_NAME, id="view-name", compact=True)
            yield Static(id="view-hint")

    def on_mount(self) -> None:
        self.shipped = self.shipped_views()
        self.fill()
        self.rows.focus()

    @property
    def name_hint(self) -> str:
        """What the empty field of the name says."""
        return self.say("views.name_hint")

    @property
    def hint(self) -> str:
        """What can be done here."""
        return self.say("views.hint")

    @property
    def rows(self) -> OptionList:
        """The views."""
        return self.query_one(OptionList)

    @property
    def views(self) -> list[ViewT]:
        """All of them, as they are listed."""
        return [*self.shipped, *self.saved]

    def fill(self) -> None:
        """List the views."""
        place = self.rows.highlighted or 0
        self.rows.clear_options()
        self.rows.add_options([Option(self.line(view)) for view in self.views])
        self.rows.highlighted = min(place, len(self.views) - 1)
        self.query_one("#view-hint", Static).update(Content(self.hint))

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.views[event.option_index])

    def action_name(self) -> None:
        """Ask what the present view is to be called."""
        self.add_class("-naming")
        shown = clean_line(self.present.filter) or self.say("views.no_filter")
        self.query_one("#view-hint", Static).update(Content(self.say("views.saving", filter=shown)))
        self.query_one("#view-name").focus()

    def action_leave(self) -> None:
        """From the name to the list, from there back."""
        if self.has_class("-naming"):
            self.remove_class("-naming")
            self.fill()
            self.rows.focus()
        else:
            self.dismiss()

    @on(Input.Submitted, "#view-name")
    def _save(self, event: Input.Submitted) -> None:
        view = self.named(event.value.strip())
        if view.name.casefold() in {one.name.casefold() for one in self.shipped}:
            self.notify(self.say("views.shipped", name=view.name), severity="warning")
            return

        def save() -> None:
            try:
                self.store.write(lambda connection: self.KEPT.save_in(connection, self.store, view, operator()))
            except (SettingsError, StoreError) as error:
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
        view = self.views[self.rows.highlighted or 0]
        if view in self.shipped:
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
            self.store.write(lambda connection: self.KEPT.delete_in(connection, self.store, name, operator()))
            with self.store.read() as connection:
                self.post_message(self.Loaded(self.KEPT.all_in(connection)))
        except StoreError as error:
            self.post_message(self.Refused(self.problem(error)))

    @on(Loaded)
    def _loaded(self, event: Loaded) -> None:
        self.saved = event.saved
        self.fill()

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self.notify(event.problem, severity="error")
