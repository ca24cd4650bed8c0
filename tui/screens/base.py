"""What all sections have: the line on top, the menu, the docked pane, the footer."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical

from store.audit import settings_revision
from store.cards import Status
from tui.screens.following import Following
from tui.widgets.key_footer import KeyFooter
from tui.widgets.live_pane import LivePane
from tui.widgets.sidebar import Sidebar
from tui.widgets.statusbar import StatusBar


class SectionScreen(Following[None]):
    """A section of the console; subclasses yield their content from `compose_content`."""

    SECTION: ClassVar[str] = ""
    HAS_OWN_PANE: ClassVar[bool] = False
    """The section shows the feed itself, so the pane cannot be docked on it."""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared so by Textual
    DEFAULT_CSS = """
    SectionScreen #body { height: 1fr; }
    SectionScreen #content { width: 1fr; height: 1fr; }
    SectionScreen #docked { dock: bottom; height: 9; border-top: solid $primary; margin: 0 0 1 0; display: none; }
    """

    def follow_settings(self, reload: Callable[[], object]) -> None:
        """Have something done, in the application's thread, after each change of a setting while it is in front."""
        seen = -1

        def look() -> None:
            nonlocal seen
            revision = settings_revision(self.store)
            if revision != seen:
                self.console.call_later_from_thread(reload)
            seen = revision

        self.follow_store(look)

    def compose(self) -> ComposeResult:
        """The frame around the content."""
        yield StatusBar(id="bar")
        with Horizontal(id="body"):
            yield Sidebar(self.SECTION, self.console.texts)
            with Vertical(id="content"):
                yield from self.compose_content()
        if not self.HAS_OWN_PANE:
            with Container(id="docked"):
                yield LivePane(id="docked-pane")
        yield KeyFooter()

    def compose_content(self) -> ComposeResult:
        """What the section shows."""
        yield from ()

    def show_status(self, status: Status) -> None:
        """Show the state of the whole in the line on top."""
        for bar in self.query(StatusBar):
            bar.show(status, self.console.texts, self.console.clock(), starting=self.console.dispatcher_starting)
