"""A list on top of a section: title, head, rows, and beneath them what the row under the cursor says."""

from collections.abc import Iterable
from typing import ClassVar, Generic

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Label, Static

from store.errors import StoreError
from tui.screens.following import Following
from tui.spoken import SpokenModal
from tui.widgets.column_list import ColumnList, head
from tui.widgets.delivery_deeds import DeliveryDeeds
from tui.widgets.key_footer import KeyFooter
from tui.widgets.row_list import RowT


class ListModal(Following[None], SpokenModal[None], Generic[RowT]):
    """Follows the store; deeds of this console are taken back here, too.

    A subclass composes itself by `frame`, and says which texts are its title and what stands where there are no rows
    (`HEADING`, `NOTHING`), what columns are called, how rows are read, and what is said of one.
    """

    HEADING: ClassVar[str]
    NOTHING: ClassVar[str]
    DEFAULT_CSS = """
    ListModal { background: $background; }
    ListModal > .list-title { height: 1; padding: 0 2; background: $primary; width: 100%; text-style: bold; }
    ListModal > .list-head { height: 1; background: $panel; color: $text-muted; text-wrap: nowrap; }
    ListModal > .list-detail { padding: 0 1; background: $surface; }
    """

    def frame(
        self, title: Label, names: Static, rows: ColumnList[RowT], detail: Static, *below: Widget
    ) -> Iterable[Widget]:
        """The parts in their order, and the footer."""
        self._head, self.rows, self._said = names, rows, detail
        title.update(Content(self.say(self.HEADING)))
        rows.nothing = self.say(self.NOTHING)
        for part, name in ((title, "list-title"), (names, "list-head"), (detail, "list-detail")):
            part.add_class(name)
        return (title, names, rows, detail, *below, KeyFooter())

    def on_mount(self) -> None:
        self.deeds = DeliveryDeeds(self, self.read)
        self.rows.focus()
        self.read_soon()
        self.follow_store(self.read)

    def read_soon(self) -> None:
        """Read again, in a thread."""
        self.run_worker(self.read, group="list", thread=True, exclusive=True, exit_on_error=False)

    def read(self) -> None:
        """Read what is shown, and say where that fails. Runs in a thread."""
        try:
            self.load()
        except StoreError as error:
            self.notify(self.problem(error), severity="error")

    def load(self) -> None:
        """Read what is shown, and post it. Runs in a thread.

        Raises:
            StoreError: The store cannot be read.
        """
        raise NotImplementedError

    def column(self, name: str) -> str:
        """What a column is called."""
        raise NotImplementedError

    def detail(self, row: RowT) -> Content:
        """What is said of a row."""
        raise NotImplementedError

    @on(ColumnList.Sized)
    def _name_columns(self, event: ColumnList.Sized) -> None:
        self._head.update(head(self.rows.widths(event.width), self.column))

    @on(ColumnList.Moved)
    def _say_row(self) -> None:
        row = self.rows.current
        self._said.update(self.detail(row) if row else Content(""))

    def action_undo(self) -> None:
        """Take the last deed back."""
        self.deeds.do("undo", ())

    def action_leave(self) -> None:
        """Leave."""
        self.dismiss()
