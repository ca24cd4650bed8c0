"""The board: letters against time, the queue, connections, dispatchers and what is to come, on one screen.

It lives on what the console reads of the store anyway (`show_status`); what is its own is read after that, in a
thread, and only while it is shown.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import DescendantFocus, Resize
from textual.message import Message
from textual.widgets import Label, Static

from dispatch.forecast import Alert, forecast
from store.cards import Status
from store.errors import StoreError
from store.rates import SPANS, Slot, Span, slots_in
from store.types import to_micros
from store.vocabulary import DeliveryState
from tui.spoken import SpokenModal, binding
from tui.widgets.board_lines import alert_lines, connection_lines, dispatcher_lines, queue_lines
from tui.widgets.board_list import BoardList
from tui.widgets.feed_line import COLOURS, STATE_MARKS
from tui.widgets.flow_chart import FlowChart
from tui.widgets.key_footer import KeyFooter

AHEAD = timedelta(hours=24)
ALERTS = 12
"""Escalations shown."""
LOOKED_AT = 60
"""Deadlines looked at for them: some have reached all there is to reach."""
FORESEE_S = 10.0
"""Seconds between two looks ahead, which plan letters; between them the time left counts down by itself."""
TALL_ROWS = 34
SPAN_NAMES = {60: "1h", 360: "6h", 1440: "24h"}


class BoardScreen(SpokenModal[None]):
    """Everything an operator needs to see at a glance."""

    AUTO_FOCUS = "#board-left"
    FOOTER = ("board.open", "board.span", "board.side", "board.leave")
    DEFAULT_CSS = """
    BoardScreen { background: $background; }
    BoardScreen > #board-title { height: 1; padding: 0 2; background: $primary; width: 100%; text-style: bold; }
    BoardScreen > #board-legend { height: 1; padding: 0 1; background: $surface; }
    BoardScreen > #board-legend { text-wrap: nowrap; text-overflow: ellipsis; }
    BoardScreen > FlowChart { height: 8; padding: 0 1; background: $surface; }
    BoardScreen.-tall > FlowChart { height: 14; }
    BoardScreen > #board-columns { height: 1fr; }
    BoardScreen #board-right { border-left: solid $panel; }
    BoardScreen > #board-detail { height: 2; padding: 0 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("s", "span", "board.span"),
        binding("escape,b", "leave", "board.leave", shown="esc"),
    ]

    @dataclass
    class Counted(Message):
        """The letters of a span were read."""

        span: Span
        slots: list[Slot]

        def can_replace(self, message: Message) -> bool:
            """Only the last reading is of interest."""
            return isinstance(message, BoardScreen.Counted)

    @dataclass
    class Foreseen(Message):
        """What is to come was read."""

        alerts: list[Alert]

    def __init__(self) -> None:
        super().__init__()
        self._span = SPANS[0]
        self._status: Status | None = None
        self._alerts: list[Alert] | None = None
        self._foreseen_at = float("-inf")

    def compose(self) -> ComposeResult:
        yield Label(id="board-title")
        yield Static(id="board-legend")
        yield FlowChart(id="board-chart")
        with Horizontal(id="board-columns"):
            yield BoardList(id="board-left")
            yield BoardList(id="board-right")
        yield Static(id="board-detail")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._say_span()

    def on_screen_resume(self) -> None:
        if self.console.status is not None:
            self.show_status(self.console.status)

    def show_status(self, status: Status) -> None:
        """The state of the whole was read: show it, and read what it does not hold."""
        self._status = status
        self._show_lines()
        self._count()
        if time.monotonic() - self._foreseen_at >= FORESEE_S:
            self._foreseen_at = time.monotonic()
            self.run_worker(self._foresee, thread=True, group="board", exit_on_error=False)

    def _show_lines(self) -> None:
        status, console = self._status, self.console
        if status is None:
            return
        now, zone, texts = console.clock(), console.zone, console.texts
        left = [*queue_lines(status, now, texts), *alert_lines(self._alerts, now, zone, texts)]
        right = [*connection_lines(status, zone, texts), *dispatcher_lines(status.dispatchers, now, zone, texts)]
        self.query_one("#board-left", BoardList).show(left)
        self.query_one("#board-right", BoardList).show(right)

    def _count(self) -> None:
        """Read the letters of the span, in a thread."""
        span = self._span

        def read() -> None:
            try:
                with self.store.read() as connection:
                    slots = slots_in(connection, self.store.clock(), self.console.zone, span)
            except StoreError:
                return  # the follower of the feed says so, loudly
            self.post_message(self.Counted(span, slots))

        self.run_worker(read, thread=True, group="board", exit_on_error=False)

    def _foresee(self) -> None:
        """Look ahead. Runs in a thread."""
        try:
            found = forecast(self.store, to_micros(self.store.clock() + AHEAD), limit=LOOKED_AT)
        except StoreError:
            return
        self.post_message(self.Foreseen(found.alerts[:ALERTS]))

    @on(Counted)
    def _draw(self, event: Counted) -> None:
        if event.span != self._span:
            return
        self.query_one(FlowChart).show(event.slots, event.span, self.console.zone)
        minute = self._status.rates.minute.sent if self._status is not None else 0
        counts = {
            "█": (DeliveryState.SENT, sum(slot.flow.sent for slot in event.slots)),
            STATE_MARKS[DeliveryState.HELD]: (DeliveryState.HELD, sum(slot.flow.held for slot in event.slots)),
            STATE_MARKS[DeliveryState.DEAD]: (DeliveryState.DEAD, sum(slot.flow.dead for slot in event.slots)),
        }
        parts: list[tuple[str, str]] = []
        for sign, (state, count) in counts.items():
            parts += [(f"{sign} ", f"$text-{COLOURS[state]}"), (f"{self.say(f'state.{state.word}')} {count} · ", "")]
        parts.append((self.say("board.last_minute", count=minute), "dim"))
        self.query_one("#board-legend", Static).update(Content.assemble(*parts))

    @on(Foreseen)
    def _show_alerts(self, event: Foreseen) -> None:
        self._alerts = event.alerts
        self._show_lines()

    @on(BoardList.Moved)
    @on(DescendantFocus)
    def _show_detail(self) -> None:
        """The line under the bright cursor, at length."""
        board = self.focused
        line = board.current if isinstance(board, BoardList) else None
        self.query_one("#board-detail", Static).update(Content(line.detail if line is not None else ""))

    def _say_span(self) -> None:
        words = self.say(f"board.span_{SPAN_NAMES[self._span.minutes]}")
        self.query_one("#board-title", Label).update(Content(self.say("board.title", span=words)))

    def on_resize(self, event: Resize) -> None:
        """A high terminal has room for a higher chart."""
        super().on_resize(event)
        self.set_class(event.size.height >= TALL_ROWS, "-tall")

    def action_span(self) -> None:
        """An hour, six hours, a day."""
        self._span = SPANS[(SPANS.index(self._span) + 1) % len(SPANS)]
        self._say_span()
        self._count()

    def action_side(self) -> None:
        """From one column to the other."""
        left, right = self.query_one("#board-left"), self.query_one("#board-right")
        (right if left.has_focus else left).focus()

    def action_leave(self) -> None:
        """Leave."""
        self.dismiss()

    @on(BoardList.Chosen)
    def _go(self, event: BoardList.Chosen) -> None:
        """Go where one deals with it."""
        from tui.screens.timeline import TimelineScreen

        match event.line.goal:
            case ("section", name, _):
                self.console.action_section(name)
            case ("deliveries", state, _):
                self.console.open_deliveries(state)
            case ("timeline", object_type, object_id):
                self.app.push_screen(TimelineScreen(object_type, object_id))
            case _:
                pass
