"""The list of deliveries, in columns."""

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual.binding import BindingType

from store.cards import FeedRow
from store.sanitise import clean_line
from store.vocabulary import DeliveryState
from tui.spoken import binding
from tui.widgets.column_list import MARK, WIDE, MarkedList
from tui.widgets.feed_line import CHANNEL_MARKS, COLOURS, STATE_MARKS, subject_alone

if TYPE_CHECKING:
    from tui.app import ConsoleApp

NARROW_WIDTHS = {"mark": 1, "time": 5, "object": 8, "state": 11, "channel": 1, "recipient": 13}
WIDE_WIDTHS = {"mark": 1, "time": 14, "object": 10, "state": 13, "channel": 1, "recipient": 20}
ACKNOWLEDGED = "◆"
"""Stands in a row that somebody has acknowledged."""


def widths(width: int) -> dict[str, int]:
    """The width of each column on so many cells; the subject has what is left."""
    fixed = WIDE_WIDTHS if width >= WIDE else NARROW_WIDTHS
    return {**fixed, "subject": max(0, width - sum(fixed.values()) - len(fixed))}


def short_time(at: datetime, now: datetime, zone: tzinfo, *, wide: bool) -> str:
    """When it was: the time today, the day before today."""
    here, today = at.astimezone(zone), now.astimezone(zone)
    if wide:
        return here.strftime("%d.%m %H:%M:%S")
    return here.strftime("%H:%M" if here.date() == today.date() else "%d.%m")


def in_cells(row: FeedRow, width: int, base: Style, console: "ConsoleApp", sign: str) -> dict[str, tuple[str, Style]]:
    """What stands in each column, and how it looks: the state has its colour. `sign` stands before it."""
    wide = width >= WIDE
    state = console.texts.get(f"state.{row.state.word}", row.state.word)
    coloured = base + Style(color=console.colour(COLOURS[row.state]))
    # What went well is the rule: its sign is enough where columns are few.
    said = (
        f"{STATE_MARKS[row.state]} {state}" if wide or row.state is not DeliveryState.SENT else STATE_MARKS[row.state]
    )
    return {
        "mark": (sign, base + Style(bold=True)),
        "time": (short_time(row.created_at, console.clock(), console.zone, wide=wide), base + Style(dim=True)),
        "object": (clean_line(row.object_number), base + Style(bold=True)),
        "state": (said, coloured),
        "channel": (CHANNEL_MARKS[row.channel], base),
        "recipient": (clean_line(row.recipient_name or row.recipient_address), base),
        "subject": (subject_alone(row), base),
    }


def sign_of(row: FeedRow, *, marked: bool) -> str:
    """What stands before a row: whether it is marked, or acknowledged by somebody."""
    return MARK if marked else ACKNOWLEDGED if row.acknowledged else " "


class DeliveryList(MarkedList[FeedRow]):
    """Some deliveries. Rows can be marked; what is done with them is its screen's business."""

    BINDINGS: ClassVar[list[BindingType]] = [binding("enter", "open", "pane.open")]

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        """The subject has what is left."""
        return widths(width)

    def action_open(self) -> None:
        """Open the delivery under the cursor."""
        if current := self.current:
            self.post_message(self.Opened(current.id))

    def painted(self, row: FeedRow, width: int, base: Style) -> dict[str, tuple[str, Style]]:
        """The state has its colour."""
        return in_cells(row, width, base, self.console, sign_of(row, marked=self.is_marked(row)))
