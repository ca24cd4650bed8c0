"""The list of deliveries: a scroll view with the line API, whose cursor stays on its delivery whatever arrives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import set_cell_size
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
from store.sanitise import clean_line
from store.vocabulary import DeliveryState
from tui.spoken import binding
from tui.widgets.feed_line import CHANNEL_MARKS, COLOURS, STATE_MARKS, subject_alone

if TYPE_CHECKING:
    from tui.app import ConsoleApp

WIDE = 90
"""Cells from which on there is room for seconds, longer names and the state in words."""
MARK = "▶"
NARROW_WIDTHS = {"mark": 1, "time": 5, "object": 8, "state": 11, "channel": 1, "recipient": 13}
WIDE_WIDTHS = {"mark": 1, "time": 14, "object": 10, "state": 13, "channel": 1, "recipient": 20}
COLUMNS = ("mark", "time", "object", "state", "channel", "recipient", "subject")


def widths(width: int) -> dict[str, int]:
    """The width of each column on so many cells; the subject has what is left."""
    fixed = WIDE_WIDTHS if width >= WIDE else NARROW_WIDTHS
    return {**fixed, "subject": max(0, width - sum(fixed.values()) - len(fixed))}


def fitted(text: str, size: int) -> str:
    """A text in exactly `size` cells; what is cut off ends in `…`."""
    cut = set_cell_size(text, size)
    return cut if not size or cut.rstrip() == text.rstrip() else set_cell_size(text, size - 1) + "…"


def short_time(at: datetime, now: datetime, zone: tzinfo, *, wide: bool) -> str:
    """When it was: the time today, the day before today."""
    here, today = at.astimezone(zone), now.astimezone(zone)
    if wide:
        return here.strftime("%d.%m %H:%M:%S")
    return here.strftime("%H:%M" if here.date() == today.date() else "%d.%m")


class DeliveryList(ScrollView, can_focus=True):
    """Deliveries as rows. Rows can be marked; what is done with them is its screen's business."""

    DEFAULT_CSS = """
    DeliveryList { height: 1fr; background: $background; overflow-x: hidden; scrollbar-size-vertical: 1; }
    DeliveryList { scrollbar-gutter: stable; }
    DeliveryList > .delivery-list--cursor { background: $panel; }
    DeliveryList:focus > .delivery-list--cursor { background: $primary 45%; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"delivery-list--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("enter", "open", "pane.open"),
        binding("x,insert", "mark", "deliveries.mark"),
        binding("ctrl+a", "mark_all", "deliveries.mark_all"),
        binding("up", "move(-1)", "pane.up", show=False),
        binding("down", "move(1)", "pane.down", show=False),
        binding("pageup", "move_page(-1)", "pane.page_up", show=False),
        binding("pagedown", "move_page(1)", "pane.page_down", show=False),
        binding("home", "edge(False)", "pane.home", show=False),
        binding("end", "edge(True)", "pane.end", show=False),
    ]

    @dataclass
    class Opened(Message):
        """A row was opened."""

        delivery_id: int

    @dataclass
    class Moved(Message):
        """The cursor is on another row, or marks have changed."""

    @dataclass
    class Sized(Message):
        """The rows are of another width now."""

        width: int

    @dataclass
    class EndReached(Message):
        """The cursor is on the last row: older ones are wanted."""

        before_id: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.empty_text = ""
        self._rows: list[FeedRow] = []
        self._marked: set[int] = set()
        self._cursor = 0

    @property
    def rows(self) -> Sequence[FeedRow]:
        """The rows, newest first."""
        return self._rows

    @property
    def current(self) -> FeedRow | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if 0 <= self._cursor < len(self._rows) else None

    @property
    def marked(self) -> list[int]:
        """Ids of the marked rows, smallest first."""
        return sorted(self._marked)

    @property
    def chosen(self) -> list[int]:
        """Ids of the marked rows, else of the one under the cursor."""
        current = self.current
        return self.marked or ([current.id] if current else [])

    def show(self, rows: list[FeedRow]) -> None:
        """Show these rows in place of those before. The cursor stays on its delivery, and that where it is."""
        current = self.current
        before = self._cursor
        self._rows = rows
        self._marked &= {row.id for row in rows}
        places = {row.id: place for place, row in enumerate(rows)}
        kept = places.get(current.id) if current else None
        self._cursor = kept if kept is not None else min(before, max(0, len(rows) - 1))
        self._measure()
        top = round(self.scroll_y)
        if top and kept is not None:
            self.scroll_to(y=max(0, top + kept - before), animate=False, immediate=True)
        self._reveal()
        self._tell()

    def append(self, older: list[FeedRow]) -> None:
        """Add rows older than the last one."""
        known = {row.id for row in self._rows}
        self._rows = self._rows + [row for row in older if row.id not in known]
        self._measure()
        self._tell()

    def unmark(self) -> None:
        """Take all marks away."""
        self._marked.clear()
        self._tell()

    def _measure(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows))

    def _tell(self) -> None:
        self.refresh()
        self.post_message(self.Moved())

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
        self._tell()
        if step > 0 and self._cursor == last:
            self.post_message(self.EndReached(self._rows[-1].id))

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

    def action_mark(self) -> None:
        """Mark the row, or take its mark away, and go down."""
        if current := self.current:
            self._marked ^= {current.id}
            self.action_move(1)

    def action_mark_all(self) -> None:
        """Mark all rows; when all are marked, none."""
        every = {row.id for row in self._rows}
        self._marked = set() if every <= self._marked else every
        self._tell()

    @on(Click)
    def _clicked(self, event: Click) -> None:
        place = event.y + round(self.scroll_y)
        if 0 <= place < len(self._rows):
            again = place == self._cursor
            self.action_move(place - self._cursor)
            if again or event.chain > 1:
                self.action_open()

    def on_resize(self, event: Resize) -> None:
        del event
        self._measure()
        self._reveal()
        self.post_message(self.Sized(self.scrollable_content_region.width))

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        place = y + round(self.scroll_y)
        if place >= len(self._rows):
            text = f"  {self.empty_text}" if not self._rows and y == 1 else ""
            return Strip([Segment(fitted(text, width), base + Style(dim=True))], width)
        if place == self._cursor:
            base += self.get_component_rich_style("delivery-list--cursor")
        return self._line(self._rows[place], width, base)

    def _line(self, row: FeedRow, width: int, base: Style) -> Strip:
        console = cast("ConsoleApp", self.app)
        wide, sizes = width >= WIDE, widths(width)
        state = console.texts.get(f"state.{row.state.word}", row.state.word)
        coloured = base + Style(color=console.colour(COLOURS[row.state]))
        # What went well is the rule: its sign is enough where columns are few.
        said = (
            f"{STATE_MARKS[row.state]} {state}"
            if wide or row.state is not DeliveryState.SENT
            else STATE_MARKS[row.state]
        )
        cells = {
            "mark": (MARK if row.id in self._marked else " ", base + Style(bold=True)),
            "time": (short_time(row.created_at, console.clock(), console.zone, wide=wide), base + Style(dim=True)),
            "object": (clean_line(row.object_number), base + Style(bold=True)),
            "state": (said, coloured),
            "channel": (CHANNEL_MARKS[row.channel], base),
            "recipient": (clean_line(row.recipient_name or row.recipient_address), base),
            "subject": (subject_alone(row), base),
        }
        segments: list[Segment] = []
        for column in COLUMNS:
            text, style = cells[column]
            segments += [Segment(fitted(text, sizes[column]), style), Segment(" ", base)]
        return Strip(segments).adjust_cell_length(width, base)
