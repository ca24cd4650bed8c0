"""A deadline drawn in characters against time. Pure: no widget, no clock. Times are µs since the epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from dispatch.timeline import Line, Timeline
from store.calendar import WorkCalendar
from store.types import from_micros
from tui.widgets.timeline_words import state_of

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FEWEST = 10 * MINUTE
"""The shortest time an axis shows."""
STEP_MARKS: Mapping[str, str] = {
    "told": "●", "told_late": "◐", "superseded": "○", "passed": "○", "too_old": "○", "coming": "◆", "now": "◆",
    "assumed": "◇",
}  # fmt: skip
RUNS, PAUSED, OVER, FREE = "─", "▒", "═", "·"
"""A deadline that runs, is paused, is past its due time; time in which nobody works, where that counts."""
TICK_CELLS = 12
"""Cells from one label of the ruler to the next, at least."""
_TICKS = (10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY,
          30 * DAY, 90 * DAY, 365 * DAY)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Axis:
    """So many cells for the time from `start` to `end`."""

    start: int
    end: int
    width: int

    @classmethod
    def of(cls, found: Timeline, width: int) -> "Axis":
        """One on which all deadlines of an object have room."""
        times = [found.now]
        for line in found.lines:
            one = line.resumed or line.deadline
            times += [line.deadline.started, one.expires, *(step.at for step in line.steps)]
        start, end = min(times), max(times)
        margin = max((end - start) // 20, FEWEST // 2)
        return cls(start - margin, end + margin, max(width, 2))

    def cell(self, at: int) -> int:
        """The cell of a moment; outside of the axis, a cell outside of it."""
        return (at - self.start) * self.width // (self.end - self.start)

    def moment(self, cell: int) -> int:
        """When a cell begins."""
        return self.start + cell * (self.end - self.start) // self.width

    @property
    def step(self) -> int:
        """The time of one cell."""
        return max(1, (self.end - self.start) // self.width)


@dataclass(frozen=True, slots=True)
class Cell:
    """A character, and what it stands for: `run`, `pause`, `over`, `free`, `edge`, a state of a step, or nothing."""

    char: str
    what: str


def track(line: Line, found: Timeline, axis: Axis) -> list[Cell]:
    """A deadline as one line of characters: how it ran and will, its edges, and over them its thresholds."""
    one = line.resumed or line.deadline
    open_ones = line.deadline.open
    last = max([one.expires, found.now if open_ones else 0, *(step.at for step in line.steps)])
    ended = None if open_ones else line.deadline.stopped_at
    cells = [Cell(" ", "")] * axis.width
    for place in range(axis.width):
        begins, ends = axis.moment(place), axis.moment(place + 1)
        if ends > line.deadline.started and begins <= (last if ended is None else ended):
            cells[place] = _ground(line, found, begins, ends)
    edges = [(line.deadline.started, "├"), (one.expires, "┤"), *([(ended, "■")] if ended is not None else [])]
    marks = [(at, Cell(char, "edge")) for at, char in edges]
    states = [(step.at, state_of(step, found)) for step in line.steps]
    marks += [(at, Cell(STEP_MARKS[state], state)) for at, state in states]
    for at, cell in marks:
        if 0 <= (place := axis.cell(at)) < axis.width:
            cells[place] = cell
    return cells


def _ground(line: Line, found: Timeline, begins: int, ends: int) -> Cell:
    middle = (begins + ends) // 2
    until = found.now if line.resumed is not None else None
    for start, end in line.pauses:
        if start <= middle and (end is None or middle < end) and (until is None or end is not None or middle < until):
            return Cell(PAUSED, "pause")
    if line.working and is_free(found.calendar, begins, ends):
        return Cell(FREE, "free")
    expires = (line.resumed or line.deadline).expires
    return Cell(OVER, "over") if middle > expires else Cell(RUNS, "run")


def is_free(calendar: WorkCalendar, begins: int, ends: int) -> bool:
    """Whether nobody works from one moment to the other."""
    return not calendar.always and calendar.worked(begins) == calendar.worked(ends)


def ruler(axis: Axis, zone: tzinfo) -> str:
    """Labels beneath the lines: times of the day, or days where a cell is long."""
    fits = (one for one in _TICKS if one * axis.width >= TICK_CELLS * (axis.end - axis.start))
    every = next(fits, _TICKS[-1])
    cells = [" "] * axis.width
    offset = from_micros(axis.start).astimezone(zone).utcoffset()
    shift = int(offset.total_seconds()) * 1_000_000 if offset else 0
    at = ((axis.start + shift) // every + 1) * every - shift
    while at < axis.end:
        label = from_micros(at).astimezone(zone).strftime("╵%d.%m" if every >= DAY else "╵%d.%m %H:%M")
        place = axis.cell(at)
        if place + len(label) <= axis.width:
            cells[place : place + len(label)] = label
        at += every
    return "".join(cells)


def step_times(found: Timeline) -> Sequence[int]:
    """The moments at which something is told, in order, each once."""
    return sorted({step.at for line in found.lines for step in line.steps})
