"""The live pane: deliveries as they happen, however many there are; it holds the rows around where one looks.

It follows what arrives until one moves away from there; then nothing moves under one's eyes, and what arrives is
counted. Newest on top, or at the bottom by choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from textual import on
from textual.binding import BindingType
from textual.dom import NoScreen
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from store import delivery_query
from store.cards import FeedRow
from store.delivery_query import DeliveryQuery
from store.errors import StoreError
from tui.delivery_reader import Snapshot, View
from tui.spoken import binding
from tui.widgets.column_list import MARK
from tui.widgets.delivery_list import ACKNOWLEDGED
from tui.widgets.feed_line import feed_line, fitted
from tui.widgets.row_list import RowList
from tui.widgets.row_window import RowWindow

if TYPE_CHECKING:
    from tui.app import ConsoleApp

PAGES_AHEAD = 2
"""Pages that are at hand on each side, for whoever holds a key down."""
NEAR = 1
"""So many pages from the end of what is at hand, more is asked for."""
WHEEL_ROWS = 3
MARKED_AT_ONCE = 2_000
MOST_MARKED = 200_000
"""More are not marked at a stroke: what is done with them is shown before, and takes its time."""


class LivePane(Widget, can_focus=True):
    """Deliveries under a filter, as lines."""

    DEFAULT_CSS = """
    LivePane { height: 1fr; background: $background; }
    LivePane > .live-pane--cursor { background: $panel; }
    LivePane:focus > .live-pane--cursor { background: $primary 45%; text-style: bold; }
    LivePane > .live-pane--bar { color: $panel; }
    LivePane > .live-pane--thumb { color: $primary; }
    LivePane > .live-pane--state { color: $text-muted; background: $surface; }
    LivePane > .live-pane--arrived { color: $text-warning; background: $surface; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "live-pane--cursor", "live-pane--bar", "live-pane--thumb", "live-pane--state", "live-pane--arrived",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("enter", "open", "pane.open"),
        binding("space", "follow", "pane.follow"),
        binding("x,insert", "mark", "pane.mark"),
        binding("ctrl+a", "mark_all", "pane.mark_all"),
        binding("o", "order", "pane.order"),
        binding("up", "move(-1)", "pane.up", show=False),
        binding("down", "move(1)", "pane.down", show=False),
        binding("pageup", "move_page(-1)", "pane.page_up", show=False),
        binding("pagedown", "move_page(1)", "pane.page_down", show=False),
        binding("home", "edge(False)", "pane.home", show=False),
        binding("end", "edge(True)", "pane.end", show=False),
    ]

    @dataclass
    class Highlighted(Message):
        """Another row is under the cursor. `following` when it got there by arriving."""

        delivery_id: int
        following: bool

        def can_replace(self, message: Message) -> bool:
            """Only the last one is of interest."""
            return isinstance(message, LivePane.Highlighted)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._window = RowWindow[FeedRow]()
        self._view = View()
        self._snapshot: Snapshot | None = None
        self._follow = True
        self._told: int | None = None
        self._owed = 0
        self._edge: bool | None = None
        self._near: int | None = None
        self._marked: set[int] = set()

    # What others ask of it.

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    @property
    def rows(self) -> Sequence[FeedRow]:
        """The rows at hand, as they stand on the screen."""
        return self._window.rows

    @property
    def current(self) -> FeedRow | None:
        """The row under the cursor."""
        return self._window.current

    @property
    def marked(self) -> list[int]:
        """Ids of the marked rows, smallest first; they need not be at hand."""
        return sorted(self._marked)

    @property
    def chosen(self) -> list[int]:
        """Ids of the marked rows, else of the one under the cursor."""
        current = self.current
        return self.marked or ([current.id] if current else [])

    def unmark(self) -> None:
        """Take all marks away."""
        self._marked.clear()
        self.refresh()

    @property
    def following(self) -> bool:
        """Whether it goes along with what arrives."""
        return self._follow

    @property
    def wanted(self) -> View | None:
        """What it wants to see; `None` while nobody sees it."""
        try:
            in_front = self.is_attached and self.screen.is_current
        except NoScreen:  # it is being taken away
            return None
        return self._view if in_front and all(one.display for one in self.ancestors_with_self) else None

    def show_only(self, query: DeliveryQuery, *, stay: bool = False) -> None:
        """Show the newest that a filter wants, and follow; or stay where one is."""
        if query == self._view.query:
            return
        self._view = replace(self._view, query=query)
        if stay:
            self.console.feed.wake()
            return
        self._snapshot = None
        self._marked.clear()
        self._window.show(())
        self._go_to_newest()
        self._moved()

    def go_to_time(self, moment: datetime) -> None:
        """Go to the newest delivery made at a moment or earlier."""

        def look() -> None:
            try:
                found = delivery_query.newest_at(self.console.store, moment)
            except StoreError:
                return  # the follower says so, loudly
            self.app.call_from_thread(self.go_to, found)

        self.run_worker(look, thread=True, exclusive=True, group="jump", exit_on_error=False)

    def go_to(self, delivery_id: int) -> None:
        """Go to a delivery, or to the one nearest to it, and stay there."""
        self._pause()
        self._near = delivery_id
        self._want(delivery_id)

    # Feeding.

    def on_mount(self) -> None:
        """Have it fed."""
        self.console.feed.attach(self)

    def on_unmount(self) -> None:
        """Leave the feed."""
        self.console.feed.detach(self)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Take what was seen. What was asked for before one wanted to see something else comes too late."""
        if not self.is_attached or snapshot.view.query != self._view.query:
            return
        before = self._window.in_sight, self._window.cursor
        painted = self._state, self._thumb
        if snapshot.view.anchor == self._view.anchor or not self._follow:
            self._take(snapshot)
        if before != (self._window.in_sight, self._window.cursor):
            self.refresh()
        elif painted != (self._state, self._thumb):
            # Ten times a second while others arrive: the rows under one's eyes are not painted again for that.
            bar, below = Region(self.size.width - 1, 0, 1, self.size.height), self._window.height
            self.refresh(bar, Region(0, below, self.size.width, 1))

    def _take(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        newest_first = self.console.newest_on_top
        rows = snapshot.rows if newest_first else snapshot.rows[::-1]
        edge, near = self._edge, self._near
        if self._follow:
            edge = not newest_first
        elif snapshot.view.anchor != self._view.anchor:
            edge = near = None
        self._window.show(rows, edge=edge, near=near)
        if snapshot.view.anchor == self._view.anchor and snapshot.looking is None:
            self._edge = self._near = None
            owed, self._owed = self._owed, 0
            if owed:
                self._step(owed)
        self._tell()

    def _want(self, anchor: int | None) -> None:
        """Ask for the rows around a place."""
        around = max(1, self._window.height) * PAGES_AHEAD
        self._view = replace(self._view, anchor=anchor, around=around)
        self.console.feed.wake()

    def _tell(self) -> None:
        """Say whose row it is now."""
        current = self.current
        if current is not None and current.id != self._told:
            self._told = current.id
            self.post_message(self.Highlighted(current.id, self._follow))

    # Moving.

    def _pause(self) -> None:
        """Stay where one is, and count what arrives from now on."""
        if self._follow:
            self._follow = False
            if (snapshot := self._snapshot) is not None:
                newest = max([snapshot.last, *(row.id for row in snapshot.rows[:1])])
                self._view = replace(self._view, since=newest)

    def _go_to_newest(self) -> None:
        self._follow, self._owed, self._near, self._edge = True, 0, None, None
        self._view = replace(self._view, since=None)
        self._want(None)
        if self._snapshot is not None and self._snapshot.newest_here:
            self._window.show(self._window.rows, edge=not self.console.newest_on_top)

    def _step(self, step: int) -> None:
        """Move the cursor; what is not at hand is asked for, and gone to when it is."""
        missing = self._window.move(step)
        snapshot, newest_first = self._snapshot, self.console.newest_on_top
        if snapshot is None or not self._window.rows:
            return
        towards_newest = (step < 0) is newest_first
        ended = snapshot.newest_here if towards_newest else snapshot.oldest_here
        if missing and not ended:
            self._owed += missing
        left = self._window.cursor if step < 0 else len(self._window.rows) - 1 - self._window.cursor
        if not ended and left < NEAR * self._window.height:
            current = self._window.current
            self._want(current.id if current else None)

    def action_move(self, step: int) -> None:
        """Move the cursor by rows; at the edge where rows arrive it follows them."""
        newest_first, snapshot, window = self.console.newest_on_top, self._snapshot, self._window
        if not window.rows or snapshot is None:
            return
        before = window.top, window.cursor
        place = window.cursor + step
        at_edge = place <= 0 if newest_first else place >= len(window.rows) - 1
        if at_edge and snapshot.newest_here and (step < 0) is newest_first:
            self._go_to_newest()
        else:
            self._edge = self._near = None
            if self._follow:
                self._pause()
                self._want(window.rows[window.cursor].id)
            self._step(step)
        self._moved(*before)

    def _moved(self, top: int = -1, cursor: int = 0) -> None:
        """Show that the cursor is elsewhere; where the same row is on top as before, only its lines."""
        self._tell()
        window, width = self._window, self.size.width
        if top == window.top:
            lines = {cursor - top, window.cursor - top, window.height}
            self.refresh(*(Region(0, line, width, 1) for line in lines))
        else:
            self.refresh()

    def action_move_page(self, step: int) -> None:
        """Move the cursor by pages."""
        self.action_move(step * max(1, self._window.height - 1))

    def action_edge(self, end: bool) -> None:
        """Go to the first or the last row."""
        if end is not self.console.newest_on_top:
            self._go_to_newest()
        elif self._snapshot is not None:
            self._pause()
            self._edge, self._near, self._owed = end, None, 0
            self._want(self._snapshot.first - 1)
            if self._snapshot.oldest_here:
                self._window.show(self._window.rows, edge=end)
        self._moved()

    def action_follow(self) -> None:
        """Stay here although others arrive, or follow them again."""
        if self._follow and self.current is not None:
            self._pause()
            self._want(self.current.id)
        else:
            self._go_to_newest()
        self._moved()

    def action_mark(self) -> None:
        """Mark the row, or take its mark away, and go down."""
        if current := self.current:
            self._marked ^= {current.id}
            self.action_move(1)
            self.refresh()

    def action_mark_all(self) -> None:
        """Mark all that the filter wants, however many; where some are marked, take the marks away."""
        if self._marked:
            self.unmark()
            return
        query, store = self._view.query, self.console.store

        def look() -> None:
            found: set[int] = set()
            before: int | None = None
            ended = False
            try:
                while not ended and len(found) < MOST_MARKED and self.is_attached and query == self._view.query:
                    ids, before, ended = delivery_query.ids_wanted(store, query, before=before, limit=MARKED_AT_ONCE)
                    found.update(ids)
                    self.app.call_from_thread(self._mark, query, found)
            except StoreError:
                return  # the follower says so, loudly

        self.run_worker(look, thread=True, exclusive=True, group="mark", exit_on_error=False)

    def _mark(self, query: DeliveryQuery, found: set[int]) -> None:
        if query == self._view.query:
            self._marked = set(found)
            self.refresh()

    def action_order(self) -> None:
        """Turn the order round."""
        self.console.newest_on_top = not self.console.newest_on_top
        self._window.show(self._window.rows[::-1])
        self._go_to_newest()
        self._moved()

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if current := self.current:
            self.post_message(RowList.Opened(current.id))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self.action_move(WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self.action_move(-WHEEL_ROWS)

    @on(Click)
    def _clicked(self, event: Click) -> None:
        if event.y >= self._window.height:
            self.action_follow()
            return
        if event.x >= self.size.width - 1:
            self._go_to_share((event.y + 0.5) / self._window.height)
            return
        place = event.y + self._window.top
        if place < len(self._window.rows):
            again = place == self._window.cursor
            self.action_move(place - self._window.cursor)
            if again or event.chain > 1:
                self.action_open()

    def _go_to_share(self, share: float) -> None:
        """Go to where so much of all there is lies above, as the bar has it."""
        if (snapshot := self._snapshot) is not None:
            down = share if self.console.newest_on_top else 1 - share
            self.go_to(round(snapshot.last - down * (snapshot.last - snapshot.first)))

    # Painting.

    def on_resize(self, event: Resize) -> None:
        """As many rows as fit above the line that says how the list stands."""
        self._window.resize(event.size.height - 1)
        self._want(self._view.anchor)

    def on_focus(self) -> None:
        """The cursor is bright."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is pale."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the screen: a row, and its piece of the bar."""
        width, base = self.size.width - 1, self.rich_style
        if y >= self._window.height:
            return self._state_line(width + 1, base)
        place = y + self._window.top
        if place < len(self._window.rows):
            style = base
            if place == self._window.cursor:
                style += self.get_component_rich_style("live-pane--cursor")
            row = self._window.rows[place]
            sign = MARK if row.id in self._marked else ACKNOWLEDGED if row.acknowledged else " "
            line = Strip([Segment(sign, style), *feed_line(row, width - 1, style, self.console)], width)
        else:
            text = f"  {self._nothing}" if not self._window.rows and y == 1 else ""
            line = Strip([Segment(fitted(text, width), base + Style(dim=True))], width)
        return Strip([*line, self._bar(y, base)], width + 1)

    @property
    def _state(self) -> tuple[str, str]:
        """Whether it follows, else how many have arrived meanwhile; how far it has looked. Words and how they look."""
        snapshot, texts = self._snapshot, self.console.texts
        if snapshot is None:
            return "", "live-pane--state"
        arrived = snapshot.arrived if snapshot.view.since == self._view.since else 0
        words = "pane.following" if self._follow else "pane.arrived" if arrived else "pane.paused"
        parts = [texts(words, count=arrived)]
        if (total := snapshot.total) is not None:
            parts.append(texts("pane.total", count=f"{total.number}+" if total.capped else total.number))
        if self._marked:
            parts.insert(0, texts("rules.marked", count=len(self._marked)))
        if snapshot.looking is not None:
            parts.append(texts("pane.looking", percent=int(100 * snapshot.looking)))
        return " · ".join(parts), "live-pane--arrived" if arrived and not self._follow else "live-pane--state"

    def _state_line(self, width: int, base: Style) -> Strip:
        words, kind = self._state
        return Strip([Segment(fitted(f" {words}", width), base + self.get_component_rich_style(kind))], width)

    @property
    def _nothing(self) -> str:
        """What is said when there are no rows."""
        if self._snapshot is None or self._snapshot.looking is not None:
            return ""
        return self.console.texts("live.empty" if self._view.query == DeliveryQuery() else "deliveries.none_found")

    def _bar(self, y: int, base: Style) -> Segment:
        """A piece of the bar."""
        place = self._thumb
        if place is None:
            return Segment(" ", base)
        kind = "live-pane--thumb" if y == place else "live-pane--bar"
        return Segment("█" if y == place else "│", base + self.get_component_rich_style(kind))

    @property
    def _thumb(self) -> int | None:
        """The line that shows where among all deliveries of the store those in sight are; `None`: all are in sight."""
        snapshot, rows, height = self._snapshot, self._window.in_sight, self._window.height
        if snapshot is None or not rows or (snapshot.newest_here and snapshot.oldest_here and len(rows) < height):
            return None
        span = max(1, snapshot.last - snapshot.first)
        middle = rows[len(rows) // 2].id
        share = (snapshot.last - middle) / span if self.console.newest_on_top else (middle - snapshot.first) / span
        at_start, at_end = self._at_ends(snapshot)
        return 0 if at_start else height - 1 if at_end else min(max(round(share * height), 1), height - 2)

    def _at_ends(self, snapshot: Snapshot) -> tuple[bool, bool]:
        """Whether the first row of all is in sight, and whether the last one is."""
        above, below = snapshot.newest_here, snapshot.oldest_here
        if not self.console.newest_on_top:
            above, below = below, above
        window = self._window
        return above and window.top == 0, below and window.top + window.height >= len(window.rows)
