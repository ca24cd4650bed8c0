"""The live pane: a scroll view with the line API over a window of rows read by key.

A table widget that holds every row costs a hundred seconds and a gigabyte at a million rows; this one keeps a
window, paints what is seen, and lets arrivals gather for a tenth of a second before it paints them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from textual import on
from textual.binding import BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from store.cards import FeedRow
from tui.feed_follower import WINDOW
from tui.spoken import binding
from tui.widgets.feed_line import feed_line

if TYPE_CHECKING:
    from tui.app import ConsoleApp


class LivePane(ScrollView, can_focus=True):
    """Deliveries as they happen. Newest on top, or at the bottom by choice."""

    DEFAULT_CSS = """
    LivePane { height: 1fr; background: $background; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("up", "move(-1)", "pane.up", show=False),
        binding("down", "move(1)", "pane.down", show=False),
        binding("pageup", "move_page(-1)", "pane.page_up", show=False),
        binding("pagedown", "move_page(1)", "pane.page_down", show=False),
        binding("home", "edge(False)", "pane.home", show=False),
        binding("end", "edge(True)", "pane.end", show=False),
        binding("enter", "open", "pane.open"),
        binding("o", "order", "pane.order"),
    ]

    @dataclass
    class Opened(Message):
        """A row was opened."""

        delivery_id: int

    @dataclass
    class Highlighted(Message):
        """Another row is under the cursor. `following` when it got there by arriving."""

        delivery_id: int
        following: bool

        def can_replace(self, message: Message) -> bool:
            """Only the last one is of interest."""
            return isinstance(message, LivePane.Highlighted)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._told: int | None = None
        self._rows: list[FeedRow] = []
        self._places: dict[int, int] = {}
        self._cursor = 0
        self._follow = True

    @property
    def rows(self) -> list[FeedRow]:
        """The rows of the window, in the order they are shown."""
        return self._rows

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    def on_mount(self) -> None:
        """Show what the application has."""
        self.console.feed.attach(self)

    def on_unmount(self) -> None:
        """Leave the feed."""
        self.console.feed.detach(self)

    def show_all(self, newest_first: list[FeedRow]) -> None:
        """Replace the window."""
        kept = self._current_id()
        self._rows = newest_first if self.console.newest_on_top else newest_first[::-1]
        self._index(kept)

    def merge(self, fresh: list[FeedRow], changed: list[FeedRow]) -> None:
        """Take in arrivals (oldest first) and rows whose state changed."""
        for row in changed:
            place = self._places.get(row.id)
            if place is not None:
                self._rows[place] = row
        if not fresh:
            self.refresh()
            return
        kept = None if self._follow else self._current_id()
        if self.console.newest_on_top:
            self._rows = (fresh[::-1] + self._rows)[:WINDOW]
        else:
            self._rows = (self._rows + fresh)[-WINDOW:]
        self._index(kept)

    def _current_id(self) -> int | None:
        return self._rows[self._cursor].id if 0 <= self._cursor < len(self._rows) else None

    def _index(self, keep: int | None) -> None:
        self._places = {row.id: place for place, row in enumerate(self._rows)}
        edge = 0 if self.console.newest_on_top else max(0, len(self._rows) - 1)
        self._cursor = self._places.get(keep, edge) if keep is not None and not self._follow else edge
        self.virtual_size = Size(self.size.width, len(self._rows))
        self._reveal()
        self._tell()
        self.refresh()

    def _reveal(self) -> None:
        top, height = round(self.scroll_y), self.size.height
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, immediate=True)
        elif height and self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, immediate=True)

    def _tell(self) -> None:
        key = self._current_id()
        if key is not None and key != self._told:
            self._told = key
            self.post_message(self.Highlighted(key, self._follow))

    def action_move(self, step: int) -> None:
        """Move the cursor by rows."""
        if not self._rows:
            return
        self._cursor = min(max(self._cursor + step, 0), len(self._rows) - 1)
        edge = 0 if self.console.newest_on_top else len(self._rows) - 1
        self._follow = self._cursor == edge
        if self.console.newest_on_top and self._cursor >= len(self._rows) - 1:
            self.console.feed.read_older(self, self._rows[-1].id)
        self._reveal()
        self._tell()
        self.refresh()

    def action_move_page(self, step: int) -> None:
        """Move the cursor by pages."""
        self.action_move(step * max(1, self.size.height - 1))

    def action_edge(self, end: bool) -> None:
        """Go to the first or the last row."""
        self.action_move(len(self._rows) if end else -len(self._rows))

    def action_order(self) -> None:
        """Turn the order round."""
        self.console.newest_on_top = not self.console.newest_on_top
        self._follow = True
        self._rows.reverse()
        self._index(None)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        key = self._current_id()
        if key is not None:
            self.post_message(self.Opened(key))

    @on(Click)
    def _clicked(self, event: Click) -> None:
        place = event.y + round(self.scroll_y)
        if 0 <= place < len(self._rows):
            again = place == self._cursor
            self.action_move(place - self._cursor)
            if again or event.chain > 1:
                self.action_open()

    def append_older(self, older: list[FeedRow]) -> None:
        """Rows before the window, newest first."""
        known = self._places
        self._rows += [row for row in older if row.id not in known]
        self._places = {row.id: place for place, row in enumerate(self._rows)}
        self.virtual_size = Size(self.size.width, len(self._rows))
        self.refresh()

    def on_resize(self, event: Resize) -> None:
        """The line fits the width."""
        self.virtual_size = Size(event.size.width, len(self._rows))

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.scrollable_content_region.width
        place = y + round(self.scroll_y)
        if place >= len(self._rows):
            empty = not self._rows and y == 1
            text = f"  {self.console.texts('live.empty')}" if empty else ""
            return Strip([Segment(text.ljust(width)[:width], self.rich_style + Style(dim=True))], width)
        here = place == self._cursor and self.has_focus
        return feed_line(self._rows[place], width, self.rich_style, self.console, here=here)
