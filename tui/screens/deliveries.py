"""Deliveries: the queue, filtered by state and text."""

from typing import ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import DataTable, Input, Select

from store import outbox
from store.cards import FeedRow
from store.sanitise import clean_line
from store.vocabulary import DeliveryState
from tui.operator import operator
from tui.screens.base import SectionScreen
from tui.screens.delivery import DeliveryScreen
from tui.spoken import binding

LIMIT = 200


class DeliveriesScreen(SectionScreen):
    """The newest deliveries that match the filter."""

    SECTION = "deliveries"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("slash", "filter", "deliveries.filter", shown="/"),
        binding("s", "next_state", "deliveries.state"),
        binding("x", "mark", "deliveries.mark"),
        binding("r", "retry", "deliveries.retry"),
        binding("c", "cancel", "deliveries.cancel"),
        binding("f5", "reload", "deliveries.reload"),
        binding("escape", "leave_filter", "deliveries.leave", show=False),
    ]

    def compose_content(self) -> ComposeResult:
        """Filters and table."""
        states = [(self.say(f"state.{state.word}"), state.word) for state in DeliveryState]
        with Horizontal(id="filters"):
            yield Input(placeholder=self.say("deliveries.filter"), id="delivery-filter")
            yield Select(states, prompt=self.say("deliveries.any_state"), id="delivery-state")
        yield DataTable[Text](id="delivery-table", cursor_type="row", zebra_stripes=True)

    def on_mount(self) -> None:
        """Columns, then rows."""
        self._marked: set[int] = set()
        self._rows: list[FeedRow] = []
        table = self._table
        for key, width in (
            ("mark", 1),
            ("time", 8),
            ("object", 9),
            ("state", 10),
            ("recipient", 16),
            ("subject", None),
        ):
            table.add_column(self.say(f"deliveries.{key}"), key=key, width=width)
        table.focus()
        self.action_reload()

    @property
    def _table(self) -> DataTable[Text]:
        return cast("DataTable[Text]", self.query_one("#delivery-table", DataTable))

    def action_reload(self) -> None:
        """Read the list in a thread."""
        text = self.query_one("#delivery-filter", Input).value.strip()
        chosen = self.query_one("#delivery-state", Select).value  # pyright: ignore[reportUnknownVariableType]
        state = next((one for one in DeliveryState if one.word == chosen), None)

        def read() -> None:
            rows = outbox.page(self.store, state=state, text=text, limit=LIMIT)
            self.console.call_from_thread(self._show, rows)

        self.run_worker(read, thread=True, exclusive=True, group="deliveries", exit_on_error=False)

    def _show(self, rows: list[FeedRow]) -> None:
        self._rows = rows
        table = self._table
        place = table.cursor_row
        table.clear()
        for row in rows:
            words = (
                "●" if row.id in self._marked else " ",
                row.created_at.astimezone(self.console.zone).strftime("%H:%M:%S"),
                row.object_number,
                self.say(f"state.{row.state.word}"),
                row.recipient_name or row.recipient_address,
                row.subject,
            )
            table.add_row(*(Text(clean_line(word)) for word in words), key=str(row.id))
        if rows:
            table.move_cursor(row=min(place, len(rows) - 1))

    @on(Input.Changed, "#delivery-filter")
    @on(Select.Changed, "#delivery-state")
    def _filtered(self) -> None:
        self.action_reload()

    @on(DataTable.RowSelected)
    def _opened(self, event: DataTable.RowSelected) -> None:
        self.app.push_screen(DeliveryScreen(int(str(event.row_key.value))))

    def on_screen_resume(self) -> None:
        """Another look after a delivery was opened."""
        if self._rows if hasattr(self, "_rows") else False:
            self.action_reload()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one("#delivery-filter").focus()

    def action_leave_filter(self) -> None:
        """Back to the list."""
        self._table.focus()

    def action_next_state(self) -> None:
        """Any, then each state in turn."""
        select = cast("Select[str]", self.query_one("#delivery-state", Select))
        words = [state.word for state in DeliveryState]
        place = words.index(str(select.value)) + 1 if select.value in words else 0
        if place < len(words):
            select.value = words[place]
        else:
            select.clear()

    def _current(self) -> int | None:
        place = self._table.cursor_row
        return self._rows[place].id if 0 <= place < len(self._rows) else None

    def action_mark(self) -> None:
        """Mark the row, or take the mark away."""
        key = self._current()
        if key is None:
            return
        self._marked ^= {key}
        table = self._table
        table.update_cell(str(key), "mark", Text("●" if key in self._marked else " "))
        table.action_cursor_down()

    def action_retry(self) -> None:
        """Send again."""
        self._move(retry=True)

    def action_cancel(self) -> None:
        """Withdraw."""
        self._move(retry=False)

    def _move(self, *, retry: bool) -> None:
        current = self._current()
        ids = sorted(self._marked) or ([current] if current is not None else [])
        if not ids:
            return
        self._marked.clear()

        def work() -> None:
            done = (outbox.retry if retry else outbox.cancel)(self.store, ids, operator())
            key = "deliveries.retried" if retry else "deliveries.cancelled"
            self.notify(self.say(key, done=done, asked=len(ids)), markup=False)
            self.console.call_from_thread(self.action_reload)

        self.run_worker(work, thread=True, exit_on_error=False)
