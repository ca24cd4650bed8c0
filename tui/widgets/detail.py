"""The pane below a list that tells all of the row under the cursor."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.spoken import binding


class Detail(VerticalScroll):
    """What is under the cursor, in as many lines as it takes; it scrolls when it has the focus."""

    DEFAULT_CSS = """
    Detail { height: 9; border-top: solid $primary; padding: 0 1; scrollbar-size-vertical: 1; }
    Detail:focus { border-top: solid $accent; }
    Detail > Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("up", "scroll_up", "page.up", show=False),
        binding("down", "scroll_down", "page.down", show=False),
        binding("pageup", "page_up", "page.page_up", show=False),
        binding("pagedown,space", "page_down", "page.page_down", show=False),
        binding("home", "scroll_home", "page.home", show=False),
        binding("end", "scroll_end", "page.end", show=False),
    ]

    def compose(self) -> ComposeResult:
        yield Static(id="detail-text")

    def show(self, content: Content, *, stay: bool = False) -> None:
        """Show something else, from its beginning; what is only told anew may `stay` where it was scrolled to."""
        self.query_one("#detail-text", Static).update(content)
        if not stay:
            self.scroll_home(animate=False)
