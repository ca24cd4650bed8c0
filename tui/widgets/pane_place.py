"""Where one is in a list of deliveries that is fed: what is wanted, what was seen of it, whether one follows.

Draws nothing: the live pane does, and asks here what is in sight.
"""

from collections.abc import Callable
from dataclasses import replace

from store.cards import FeedRow
from store.delivery_query import DeliveryQuery
from tui.delivery_reader import Snapshot, View
from tui.widgets.row_window import RowWindow

PAGES_AHEAD = 2
"""Pages that are at hand on each side, for whoever holds a key down."""
NEAR = 1
"""So many pages from the end of what is at hand, more is asked for."""


class PanePlace:
    """A place in a list of any length.

    Args:
        newest_first: Tells whether the newest stand on top, or at the bottom.
        asked: Called when something else is wanted than before.

    Attributes:
        window: The rows at hand, those in sight, the cursor.
        view: What is wanted.
        seen: What was seen last; `None` before.
        following: Whether one goes along with what arrives.
    """

    def __init__(self, newest_first: Callable[[], bool], asked: Callable[[], None]) -> None:
        self.window = RowWindow[FeedRow]()
        self.view = View()
        self.seen: Snapshot | None = None
        self.following = True
        self._newest_first, self._asked = newest_first, asked
        self._owed = 0
        self._edge: bool | None = None
        self._near: int | None = None

    def take(self, snapshot: Snapshot) -> bool:
        """Take what was seen; gives whether it is what is wanted, or as much of it as is of use."""
        if snapshot.view.query != self.view.query:
            return False  # asked for before one wanted to see something else
        if snapshot.view.anchor == self.view.anchor or not self.following:
            self._take(snapshot)
        return True

    def _take(self, snapshot: Snapshot) -> None:
        self.seen = snapshot
        edge, near = self._edge, self._near
        if self.following:
            edge = not self._newest_first()
        elif snapshot.view.anchor != self.view.anchor:
            edge = near = None
        self.window.show(snapshot.rows if self._newest_first() else snapshot.rows[::-1], edge=edge, near=near)
        if snapshot.view.anchor == self.view.anchor and snapshot.looking is None:
            self._edge = self._near = None
            owed, self._owed = self._owed, 0
            if owed:
                self._step(owed)

    def narrow(self, query: DeliveryQuery, *, stay: bool) -> None:
        """Want what another filter wants: its newest, and follow; or stay."""
        self.view = replace(self.view, query=query)
        if stay:
            self._asked()
            return
        self.seen = None
        self.window.show(())
        self.go_to_newest()

    def resize(self, height: int) -> None:
        """So many rows are in sight now."""
        self.window.resize(height)
        self._want(self.view.anchor)

    # Moving.

    def move(self, step: int) -> None:
        """Move the cursor by rows; at the edge where rows arrive it follows them."""
        newest_first, seen, window = self._newest_first(), self.seen, self.window
        if not window.rows or seen is None:
            return
        place = window.cursor + step
        at_edge = place <= 0 if newest_first else place >= len(window.rows) - 1
        if at_edge and seen.newest_here and (step < 0) is newest_first:
            self.go_to_newest()
            return
        self._edge = self._near = None
        if self.following:
            self.stay()
        self._step(step)

    def stay(self) -> None:
        """Stay at the row, and count what arrives from now on."""
        if (current := self.window.current) is not None:
            self._pause()
            self._want(current.id)

    def go_to(self, delivery_id: int) -> None:
        """Go to a delivery, or to the one nearest to it, and stay there."""
        self._pause()
        self._near = delivery_id
        self._want(delivery_id)

    def go_to_edge(self, *, end: bool) -> None:
        """Go to the first or the last row."""
        if end is not self._newest_first():
            self.go_to_newest()
        elif self.seen is not None:
            self._pause()
            self._edge, self._near, self._owed = end, None, 0
            self._want(self.seen.first - 1)
            if self.seen.oldest_here:
                self.window.show(self.window.rows, edge=end)

    def go_to_newest(self) -> None:
        """Go to what arrives, and follow it."""
        self.following, self._owed, self._near, self._edge = True, 0, None, None
        self.view = replace(self.view, since=None)
        self._want(None)
        if self.seen is not None and self.seen.newest_here:
            self.window.show(self.window.rows, edge=not self._newest_first())

    def go_to_share(self, share: float) -> None:
        """Go to where so much of all there is lies above, as the bar has it."""
        if (seen := self.seen) is not None:
            down = share if self._newest_first() else 1 - share
            self.go_to(round(seen.last - down * (seen.last - seen.first)))

    def turn(self) -> None:
        """The order was turned round."""
        self.window.show(self.window.rows[::-1])
        self.go_to_newest()

    def _pause(self) -> None:
        if self.following:
            self.following = False
            if (seen := self.seen) is not None:
                newest = max([seen.last, *(row.id for row in seen.rows[:1])])
                self.view = replace(self.view, since=newest)

    def _step(self, step: int) -> None:
        """Move the cursor; what is not at hand is asked for, and gone to when it is."""
        missing = self.window.move(step)
        seen = self.seen
        if seen is None or not self.window.rows:
            return
        towards_newest = (step < 0) is self._newest_first()
        ended = seen.newest_here if towards_newest else seen.oldest_here
        if missing and not ended:
            self._owed += missing
        left = self.window.cursor if step < 0 else len(self.window.rows) - 1 - self.window.cursor
        if not ended and left < NEAR * self.window.height:
            current = self.window.current
            self._want(current.id if current else None)

    def _want(self, anchor: int | None) -> None:
        """Ask for the rows around a place."""
        around = max(1, self.window.height) * PAGES_AHEAD
        self.view = replace(self.view, anchor=anchor, around=around)
        self._asked()

    # What is told of it.

    @property
    def arrived(self) -> int:
        """How many arrived since one stays."""
        seen = self.seen
        return seen.arrived if seen is not None and seen.view.since == self.view.since else 0

    @property
    def thumb(self) -> int | None:
        """The line that shows where among all deliveries of the store those in sight are; `None`: all are in sight."""
        seen, rows, height = self.seen, self.window.in_sight, self.window.height
        if seen is None or not rows or (seen.newest_here and seen.oldest_here and len(rows) < height):
            return None
        span = max(1, seen.last - seen.first)
        middle = rows[len(rows) // 2].id
        share = (seen.last - middle) / span if self._newest_first() else (middle - seen.first) / span
        at_start, at_end = self._at_ends(seen)
        return 0 if at_start else height - 1 if at_end else min(max(round(share * height), 1), height - 2)

    def _at_ends(self, seen: Snapshot) -> tuple[bool, bool]:
        """Whether the first row of all is in sight, and whether the last one is."""
        above, below = seen.newest_here, seen.oldest_here
        if not self._newest_first():
            above, below = below, above
        window = self.window
        return above and window.top == 0, below and window.top + window.height >= len(window.rows)
