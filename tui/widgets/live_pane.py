"""The live pane: a window of rows that follows what happens. Arrivals gather for a tenth of a second."""

from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from store.cards import FeedRow
from tui.feed_follower import WINDOW
from tui.spoken import binding
from tui.widgets.feed_line import feed_line
from tui.widgets.row_list import RowList


class LivePane(RowList[FeedRow]):
    """Deliveries as they happen. Newest on top, or at the bottom by choice."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("o", "order", "pane.order"),
    ]

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
        self._follow = True

    @property
    def empty_text(self) -> str:
        """What is said when there are no rows."""
        return self.console.texts("live.empty")

    def on_mount(self) -> None:
        """Show what the application has."""
        self.console.feed.attach(self)

    def on_unmount(self) -> None:
        """Leave the feed."""
        self.console.feed.detach(self)

    def show_all(self, newest_first: list[FeedRow]) -> None:
        """Replace the window."""
        self._place(newest_first if self.console.newest_on_top else newest_first[::-1])

    def merge(self, fresh: list[FeedRow], changed: list[FeedRow]) -> None:
        """Take in arrivals (oldest first) and rows whose state changed."""
        if changed:
            now = {row.id: row for row in changed}
            self._rows = [now.get(row.id, row) for row in self._rows]
        if fresh:
            top = self.console.newest_on_top
            self._place((fresh[::-1] + self._rows)[:WINDOW] if top else (self._rows + fresh)[-WINDOW:])
        elif changed:
            self.refresh()

    def append_older(self, older: list[FeedRow]) -> None:
        """Rows before the window, newest first."""
        known = {row.id for row in self._rows}
        self._rows = self._rows + [row for row in older if row.id not in known]
        self.measure()
        self.refresh()

    def _place(self, rows: list[FeedRow]) -> None:
        """Show these rows; who follows what arrives goes along, who reads stays where they are."""
        edge = 0 if self.console.newest_on_top else max(0, len(rows) - 1)
        self.replace_rows(rows, edge if self._follow else None)

    def cursor_moved(self) -> None:
        """Tell whose row it is now."""
        current = self.current
        if current is not None and current.id != self._told:
            self._told = current.id
            self.post_message(self.Highlighted(current.id, self._follow))

    def action_move(self, step: int) -> None:
        """Move the cursor by rows; at the edge where rows arrive it follows them."""
        place = self._cursor + step
        self._follow = place <= 0 if self.console.newest_on_top else place >= len(self._rows) - 1
        super().action_move(step)

    def end_reached(self) -> None:
        """Older rows are read when one walks to them."""
        if self.console.newest_on_top and self._rows:
            self.console.feed.read_older(self, self._rows[-1].id)

    def action_order(self) -> None:
        """Turn the order round."""
        self.console.newest_on_top = not self.console.newest_on_top
        self._follow = True
        self._place(self._rows[::-1])

    def line(self, row: FeedRow, width: int, base: Style) -> Strip:
        """A delivery as one line."""
        return feed_line(row, width, base, self.console)
