"""Rows in columns, whose head and page are their pane's business."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.strip import Strip

from store.sanitise import clean_line
from tui.spoken import binding
from tui.widgets.feed_line import fitted
from tui.widgets.row_list import RowList, RowT

WIDE = 90
"""Cells from which on there is room for every column."""
MARK = "▶"
"""Stands in a row that is marked."""


def in_columns(cells: Mapping[str, tuple[str, Style]], widths: Mapping[str, int], width: int, base: Style) -> Strip:
    """What stands in each column, and how it looks, as one line of exactly `width` cells."""
    segments: list[Segment] = []
    for column, size in widths.items():
        text, style = cells[column]
        segments += [Segment(fitted(text, size), style), Segment(" ", base)]
    return Strip(segments).adjust_cell_length(width, base)


def head(widths: Mapping[str, int], called: Callable[[str], str]) -> Content:
    """What the columns are called, over them."""
    return Content(" ".join(fitted(called(column), size) for column, size in widths.items()).rstrip())


class ColumnList(RowList[RowT]):
    """Rows in columns. A subclass says which there are (`widths`) and what stands in them.

    That is `cells`, where all of a row looks alike, else `painted`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [binding("enter", "open", "people.open")]

    @dataclass
    class Moved(Message):
        """The cursor is on another row, or the rows are others."""

    @dataclass
    class Sized(Message):
        """The rows are of another width now."""

        width: int

    @dataclass
    class EndReached(Message):
        """The cursor is on the last row."""

    @dataclass
    class Read(Message):
        """The row under the cursor is to be opened."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.nothing = ""

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        """The columns in their order, and how wide they are."""
        raise NotImplementedError

    def cells(self, row: RowT) -> Mapping[str, str]:
        """What stands in each column."""
        raise NotImplementedError

    def dimmed(self, row: RowT) -> bool:
        """Whether a row is pale."""
        del row
        return False

    @property
    def empty_text(self) -> str:
        """What is said when there are no rows."""
        return self.nothing

    def append(self, older: list[RowT]) -> None:
        """Add rows that come after the last one; those that are there already are left out."""
        known = {row.id for row in self._rows}
        self.replace_rows(self._rows + [row for row in older if row.id not in known])

    def cursor_moved(self) -> None:
        """Tell the pane."""
        self.post_message(self.Moved())

    def end_reached(self) -> None:
        """Tell the pane."""
        self.post_message(self.EndReached())

    def action_open(self) -> None:
        """Tell the pane."""
        if self.current is not None:
            self.post_message(self.Read())

    def on_resize(self, event: Resize) -> None:
        """Tell the pane, whose head of columns follows."""
        super().on_resize(event)
        self.post_message(self.Sized(self.scrollable_content_region.width))

    def painted(self, row: RowT, width: int, base: Style) -> Mapping[str, tuple[str, Style]]:
        """What stands in each column, clean, and how it looks."""
        del width
        style = base + Style(dim=True) if self.dimmed(row) else base
        return {column: (clean_line(text), style) for column, text in self.cells(row).items()}

    def line(self, row: RowT, width: int, base: Style) -> Strip:
        """A row as one line, in columns."""
        return in_columns(self.painted(row, width, base), self.widths(width), width, base)


class MarkedList(ColumnList[RowT]):
    """Rows that can be marked; what is done with them is their screen's business."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("x,insert", "mark", "deliveries.mark"),
        binding("ctrl+a", "mark_all", "deliveries.mark_all"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marked: set[int] = set()

    @property
    def marked(self) -> list[int]:
        """Ids of the marked rows, smallest first."""
        return sorted(self._marked)

    @property
    def chosen(self) -> list[int]:
        """Ids of the marked rows, else of the one under the cursor."""
        current = self.current
        return self.marked or ([current.id] if current else [])

    def is_marked(self, row: RowT) -> bool:
        """Whether a row is marked."""
        return row.id in self._marked

    def show(self, rows: list[RowT]) -> None:
        """Show these rows in place of those before."""
        self._marked &= {row.id for row in rows}
        self.replace_rows(rows)

    def unmark(self) -> None:
        """Take all marks away."""
        self._marked.clear()
        self.refresh()
        self.cursor_moved()

    def action_mark(self) -> None:
        """Mark the row, or take its mark away, and go down."""
        if current := self.current:
            self._marked ^= {current.id}
            self.action_move(1)

    def action_mark_all(self) -> None:
        """Mark all rows; when all are marked, none."""
        every = {row.id for row in self._rows}
        self._marked = set() if every <= self._marked else every
        self.refresh()
        self.cursor_moved()


def shared(width: int, fixed: dict[str, int], shares: dict[str, int]) -> dict[str, int]:
    """Widths of columns: some fixed, the others by their share in what is left; the last of them gets the rest."""
    left = max(0, width - sum(fixed.values()) - len(fixed) - len(shares))
    sizes = {name: left * share // sum(shares.values()) for name, share in shares.items()}
    last = next(reversed(sizes))
    sizes[last] += left - sum(sizes.values())
    return {**sizes, **fixed}
