"""The audit in columns: when, who, what, which fields."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Resize
from textual.message import Message
from textual.strip import Strip

from store.audit import AuditCard
from store.sanitise import clean_line
from tui.spoken import binding
from tui.widgets.audit_words import AuditWords
from tui.widgets.delivery_list import short_time
from tui.widgets.feed_line import fitted
from tui.widgets.row_list import RowList

WIDE = 90
"""Cells from which on there is room for seconds and longer names."""
REVERT, REVERTED = "↶", "×"
"""Signs of an entry that takes another back, and of one that was taken back."""
COLUMNS = ("mark", "time", "who", "what", "fields")


def widths(width: int) -> dict[str, int]:
    """The width of each column on so many cells; the fields have what is left."""
    fixed = {"mark": 1, "time": 5, "who": 9} if width < WIDE else {"mark": 1, "time": 14, "who": 14}
    left = max(0, width - sum(fixed.values()) - len(COLUMNS))
    return {**fixed, "what": left // 2, "fields": left - left // 2}


@dataclass(frozen=True, slots=True)
class AuditLine:
    """An entry, and its words."""

    card: AuditCard
    what: str
    fields: str

    @property
    def id(self) -> int:
        """The number of the entry."""
        return self.card.id

    @property
    def at(self) -> datetime:
        """When it was."""
        return self.card.at


def audit_line(card: AuditCard, words: AuditWords) -> AuditLine:
    """An entry with its words."""
    return AuditLine(card, words.what(card), words.summary(card))


class AuditList(RowList[AuditLine]):
    """Entries that match a filter, newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("enter", "open", "audit.open"),
    ]

    @dataclass
    class Moved(Message):
        """The cursor is on another row."""

    @dataclass
    class Read(Message):
        """A row is to be read whole."""

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
        self.nothing = ""

    @property
    def empty_text(self) -> str:
        """What is said when there are no rows."""
        return self.nothing

    def append(self, older: list[AuditLine]) -> None:
        """Add rows older than the last one."""
        known = {row.id for row in self._rows}
        self.replace_rows(self._rows + [row for row in older if row.id not in known])

    def action_open(self) -> None:
        """Read the row under the cursor whole."""
        if self.current is not None:
            self.post_message(self.Read())

    def cursor_moved(self) -> None:
        """Tell the screen."""
        self.post_message(self.Moved())

    def end_reached(self) -> None:
        """Ask the screen for older rows."""
        self.post_message(self.EndReached(self._rows[-1].id))

    def on_resize(self, event: Resize) -> None:
        """Tell the screen, whose head of columns follows."""
        super().on_resize(event)
        self.post_message(self.Sized(self.scrollable_content_region.width))

    def line(self, row: AuditLine, width: int, base: Style) -> Strip:
        """An entry as one line, in columns."""
        console = self.console
        sizes, card = widths(width), row.card
        mark = REVERTED if card.reverted_by else REVERT if card.reverts else " "
        quiet = base + Style(dim=True)
        done = quiet if card.reverted_by else base
        cells = {
            "mark": (mark, base + Style(color=console.colour("warning"))),
            "time": (short_time(card.at, console.clock(), console.zone, wide=width >= WIDE), quiet),
            "who": (clean_line(card.who), done),
            "what": (row.what, done + Style(bold=not card.reverted_by)),
            "fields": (row.fields, done),
        }
        segments: list[Segment] = []
        for column in COLUMNS:
            text, style = cells[column]
            segments += [Segment(fitted(text, sizes[column]), style), Segment(" ", base)]
        return Strip(segments).adjust_cell_length(width, base)
