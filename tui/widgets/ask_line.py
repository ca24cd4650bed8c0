"""Asks for one line of text, and says at once what is wrong with it."""

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Label

from tui.spoken import SpokenModal, binding


class AskLine(SpokenModal[str]):
    """Gives what was typed, or nothing.

    Args:
        title: What is asked for.
        hint: An example.
        problem: What is wrong with a text; empty when nothing is.
        text: What stands there at first.
    """

    DEFAULT_CSS = """
    AskLine { align: center middle; }
    AskLine > Vertical { width: 60; height: auto; padding: 1 2; border: round $primary; background: $surface; }
    AskLine Input { background: $boost; }
    AskLine #ask-problem { color: $text-error; height: auto; width: 100%; }
    AskLine #ask-title { margin-bottom: 1; width: 100%; }
    """
    BINDINGS = [binding("escape", "leave", "form.cancel")]  # noqa: RUF012 - declared so by Textual

    def __init__(self, title: str, hint: str, problem: Callable[[str], str], text: str = "") -> None:
        super().__init__()
        self._title, self._hint, self._problem, self._text = title, hint, problem, text

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(Content(self._title), id="ask-title")
            yield Input(self._text, placeholder=self._hint, compact=True, id="ask-text")
            yield Label("", id="ask-problem")

    @on(Input.Changed)
    def _typed(self) -> None:
        self.query_one("#ask-problem", Label).update("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if problem := self._problem(event.value):
            self.query_one("#ask-problem", Label).update(Content(problem))
        else:
            self.dismiss(event.value)

    def action_leave(self) -> None:
        """Leave it."""
        self.dismiss(None)
