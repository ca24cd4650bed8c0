"""Open deadlines in columns."""

from typing import ClassVar

from rich.style import Style
from textual.binding import BindingType

from store.deadline_list import DeadlineLine, Urgency, urgency
from store.deadlines import Deadline
from store.sanitise import clean_line
from store.types import from_micros, to_micros
from tui.spoken import binding
from tui.widgets.column_list import MARK, WIDE, MarkedList, shared
from tui.widgets.deadline_words import ACKNOWLEDGED, SIGNS, left_in_words
from tui.widgets.delivery_list import short_time

NARROW = ("sign", "left", "object", "kind", "title", "responsible")
EVERY = ("sign", "left", "due", "object", "kind", "title", "responsible", "acknowledged")
_NARROW_WIDTHS = {"sign": 3, "left": 12, "object": 8, "kind": 7, "responsible": 11}
_WIDE_WIDTHS = {"sign": 3, "left": 16, "due": 11, "object": 9, "kind": 7}
_COLOURS = {Urgency.PASSED: "error", Urgency.NEAR: "warning"}


def widths(width: int) -> dict[str, int]:
    """The columns in their order, on so many cells; the title has most of what is left."""
    if width < WIDE:
        sizes = shared(width, _NARROW_WIDTHS, {"title": 1})
        return {name: sizes[name] for name in NARROW}
    sizes = shared(width, _WIDE_WIDTHS, {"title": 5, "responsible": 3, "acknowledged": 3})
    return {name: sizes[name] for name in EVERY}


class DeadlineList(MarkedList[DeadlineLine]):
    """Open deadlines. What passes while they are shown is seen without reading them again: see `count_down`."""

    BINDINGS: ClassVar[list[BindingType]] = [binding("enter", "open", "due.open")]

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        """The title has most of what is left."""
        return widths(width)

    def count_down(self) -> None:
        """Paint the rows that are seen again: the time left is another."""
        self.refresh()

    def painted(self, row: DeadlineLine, width: int, base: Style) -> dict[str, tuple[str, Style]]:
        """What has passed and what is near have their colour, and a sign of their own."""
        console, wide, deadline = self.console, width >= WIDE, row.deadline
        now = to_micros(console.clock())
        stands = urgency(deadline, now)
        if stands is Urgency.PAUSED:
            base += Style(dim=True)
        coloured = base + Style(color=console.colour(_COLOURS[stands])) if stands in _COLOURS else base
        mark = MARK if self.is_marked(row) else " "
        due = from_micros(deadline.expires).astimezone(console.zone).strftime("%d.%m %H:%M")
        kind = console.texts.get(f"due.kind_{deadline.kind}", clean_line(deadline.kind))
        responsible, taken = clean_line(row.responsible or row.team), self._taken(deadline, wide=wide)
        seen_to = base + Style(color=console.colour("success"))
        return {
            "sign": (f"{mark}{SIGNS[stands]}", coloured + Style(bold=True)),
            "left": (left_in_words(deadline, now, console.texts, wide=wide), coloured),
            "due": (due, base),
            "object": (clean_line(row.number), base + Style(bold=True)),
            "kind": (kind, base),
            "title": (clean_line(row.title), base),
            # Where columns are few, who has taken it is more than who should.
            "responsible": (responsible, base) if wide or not taken else (taken, seen_to),
            "acknowledged": (taken, seen_to),
        }

    def _taken(self, deadline: Deadline, *, wide: bool) -> str:
        """Who has acknowledged it, and where there is room when."""
        if deadline.acknowledged_at is None:
            return ""
        console, who = self.console, clean_line(deadline.acknowledged_by)
        at = short_time(from_micros(deadline.acknowledged_at), console.clock(), console.zone, wide=False)
        return f"{ACKNOWLEDGED} {at} {who}" if wide else f"{ACKNOWLEDGED} {who}"
