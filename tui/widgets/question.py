"""A yes-or-no question in the middle of the screen."""

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Label

from tui.spoken import SpokenModal, binding


class Question(SpokenModal[bool]):
    """Asks; Escape and the second button mean no, and the second button has the focus."""

    DEFAULT_CSS = """
    Question { align: center middle; }
    Question > Vertical { width: 60; height: auto; padding: 1 2; border: round $warning; background: $surface; }
    Question Label { width: 100%; margin-bottom: 1; }
    Question Horizontal { height: 1; }
    Question Button { margin-right: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("escape", "no", "question.no", show=False),
        binding("left,right", "other", "question.other", show=False),
    ]

    def __init__(self, text: str, *, yes: str, no: str) -> None:
        super().__init__()
        self._text, self._yes, self._no = text, yes, no

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(Text(self._text), id="question-text")
            with Horizontal():
                yield Button(Content(self._yes), id="yes", variant="warning", compact=True)
                yield Button(Content(self._no), id="no", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    def action_other(self) -> None:
        """Go to the other button."""
        self.focus_next()

    @on(Button.Pressed, "#yes")
    def _agree(self) -> None:
        self.dismiss(result=True)

    @on(Button.Pressed, "#no")
    def action_no(self) -> None:
        """Answer no."""
        self.dismiss(result=False)
