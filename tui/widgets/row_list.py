"""Rows: a scroll view with the line API, whose cursor stays on its row whatever arrives.

A table widget that holds every row costs a hundred seconds and a gigabyte at a million rows; this one holds the rows
it was handed and paints those that are seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar, cast

from rich.segment import Segment
from rich.style import Style
from textual import on
from textual.binding import BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.spoken import binding
from tui.widgets.feed_line import fitted

if TYPE_CHECKING:
    from tui.app import ConsoleApp


class Numbered(Protocol):
    """What can be a row: it has a number of its own, which stays."""

    @property
    def id(self) -> int: ...


RowT = TypeVar("RowT", bound=Numbered)


class RowList(ScrollView, Generic[RowT], can_focus=True):
    """Rows with a cursor. A subclass paints a row (`line`) and says what is shown when there is none."""

    DEFAULT_CSS = """
    RowList { height: 1fr; background: $background; overflow-x: hidden; scrollbar-size-vertical: 1; }
    RowList { scrollbar-gutter: stable; }
    RowList > .row-list--cursor { background: $panel; }
    RowList:focus > .row-list--cursor { background: $primary 45%; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"row-list--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("enter", "open", "pane.open"),
        binding("up", "move(-1)", "pane.up", show=False),
        binding("down", "move(1)", "pane.down", show=False),
        binding("pageup", "move_page(-1)", "pane.page_up", show=False),
        binding("pagedown", "move_page(1)", "pane.page_down", show=False),
        binding("home", "edge(False)", "pane.home", show=False),
        binding("end", "edge(True)", "pane.end", show=False),
    ]

    @dataclass
    class Opened(Message):
        """A delivery was opened."""

        delivery_id: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: list[RowT] = []
        self._cursor = 0

    @property
    def rows(self) -> Sequence[RowT]:
        """The rows, in the order they are shown."""
        return self._rows

    @property
    def current(self) -> RowT | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if 0 <= self._cursor < len(self._rows) else None

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    @property
    def empty_text(self) -> str:
        """What is said when there are no rows."""
        return ""

    def line(self, row: RowT, width: int, base: Style) -> Strip:
        """A row as a strip of exactly `width` cells."""
        raise NotImplementedError

    def cursor_moved(self) -> None:
        """The cursor may be on another row, or the rows are others."""

    def end_reached(self) -> None:
        """The cursor was moved down to the last row."""

    def replace_rows(self, rows: list[RowT], cursor: int | None = None) -> None:
        """Show these rows. The cursor goes to the row with this place, else stays on its row, and that in view."""
        before, current = self._cursor, self.current
        self._rows = rows
        kept = None
        if cursor is None and current is not None:
            kept = next((place for place, row in enumerate(rows) if row.id == current.id), None)
        wanted = cursor if cursor is not None else before if kept is None else kept
        self._cursor = min(wanted, max(0, len(rows) - 1))
        self.measure()
        top = round(self.scroll_y)
        if top and kept is not None and kept != before:
            self.scroll_to(y=max(0, top + kept - before), animate=False, immediate=True)
        self._reveal()
        self.cursor_moved()
        self.refresh()

    def measure(self) -> None:
        """Tell the scroll bar how many rows there are."""
        self.virtual_size = Size(self.size.width, len(self._rows))

    def _reveal(self) -> None:
        top, height = round(self.scroll_y), self.size.height
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, immediate=True)
        elif height and self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, immediate=True)

    def action_move(self, step: int) -> None:
        """Move the cursor by rows."""
        if not self._rows:
            return
        last = len(self._rows) - 1
        self._cursor = min(max(self._cursor + step, 0), last)
        self._reveal()
        self.cursor_moved()
        self.refresh()
        if step > 0 and self._cursor == last:
            self.end_reached()

    def action_move_page(self, step: int) -> None:
        """Move the cursor by pages."""
        self.action_move(step * max(1, self.size.height - 1))

    def action_edge(self, end: bool) -> None:
        """Go to the first or the last row."""
        self.action_move(len(self._rows) if end else -len(self._rows))

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if current := self.current:
            self.post_message(self.Opened(current.id))

    @on(Click)
    def _clicked(self, event: Click) -> None:
        place = event.y + round(self.scroll_y)
        if 0 <= place < len(self._rows):
            again = place == self._cursor
            self.action_move(place - self._cursor)
            if again or event.chain > 1:
                self.action_open()

    def on_resize(self, event: Resize) -> None:
        """A row fits the width."""
        del event
        self.measure()
        self._reveal()

    def on_focus(self) -> None:
        """The cursor is bright."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is pale."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.scrollable_content_region.width
        base = self.rich_style
        place = y + round(self.scroll_y)
        if place >= len(self._rows):
            text = f"  {self.empty_text}" if not self._rows and y == 1 else ""
            return Strip([Segment(fitted(text, width), base + Style(dim=True))], width)
        if place == self._cursor:
            base += self.get_component_rich_style("row-list--cursor")
        return self.line(self._rows[place], width, base)
