"""Lines of the board: some are headings, over which the cursor goes; each says on its right how it stands."""

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from tui.spoken import binding
from tui.widgets.board_lines import BoardLine
from tui.widgets.feed_line import fitted
from tui.widgets.row_list import RowList


class BoardList(RowList[BoardLine]):
    """A column of the board."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("enter", "open", "board.open"),
        binding("left,right", "screen.side", "board.side", shown="← →"),
    ]

    @dataclass
    class Moved(Message):
        """The cursor is on another line, or the line says something else."""

        board: "BoardList"

    @dataclass
    class Chosen(Message):
        """The line under the cursor is to be dealt with."""

        line: BoardLine

    def show(self, lines: list[BoardLine]) -> None:
        """Show these lines; the cursor stays on what it was on."""
        if lines != self._rows:
            self.replace_rows(lines)
            if self.current is not None and self.current.heading:
                super().action_move(1)

    def cursor_moved(self) -> None:
        """Tell the screen."""
        self.post_message(self.Moved(self))

    def action_move(self, step: int) -> None:
        """Move the cursor by lines, over headings; above the first line there is nothing but its heading."""
        super().action_move(step)
        while self.current is not None and self.current.heading:
            super().action_move(-1 if step < 0 and self._cursor > 0 else 1)
            step = step if self._cursor > 0 else 1
        if self._cursor == 1:
            self.scroll_to(y=0, animate=False, immediate=True)

    def action_open(self) -> None:
        """Tell the screen."""
        if (line := self.current) is not None:
            self.post_message(self.Chosen(line))

    def line(self, row: BoardLine, width: int, base: Style) -> Strip:
        """A line as a strip of exactly `width` cells."""
        if row.heading:
            return Strip([Segment(fitted(row.text, width), base + Style(bold=True, dim=True))], width)
        style = base
        if row.colour == "muted":
            style += Style(dim=True)
        elif row.colour:
            style += Style(color=self.console.colour(row.colour))
        room = max(0, width - cell_len(row.value) - 3)
        segments = [Segment(f" {fitted(row.text, room)} ", style), Segment(row.value, style), Segment(" ", base)]
        return Strip(segments).adjust_cell_length(width, base)
