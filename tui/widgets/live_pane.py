"""The live pane: deliveries as they happen, however many there are; it holds the rows around where one looks.

It follows what arrives until one moves away from there; then nothing moves under one's eyes, and what arrives is
counted. Newest on top, or at the bottom by choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
from tui.widgets.delivery_list import sign_of
from tui.widgets.feed_line import feed_line, fitted
from tui.widgets.pane_place import PanePlace
from tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from tui.app import ConsoleApp

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
    NOTHING: ClassVar[str] = "live.empty"
    """The text that says that there is no delivery at all."""
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
        """Another row is under the cursor, or it has changed. `following` when it got there by arriving."""

        row: FeedRow | None
        following: bool

        def can_replace(self, message: Message) -> bool:
            """Only the last one is of interest."""
            return isinstance(message, LivePane.Highlighted)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._place = PanePlace(lambda: self.console.newest_on_top, self._asked)
        self._told: FeedRow | None = None
        self._marked: set[int] = set()

    # What others ask of it.

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    @property
    def rows(self) -> Sequence[FeedRow]:
        """The rows at hand, as they stand on the screen."""
        return self._place.window.rows

    @property
    def current(self) -> FeedRow | None:
        """The row under the cursor."""
        return self._place.window.current

    @property
    def query_shown(self) -> DeliveryQuery:
        """What it shows."""
        return self._place.view.query

    @property
    def up_to_date(self) -> bool:
        """Whether what is wanted was read and found, as far as there is any."""
        seen = self._place.seen
        return seen is not None and seen.view == self._place.view and seen.looking is None

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
        return self._place.following

    def show_only(self, query: DeliveryQuery, *, stay: bool = False) -> None:
        """Show the newest that a filter wants, and follow; or stay where one is."""
        if query == self.query_shown:
            return
        if not stay:
            self._marked.clear()
        self._place.narrow(query, stay=stay)
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
        self._place.go_to(delivery_id)

    # Feeding.

    def on_mount(self) -> None:
        """Have it fed."""
        self.console.feed.attach(self)

    def on_unmount(self) -> None:
        """Leave the feed."""
        self.console.feed.detach(self)

    def _asked(self) -> None:
        self.console.feed.wake()

    @property
    def wanted(self) -> View | None:
        """What it wants to see; `None` while nobody sees it."""
        try:
            in_front = self.is_attached and self.screen.is_current
        except NoScreen:  # it is being taken away
            return None
        return self._place.view if in_front and all(one.display for one in self.ancestors_with_self) else None

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Take what was seen."""
        place, window = self._place, self._place.window
        before = window.in_sight, window.cursor
        painted = self._state, place.thumb
        if not self.is_attached or not place.take(snapshot):
            return
        self._tell()
        if before != (window.in_sight, window.cursor):
            self.refresh()
        elif painted != (self._state, place.thumb):
            # Ten times a second while others arrive: the rows under one's eyes are not painted again for that.
            bar, below = Region(self.size.width - 1, 0, 1, self.size.height), window.height
            self.refresh(bar, Region(0, below, self.size.width, 1))

    def _tell(self) -> None:
        """Say which row it is now."""
        if self.current != self._told:
            self._told = self.current
            self.post_message(self.Highlighted(self._told, self.following))

    # Moving.

    def action_move(self, step: int) -> None:
        """Move the cursor by rows; at the edge where rows arrive it follows them."""
        before = self._place.window.top, self._place.window.cursor
        self._place.move(step)
        self._moved(*before)

    def _moved(self, top: int = -1, cursor: int = 0) -> None:
        """Show that the cursor is elsewhere; where the same row is on top as before, only its lines."""
        self._tell()
        window, width = self._place.window, self.size.width
        if top == window.top:
            lines = {cursor - top, window.cursor - top, window.height}
            self.refresh(*(Region(0, line, width, 1) for line in lines))
        else:
            self.refresh()

    def action_move_page(self, step: int) -> None:
        """Move the cursor by pages."""
        self.action_move(step * max(1, self._place.window.height - 1))

    def action_edge(self, end: bool) -> None:
        """Go to the first or the last row."""
        self._place.go_to_edge(end=end)
        self._moved()

    def action_follow(self) -> None:
        """Stay here although others arrive, or follow them again."""
        if self.following and self.current is not None:
            self._place.stay()
        else:
            self._place.go_to_newest()
        self._moved()

    def action_order(self) -> None:
        """Turn the order round."""
        self.console.newest_on_top = not self.console.newest_on_top
        self._place.turn()
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
        query, store = self.query_shown, self.console.store

        def look() -> None:
            found: set[int] = set()
            before: int | None = None
            ended = False
            try:
                while not ended and len(found) < MOST_MARKED and self.is_attached and query == self.query_shown:
                    ids, before, ended = delivery_query.ids_wanted(store, query, before=before, limit=MARKED_AT_ONCE)
                    found.update(ids)
                    self.app.call_from_thread(self._mark, query, found)
            except StoreError:
                return  # the follower says so, loudly

        self.run_worker(look, thread=True, exclusive=True, group="mark", exit_on_error=False)

    def _mark(self, query: DeliveryQuery, found: set[int]) -> None:
        if query == self.query_shown:
            self._marked = set(found)
            self.refresh()

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
        window = self._place.window
        if event.y >= window.height:
            self.action_follow()
            return
        if event.x >= self.size.width - 1:
            self._place.go_to_share((event.y + 0.5) / window.height)
            return
        place = event.y + window.top
        if place < len(window.rows):
            again = place == window.cursor
            self.action_move(place - window.cursor)
            if again or event.chain > 1:
                self.action_open()

    # Painting.

    def on_resize(self, event: Resize) -> None:
        """As many rows as fit above the line that says how the list stands."""
        self._place.resize(event.size.height - 1)

    def on_focus(self) -> None:
        """The cursor is bright."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is pale."""
        self.refresh()

    def line(self, row: FeedRow, width: int, base: Style) -> Strip:
        """A row as a strip of exactly `width` cells."""
        return Strip([Segment(self.sign(row), base), *feed_line(row, width - 1, base, self.console)], width)

    def sign(self, row: FeedRow) -> str:
        """What stands before a row: whether it is marked, or acknowledged by somebody."""
        return sign_of(row, marked=row.id in self._marked)

    def render_line(self, y: int) -> Strip:
        """One line of the screen: a row, and its piece of the bar."""
        window, width, base = self._place.window, self.size.width - 1, self.rich_style
        if y >= window.height:
            return self._state_line(width + 1, base)
        place = y + window.top
        if place < len(window.rows):
            style = base
            if place == window.cursor:
                style += self.get_component_rich_style("live-pane--cursor")
            line = self.line(window.rows[place], width, style)
        else:
            text = f"  {self._nothing}" if not window.rows and y == 1 else ""
            line = Strip([Segment(fitted(text, width), base + Style(dim=True))], width)
        return Strip([*line, self._bar(y, base)], width + 1)

    @property
    def _state(self) -> tuple[str, str]:
        """Whether it follows, else how many have arrived meanwhile; how far it has looked. Words and how they look."""
        seen, texts, arrived = self._place.seen, self.console.texts, self._place.arrived
        if seen is None:
            return "", "live-pane--state"
        words = "pane.following" if self.following else "pane.arrived" if arrived else "pane.paused"
        parts = [texts(words, count=arrived)]
        if (total := seen.total) is not None:
            parts.append(texts("pane.total", count=f"{total.number}+" if total.capped else total.number))
        if self._marked:
            parts.insert(0, texts("rules.marked", count=len(self._marked)))
        if seen.looking is not None:
            parts.append(texts("pane.looking", percent=int(100 * seen.looking)))
        return " · ".join(parts), "live-pane--arrived" if arrived and not self.following else "live-pane--state"

    def _state_line(self, width: int, base: Style) -> Strip:
        words, kind = self._state
        return Strip([Segment(fitted(f" {words}", width), base + self.get_component_rich_style(kind))], width)

    @property
    def _nothing(self) -> str:
        """What is said when there are no rows."""
        seen = self._place.seen
        if seen is None or seen.looking is not None:
            return ""
        return self.console.texts(self.NOTHING if self.query_shown == DeliveryQuery() else "deliveries.none_found")

    def _bar(self, y: int, base: Style) -> Segment:
        """A piece of the bar."""
        thumb = self._place.thumb
        if thumb is None:
            return Segment(" ", base)
        kind = "live-pane--thumb" if y == thumb else "live-pane--bar"
        return Segment("█" if y == thumb else "│", base + self.get_component_rich_style(kind))
