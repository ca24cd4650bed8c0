"""Letters against time: what was sent as steps, and over them a sign wherever letters were held or given up.

Imported when it is shown: plotext and its widget take 25 ms, which the console's start need not wait for.
"""

from collections.abc import Sequence
from datetime import tzinfo
from itertools import groupby
from typing import Any, cast

from textual.color import Color
from textual_plotext import PlotextPlot

from store.rates import Slot, Span
from store.vocabulary import DeliveryState
from tui.widgets.feed_line import COLOURS, STATE_MARKS

EDGE = 0.499
"""A step reaches this far to both sides of its middle: the next one begins where it ends."""
LABELS = {60: 15, 360: 60, 1440: 240}
"""Minutes between two labels, by the minutes of the span."""


def ceiling(most: int) -> int:
    """The end of the axis: a round even number that is not below `most`."""
    size = 1
    while True:
        for step in (2, 4, 10):
            if step * size >= most:
                return step * size
        size *= 10


def labels(slots: Sequence[Slot], span: Span, zone: tzinfo) -> list[tuple[int, str]]:
    """The steps that have a label, and their time of day: those that begin at a round time."""
    every = LABELS[span.minutes]
    found: list[tuple[int, str]] = []
    for place, slot in enumerate(slots):
        at = slot.at.astimezone(zone)
        if (at.hour * 60 + at.minute) % every < span.step:
            found.append((place, f"{at:%H:%M}"))
    return found


class FlowChart(PlotextPlot):
    """The chart of the board."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: object = None

    def show(self, slots: Sequence[Slot], span: Span, zone: tzinfo) -> None:
        """Draw a span; nothing is done when it is drawn already."""
        wanted = (tuple(slots), span, zone, self.app.theme)
        if wanted == self._drawn:
            return
        self._drawn = wanted
        plot = cast("Any", self.plt)
        plot.clear_figure()
        plot.xaxes(True, False)  # noqa: FBT003 - plotext's own
        plot.yaxes(True, False)  # noqa: FBT003
        for some, run in groupby(enumerate(slots), lambda one: one[1].flow.sent > 0):
            if some:
                self._steps([(place, slot.flow.sent) for place, slot in run])
        self._signs([(place, slot.flow.held) for place, slot in enumerate(slots)], DeliveryState.HELD)
        self._signs([(place, slot.flow.dead) for place, slot in enumerate(slots)], DeliveryState.DEAD)
        top = ceiling(max((max(slot.flow.sent, slot.flow.held, slot.flow.dead) for slot in slots), default=0))
        plot.ylim(0, top)
        plot.yticks([0, top / 2, top], ["0", str(top // 2), str(top)])
        plot.xlim(-0.5, len(slots) - 0.5)
        named = labels(slots, span, zone)
        plot.xticks([place for place, _ in named], [label for _, label in named])
        self.refresh()

    def _steps(self, values: Sequence[tuple[int, int]]) -> None:
        x = [place + side for place, _ in values for side in (-0.5, EDGE)]
        y = [value for _, value in values for _ in range(2)]
        cast("Any", self.plt).plot(x, y, marker="hd", fillx=True, color=self._colour(DeliveryState.SENT))

    def _signs(self, values: Sequence[tuple[int, int]], state: DeliveryState) -> None:
        some = [(place, value) for place, value in values if value]
        if some:
            x, y = zip(*some, strict=True)
            cast("Any", self.plt).scatter(x, y, marker=STATE_MARKS[state], color=self._colour(state))

    def _colour(self, state: DeliveryState) -> tuple[int, int, int]:
        from tui.app import ConsoleApp

        return Color.parse(cast("ConsoleApp", self.app).colour(COLOURS[state])).rgb
