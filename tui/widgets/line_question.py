"""Asks for one line: a note, an address, a number. What is wrong with it, or what it means, is said beneath."""

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label

from store.sanitise import clean_line
from tui.spoken import SpokenModal, binding


def _nothing(_: str) -> str:
    return ""


class LineQuestion(SpokenModal[str | None]):
    """Gives the line, stripped; `None` when it was left.

    Args:
        question: What is asked, on one or more lines.
        yes: What the button says that takes it.
        value: What stands in the field at first; typing replaces it.
        hint: What the empty field says.
        problem: What is wrong with a value; empty when nothing is.
        meaning: What a value that is right means, said while one types.
    """

    DEFAULT_CSS = """
    LineQuestion { align: center middle; }
    LineQuestion > Vertical { width: 64; height: auto; padding: 1 2; border: round $primary; background: $surface; }
    LineQuestion Label { width: 100%; }
    LineQuestion Input { width: 100%; background: $boost; margin-top: 1; }
    LineQuestion #line-below { min-height: 1; color: $text-muted; }
    LineQuestion.-wrong #line-below { color: $text-error; }
    LineQuestion Horizontal { height: 1; }
    LineQuestion Button { margin-right: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [binding("escape", "leave", "line.leave", show=False)]

    def __init__(
        self,
        question: str,
        *,
        yes: str,
        value: str = "",
        hint: str = "",
        problem: Callable[[str], str] = _nothing,
        meaning: Callable[[str], str] = _nothing,
    ) -> None:
        super().__init__()
        self._question, self._yes, self._value, self._hint = question, yes, value, hint
        self._problem, self._meaning = problem, meaning

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(Text(self._question), id="line-question")
            yield Input(clean_line(self._value), placeholder=self._hint, id="line", compact=True, select_on_focus=True)
            yield Label("", id="line-below")
            with Horizontal():
                yield Button(Content(self._yes), id="take", variant="primary", compact=True)
                yield Button(Content(self.say("form.cancel")), id="leave", compact=True)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @property
    def value(self) -> str:
        """What stands in the field."""
        return self.query_one(Input).value.strip()

    @on(Input.Changed)
    def _say_meaning(self) -> None:
        wrong = self._problem(self.value)
        self.remove_class("-wrong")
        self._below("" if wrong else self._meaning(self.value))

    @on(Input.Submitted)
    @on(Button.Pressed, "#take")
    def _take(self) -> None:
        if wrong := self._problem(self.value):
            self.add_class("-wrong")
            self._below(wrong)
            self.query_one(Input).focus()
        else:
            self.dismiss(self.value)

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Leave it."""
        self.dismiss(None)

    def _below(self, text: str) -> None:
        self.query_one("#line-below", Label).update(Text(clean_line(text)))
