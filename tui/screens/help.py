"""The keys of a screen."""

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui.spoken import SpokenModal, binding


class HelpScreen(SpokenModal[None]):
    """Lists every key that works on the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("escape,question_mark,f1,q", "dismiss", "help.close", shown="esc"),
    ]

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        keys: dict[str, list[str]] = {}
        for active in below.active_bindings.values():
            bound = active.binding
            if bound.id:
                keys.setdefault(bound.tooltip, []).append(below.app.get_key_display(bound))
        self._lines = [f"{' '.join(dict.fromkeys(names)):<14} {words}" for words, names in keys.items()]

    def compose(self) -> ComposeResult:
        """The list."""
        with VerticalScroll(id="help-box"):
            yield Static(Content("\n".join(self._lines)))
