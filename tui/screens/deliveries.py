"""Deliveries: the queue, as it is now, filtered by state and text."""

from dataclasses import dataclass
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Select, Static

from store import outbox
from store.cards import FeedRow
from store.errors import StoreError
from store.sanitise import clean_line
from store.vocabulary import DeliveryState
from tui.screens.base import SectionScreen
from tui.spoken import binding
from tui.widgets.delivery_deeds import KEYS, DeliveryDeeds
from tui.widgets.delivery_list import ACKNOWLEDGED, COLUMNS, DeliveryList, widths
from tui.widgets.delivery_words import acknowledged_in_words, reason_in_words
from tui.widgets.feed_line import fitted
from tui.widgets.storm_deeds import StormDeeds

PAGE = 200
STORM = "storm"
"""Stands among the states of the filter for what storms hold."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries are to be shown."""

    state: DeliveryState | None = None
    text: str = ""
    storm: bool = False


class DeliveriesScreen(SectionScreen):
    """The newest deliveries that match the filter; older ones are read when the cursor gets to the end."""

    SECTION = "deliveries"
    FOOTER = (
        "pane.open",
        "storms.release",
        "storms.drop",
        "storms.digest",
        "deliveries.filter",
        "deliveries.state",
        "deliveries.retry",
        "deliveries.cancel",
        "deeds.acknowledge",
        "deeds.mute",
        "deeds.undo",
    )
    DEFAULT_CSS = """
    DeliveriesScreen #filters { height: 1; margin: 0 1; }
    DeliveriesScreen #delivery-filter { width: 1fr; height: 1; background: $boost; margin-right: 1; }
    DeliveriesScreen #delivery-state { width: 20; height: 1; }
    DeliveriesScreen #delivery-head { height: 1; background: $panel; color: $text-muted; text-wrap: nowrap; }
    DeliveriesScreen #delivery-detail { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    DeliveriesScreen #delivery-count { height: 1; padding: 0 1; background: $surface; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("slash", "filter", "deliveries.filter", shown="/"),
        binding("s", "next_state(1)", "deliveries.state"),
        binding("S", "next_state(-1)", "deliveries.state_back", show=False, shown="S"),
        binding("r", "retry", "deliveries.retry"),
        binding("c", "cancel", "deliveries.cancel"),
        binding("l", "storm('release')", "storms.release"),
        binding("d", "storm('drop')", "storms.drop"),
        binding("g", "storm('digest')", "storms.digest"),
        *KEYS,
        binding("D", "app.dead_groups", "deliveries.causes", shown="D"),
        binding("f5", "reload", "deliveries.reload"),
        binding("escape", "clear", "deliveries.leave", show=False),
    ]

    @dataclass
    class Loaded(Message):
        """The list was read, for what was wanted then."""

        wanted: Wanted
        rows: list[FeedRow]

        def can_replace(self, message: Message) -> bool:
            """Only the last reading is of interest."""
            return isinstance(message, DeliveriesScreen.Loaded)

    @dataclass
    class OlderLoaded(Message):
        """The page before the last row was read."""

        wanted: Wanted
        rows: list[FeedRow]

    @dataclass
    class Refused(Message):
        """The store did not do as asked."""

        problem: str

    def compose_content(self) -> ComposeResult:
        with Horizontal(id="filters"):
            yield Input(placeholder=self.say("deliveries.filter"), id="delivery-filter", compact=True)
            yield Select(self._states(), prompt=self.say("deliveries.any_state"), id="delivery-state", compact=True)
        yield Static(id="delivery-head")
        yield DeliveryList(id="delivery-table")
        yield Static(id="delivery-detail")
        yield Static(id="delivery-count")

    def _states(self) -> "list[tuple[str, str]]":
        """What the list can be narrowed to, in words and in codes."""
        states = [(self.say(f"state.{state.word}"), state.word) for state in DeliveryState]
        return [*states, (self.say("deliveries.storm"), STORM)]

    def on_mount(self) -> None:
        self._wanted = Wanted()
        self._deeds = StormDeeds(self, self._load)
        self._deliveries_deeds = DeliveryDeeds(self, self._deed_done)
        self._ended = False
        self._limit = PAGE
        self.list.focus()
        if asked := self.console.take_deliveries_asked_for():
            self.narrow(asked)
        self.follow_store(self._load)

    def on_screen_resume(self) -> None:
        self.action_reload()

    @property
    def list(self) -> DeliveryList:
        """The rows."""
        return self.query_one(DeliveryList)

    @property
    def why_key(self) -> str:
        """The object of the row."""
        row = self.list.current
        return row.object_number if row else ""

    def action_reload(self) -> None:
        """Read the list in a thread."""
        self.run_worker(self._load, thread=True, exclusive=True, group="deliveries", exit_on_error=False)

    def _load(self) -> None:
        wanted, limit = self._wanted, self._limit
        try:
            rows = self._read(wanted, limit)
        except StoreError as error:
            self.post_message(self.Refused(str(error)))
        else:
            self.post_message(self.Loaded(wanted, rows))

    def _read(self, wanted: Wanted, limit: int, before: int | None = None) -> "list[FeedRow]":
        return outbox.page(
            self.store, state=wanted.state, text=wanted.text, before_id=before, limit=limit, storm=wanted.storm
        )

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        if event.wanted != self._wanted:
            return
        self._ended = len(event.rows) < self._limit
        self.list.nothing = self.say("deliveries.none" if self._wanted == Wanted() else "deliveries.none_found")
        self.list.show(event.rows)

    @on(DeliveryList.EndReached)
    def _older(self) -> None:
        if self._ended:
            return
        wanted, before = self._wanted, self.list.rows[-1].id

        def read() -> None:
            try:
                rows = self._read(wanted, PAGE, before)
            except StoreError as error:
                self.post_message(self.Refused(str(error)))
            else:
                self.post_message(self.OlderLoaded(wanted, rows))

        self.run_worker(read, thread=True, exclusive=True, group="deliveries", exit_on_error=False)

    @on(OlderLoaded)
    def _append(self, event: OlderLoaded) -> None:
        if event.wanted == self._wanted:
            self._ended = len(event.rows) < PAGE
            self.list.append(event.rows)
            self._limit = max(PAGE, len(self.list.rows))

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self.notify(event.problem, severity="error", markup=False)

    @on(DeliveryList.Moved)
    def _say_where(self) -> None:
        rows, marked, row = self.list.rows, self.list.marked, self.list.current
        self.query_one("#delivery-detail", Static).update(self._detail(row) if row else Content(""))
        key = "deliveries.count" if self._ended else "deliveries.count_more"
        parts = [self.say(key, count=len(rows))]
        if marked:
            parts.insert(0, self.say("rules.marked", count=len(marked)))
        self.query_one("#delivery-count", Static).update(Content(" · ".join(parts)))

    def _detail(self, row: FeedRow) -> Content:
        state = self.say(f"state.{row.state.word}")
        reason = reason_in_words(row.reason, self.console.texts)
        address = clean_line(row.recipient_address)
        taken = acknowledged_in_words(row)
        return Content.assemble(
            (f"D{row.id} ", "dim"),
            (f"{state}: {reason}" if reason else state, "bold"),
            (f" · {address} · ", "dim"),
            (f"{ACKNOWLEDGED} {taken} · " if taken else "", "$text-accent"),
            clean_line(row.subject),
        )

    @on(DeliveryList.Sized)
    def _head(self, event: DeliveryList.Sized) -> None:
        sizes = widths(event.width)
        words = " ".join(fitted(self.say(f"deliveries.{column}"), sizes[column]) for column in COLUMNS)
        self.query_one("#delivery-head", Static).update(Content(words.rstrip()))

    @on(Input.Changed, "#delivery-filter")
    @on(Select.Changed, "#delivery-state")
    def _filtered(self) -> None:
        chosen = self._select.value
        state = next((one for one in DeliveryState if one.word == chosen), None)
        wanted = Wanted(state, self.query_one("#delivery-filter", Input).value.strip(), chosen == STORM)
        if wanted != self._wanted:
            self._wanted, self._limit = wanted, PAGE
            self.refresh_bindings()
            self.action_reload()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is done about a storm is offered where storms are looked at."""
        del parameters
        return action != "storm" or not self.is_mounted or self._wanted.storm

    def narrow(self, what: str) -> None:
        """Narrow the list to a state or, with `storm`, to what storms hold."""
        self._select.value = what
        self.list.focus()

    def action_storm(self, deed: str) -> None:
        """Release, drop or digest the storms of what is marked, or of the row."""
        chosen = set(self.list.chosen)
        self._deeds.do(deed, [row for row in self.list.rows if row.id in chosen])

    @on(Input.Submitted, "#delivery-filter")
    def _to_rows(self) -> None:
        self.list.focus()

    @property
    def _select(self) -> "Select[str]":
        return cast("Select[str]", self.query_one("#delivery-state", Select))

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one("#delivery-filter").focus()

    def action_clear(self) -> None:
        """From the filter to the list; there, clear the filter, then the marks."""
        if self.list.has_focus:
            if self._wanted != Wanted():
                self.query_one("#delivery-filter", Input).value = ""
                self._select.clear()
            else:
                self.list.unmark()
        self.list.focus()

    def action_next_state(self, step: int) -> None:
        """Any, then each state in turn."""
        words = ["", *(word for _, word in self._states())]
        current = str(self._select.value) if self._wanted.state is not None or self._wanted.storm else ""
        following = words[(words.index(current) + step) % len(words)]
        if following:
            self._select.value = following
        else:
            self._select.clear()

    def _deed_done(self) -> None:
        """What was done is done with what was marked. Runs in a thread."""
        self.app.call_from_thread(self.list.unmark)
        self._load()

    def action_deed(self, deed: str) -> None:
        """Do something with what is marked, or with the row."""
        self._deliveries_deeds.do(deed, self.list.chosen)

    def action_retry(self) -> None:
        """Send again."""
        self.action_deed("retry")

    def action_cancel(self) -> None:
        """Withdraw."""
        self.action_deed("cancel")
