"""Asks who is to get the test letter of a check."""

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label

from store.checks import check_address
from store.errors import SettingsError
from store.sanitise import clean_line
from tui.spoken import SpokenModal, binding
from tui.widgets.form import Say


class TrialRecipient(SpokenModal[str | None]):
    """One field with an address; gives it, or `None` when nothing is to be sent."""

    DEFAULT_CSS = """
    TrialRecipient { align: center middle; }
    TrialRecipient > Vertical { width: 60; height: auto; padding: 1 2; border: round $primary; background: $surface; }
    TrialRecipient Label { width: 100%; }
    TrialRecipient Input { width: 100%; background: $boost; margin-top: 1; }
    TrialRecipient #recipient-problem { color: $text-error; min-height: 1; }
    TrialRecipient Horizontal { height: 1; }
    TrialRecipient Button { margin-right: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [binding("escape", "cancel", "recipient.cancel", show=False)]

    def __init__(self, say: Say, usual: str) -> None:
        super().__init__()
        self.say = say
        self._usual = usual

    def compose(self) -> ComposeResult:
        say = self.say
        with Vertical():
            yield Label(Text(say("mail.letter_question")))
            # Typing replaces what stands there, Enter takes it.
            yield Input(clean_line(self._usual), id="recipient", compact=True, select_on_focus=True)
            yield Label("", id="recipient-problem")
            with Horizontal():
                yield Button(Content(say("mail.letter_send")), id="send", variant="primary", compact=True)
                yield Button(Content(say("form.cancel")), id="cancel", compact=True)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    @on(Button.Pressed, "#send")
    def _take(self) -> None:
        address = self.query_one(Input).value.strip()
        try:
            check_address(address, "to", required=True)
        except SettingsError:
            self.query_one("#recipient-problem", Label).update(Text(self.say("problem.address", value=address)))
            self.query_one(Input).focus()
        else:
            self.dismiss(address)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Send nothing."""
        self.dismiss(None)
