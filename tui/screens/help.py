"""The keys of a screen."""

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui.screens.words import binding_words


class HelpScreen(ModalScreen[None]):
    """Lists every key that works on the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q", "dismiss", "Close", key_display="esc", id="help.close", tooltip="Close the help"),
    ]

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        self._keys = [
            (self.app_key(active.binding), active.binding.id or "", active.binding.tooltip or active.binding.description)
            for active in below.active_bindings.values()
            if active.binding.id
        ]

    @staticmethod
    def app_key(binding: Binding) -> str:
        """The key as one reads it."""
        return binding.key_display or binding.key.replace("question_mark", "?").replace("slash", "/")

    def compose(self) -> ComposeResult:
        """The list."""
        lines = [f"{key:<12} {binding_words(self.app, name, text)}" for key, name, text in self._keys]
        with VerticalScroll(id="help-box"):
            yield Static(Content("\n".join(dict.fromkeys(lines))))
