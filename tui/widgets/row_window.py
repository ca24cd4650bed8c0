"""Which rows of a long list are at hand, which of them are in sight, and where the cursor is. Draws nothing."""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar


class Numbered(Protocol):
    """What can be a row: it has a number of its own, which stays and grows with time."""

    @property
    def id(self) -> int: ...


RowT = TypeVar("RowT", bound=Numbered)


class RowWindow(Generic[RowT]):
    """A window over a list of any length.

    Attributes:
        rows: The rows at hand, as they stand on the screen.
        cursor: Place of the cursor among them.
        top: Place of the first one in sight.
        height: So many are in sight.
    """

    def __init__(self) -> None:
        self.rows: Sequence[RowT] = ()
        self.cursor = 0
        self.top = 0
        self.height = 1

    @property
    def current(self) -> RowT | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    @property
    def in_sight(self) -> Sequence[RowT]:
        """The rows that are seen."""
        return self.rows[self.top : self.top + self.height]

    def show(self, rows: Sequence[RowT], *, edge: bool | None = None, near: int | None = None) -> None:
        """Take these rows in place of those before.

        The cursor stays on its row, and that row where it is on the screen, whatever has come above it; where the row
        is gone, the cursor goes to the one nearest to it.

        Args:
            rows: The rows, by id, in either order.
            edge: Go to the last row (`True`) or the first one instead.
            near: Go to the row nearest to this id instead.
        """
        before = self.current
        offset = self.cursor - self.top
        self.rows = rows
        if edge is not None:
            self.cursor = len(rows) - 1 if edge else 0
        elif near is not None:
            self.cursor, offset = self._nearest(near), self.height // 2
        elif before is not None:
            self.cursor = self._nearest(before.id)
        self.cursor = max(0, min(self.cursor, len(rows) - 1))
        self.top = self.cursor - offset
        self.reveal()

    def move(self, step: int) -> int:
        """Move the cursor by rows; gives by how many it could not, because there are none at hand."""
        wanted = self.cursor + step
        self.cursor = max(0, min(wanted, len(self.rows) - 1))
        self.reveal()
        return wanted - self.cursor

    def resize(self, height: int) -> None:
        """So many rows are in sight now."""
        self.height = max(1, height)
        self.reveal()

    def reveal(self) -> None:
        """See that the cursor is in sight, and no more room is left empty than must be."""
        least = self.cursor - self.height + 1
        self.top = max(least, min(self.top, self.cursor))
        self.top = max(0, min(self.top, len(self.rows) - self.height))

    def _nearest(self, wanted: int) -> int:
        """The place of the row with an id, else of the one whose id is nearest."""
        if not self.rows:
            return 0
        return min(range(len(self.rows)), key=lambda place: abs(self.rows[place].id - wanted))
