"""The pane below a list that tells all of the row under the cursor."""

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.widgets.page import Page


class Detail(Page):
    """What is under the cursor, in as many lines as it takes; it scrolls when it has the focus."""

    DEFAULT_CSS = """
    Detail { height: 9; border-top: solid $primary; padding: 0 1; scrollbar-size-vertical: 1; }
    Detail:focus { border-top: solid $accent; }
    Detail > Static { height: auto; }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="detail-text")

    def show(self, content: Content, *, stay: bool = False) -> None:
        """Show something else, from its beginning; what is only told anew may `stay` where it was scrolled to."""
        self.query_one("#detail-text", Static).update(content)
        if not stay:
            self.scroll_home(animate=False)
