"""The first frame: the menu and a word of patience, painted before the store is open."""

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from tui.spoken import Spoken
from tui.widgets.sidebar import Sidebar
from tui.widgets.statusbar import StatusBar


class OpeningScreen(Spoken[None]):
    """Shown for the moment it takes to load and open the store."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared so by Textual

    def compose(self) -> ComposeResult:
        """The frame the live screen will have."""
        yield StatusBar(id="bar")
        with Horizontal(id="body"):
            yield Sidebar("live", self.console.texts)
            yield Static(Content(self.say("live.opening")), id="opening")
