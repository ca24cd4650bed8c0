"""Live: what happens, as it happens."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.screens.base import SectionScreen
from tui.widgets.live_pane import LivePane


class LiveScreen(SectionScreen):
    """The pane in full size."""

    SECTION = "live"
    HAS_OWN_PANE: ClassVar[bool] = True

    def compose_content(self) -> ComposeResult:
        """The headline and the pane."""
        yield Static(Content(self.say("live.hint")), classes="headline")
        yield LivePane(id="live-pane")

    def on_mount(self) -> None:
        """The keyboard belongs to the pane."""
        self.query_one(LivePane).focus()
