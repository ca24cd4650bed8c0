"""The deadlines of an object against time, with a cursor that goes through time."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Click, Resize
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from dispatch.timeline import Line, Stage, Step, Timeline
from store.types import from_micros
from tui.spoken import binding
from tui.widgets.time_axis import Axis, Cell, ruler, step_times, track
from tui.widgets.timeline_words import line_in_words

if TYPE_CHECKING:
    from tui.app import ConsoleApp

COLOURS = {
    "over": "error", "edge": "primary", "told": "success", "told_late": "warning", "coming": "accent", "now": "accent",
    "assumed": "secondary",
}  # fmt: skip
PALE = frozenset({"free", "superseded", "passed", "too_old", "pause"})
NOW, CURSOR = "│", "┃"
ROWS = 2
"""Rows of one deadline: its words, and its line."""
LEAP = 10
"""Cells of a large step."""


class TimelineView(ScrollView, can_focus=True):
    """Paints the lines; says where the cursor is by `Moved`."""

    DEFAULT_CSS = """
    TimelineView { height: auto; max-height: 12; background: $background; overflow-x: hidden; padding: 0 1; }
    TimelineView { scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("right", "scrub(1)", "timeline.right", show=False),
        binding("left", "scrub(-1)", "timeline.left", show=False),
        binding("shift+right", f"scrub({LEAP})", "timeline.far_right", show=False),
        binding("shift+left", f"scrub(-{LEAP})", "timeline.far_left", show=False),
        binding("home", "edge(False)", "timeline.home", show=False),
        binding("end", "edge(True)", "timeline.end", show=False),
        binding("n", "step(True)", "timeline.next"),
        binding("p", "step(False)", "timeline.previous"),
        binding("0", "to_now", "timeline.to_now"),
        binding("down", "line(1)", "timeline.down", show=False),
        binding("up", "line(-1)", "timeline.up", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The cursor is at another moment, or on another line."""

        def can_replace(self, message: Message) -> bool:
            """Only the last one is of interest."""
            return isinstance(message, TimelineView.Moved)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.found: Timeline | None = None
        self.at = 0
        self._chosen = 0
        self._drawn: dict[tuple[int, Axis], list[Cell]] = {}

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    @property
    def axis(self) -> Axis | None:
        """The axis that is shown."""
        width = self.scrollable_content_region.width
        return Axis.of(self.found, width) if self.found is not None and self.found.lines and width > 1 else None

    @property
    def line(self) -> Line | None:
        """The deadline that is chosen."""
        lines = self.found.lines if self.found else ()
        return lines[self._chosen] if self._chosen < len(lines) else None

    def show(self, found: Timeline) -> None:
        """Show these lines; the cursor goes to now, or to what is to come next."""
        self.found, self._chosen = found, 0
        self._drawn.clear()
        coming = [step.at for line in found.lines for step in line.steps if step.stage is not Stage.PAST]
        self.at = min(coming, default=found.now)
        with_it = (place for place, line in enumerate(found.lines) if any(s.at == self.at for s in line.steps))
        self._chosen = next(with_it, 0)
        rows = len(found.lines) * ROWS + 1 if found.lines else 1
        self.virtual_size = self.virtual_size.with_height(rows)
        self.styles.height = rows
        self._moved()

    def steps(self) -> list[tuple[Line, Step]]:
        """What is in the cell of the cursor: of the chosen line first."""
        axis, found = self.axis, self.found
        if axis is None or found is None:
            return []
        here = axis.cell(self.at)
        lines = sorted(found.lines, key=lambda line: line is not self.line)
        steps = [(line, step) for line in lines for step in line.steps if axis.cell(step.at) == here]
        # With the cursor on a threshold itself, its neighbours in the same cell are another press away.
        return [(line, step) for line, step in steps if step.at == self.at] or steps

    def _moved(self) -> None:
        self.refresh()
        self.post_message(self.Moved())

    def action_scrub(self, cells: int) -> None:
        """Go through time by cells."""
        if (axis := self.axis) is not None:
            place = min(max(axis.cell(self.at) + cells, 0), axis.width - 1)
            self.at = axis.moment(place) + axis.step // 2
            self._moved()

    def action_edge(self, end: bool) -> None:
        """Go to where the axis begins or ends."""
        if (axis := self.axis) is not None:
            self.action_scrub(axis.width if end else -axis.width)

    def action_to_now(self) -> None:
        """Go to now."""
        if self.found is not None:
            self.at = self.found.now
            self._moved()

    def action_step(self, forward: bool) -> None:
        """Go to the next threshold, or to the one before."""
        if self.found is None:
            return
        times = step_times(self.found)
        place = bisect_right(times, self.at) if forward else bisect_left(times, self.at) - 1
        if 0 <= place < len(times):
            self.at = times[place]
            lines = self.found.lines
            with_it = [number for number, line in enumerate(lines) if any(s.at == self.at for s in line.steps)]
            self._chosen = self._chosen if self._chosen in with_it else with_it[0]
            self._reveal()
            self._moved()

    def action_line(self, step: int) -> None:
        """Choose another deadline."""
        count = len(self.found.lines) if self.found else 0
        if count:
            self._chosen = (self._chosen + step) % count
            self._reveal()
            self._moved()

    def _reveal(self) -> None:
        top, row = round(self.scroll_y), self._chosen * ROWS
        if not top <= row <= top + self.size.height - ROWS:
            self.scroll_to(y=max(0, row - 1), animate=False, immediate=True)

    def on_click(self, event: Click) -> None:
        """The cursor goes where one clicks."""
        if (axis := self.axis) is not None and self.found is not None:
            self._chosen = min((event.y + round(self.scroll_y)) // ROWS, len(self.found.lines) - 1)
            self.at = axis.moment(min(max(event.x - 1, 0), axis.width - 1)) + axis.step // 2
            self._moved()

    def on_resize(self, event: Resize) -> None:
        """A line fits the width."""
        del event
        self._moved()

    def render_line(self, y: int) -> Strip:
        """One row: the words of a deadline, its line, or the ruler at the end."""
        width, base = self.scrollable_content_region.width, self.rich_style
        axis, found = self.axis, self.found
        if axis is None or found is None:
            return Strip.blank(width, base)
        number, part = divmod(y + round(self.scroll_y), ROWS)
        if number >= len(found.lines):
            labels = ruler(axis, self.console.zone) if number == len(found.lines) and not part else ""
            return Strip([Segment(set_cell_size(labels, width), base + Style(dim=True))], width)
        line, chosen = found.lines[number], number == self._chosen
        if not part:
            sign = "▶ " if chosen else "  "
            words = set_cell_size(sign + line_in_words(line, found, self.console.texts, self.console.zone), width)
            return Strip([Segment(words, base + Style(bold=chosen))], width)
        return self._track(number, found, axis, base)

    def _track(self, number: int, found: Timeline, axis: Axis, base: Style) -> Strip:
        now, cursor = axis.cell(found.now), axis.cell(self.at)
        segments: list[Segment] = []
        drawn = self._drawn.get((number, axis))
        if drawn is None:
            drawn = self._drawn[number, axis] = track(found.lines[number], found, axis)
        for place, cell in enumerate(drawn):
            style = base + Style(dim=True) if cell.what in PALE else base
            if cell.what in COLOURS:
                style = base + Style(color=self.console.colour(COLOURS[cell.what]), bold=True)
            empty = cell.what in {"", "run", "pause", "over", "free"}
            char = NOW if place == now and empty else cell.char
            if place == cursor:
                style, char = style + Style(reverse=True), CURSOR if char == " " else char
            segments.append(Segment(char, style))
        return Strip(segments, axis.width)


def day_and_time(at: int, view: TimelineView) -> str:
    """A moment in the company's zone, with the day of the week."""
    texts, moment = view.console.texts, from_micros(at).astimezone(view.console.zone)
    return f"{texts('company.weekdays').split()[moment.weekday()]} {moment:%d.%m.%Y %H:%M}"
