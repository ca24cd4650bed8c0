"""Deliveries: the queue, as it is now, in columns, filtered; what a storm holds is dealt with here."""

from typing import ClassVar, cast

from rich.style import Style
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.events import Resize
from textual.strip import Strip
from textual.widgets import Static

from store.cards import FeedRow
from store.sanitise import clean_line
from store.vocabulary import DeliveryState
from tui.screens.base import SectionScreen
from tui.screens.pane_screen import PaneScreen
from tui.spoken import binding
from tui.widgets.column_list import head, in_columns
from tui.widgets.delivery_filter import STORM, with_state
from tui.widgets.delivery_list import ACKNOWLEDGED, in_cells, widths
from tui.widgets.delivery_words import acknowledged_in_words, reason_in_words
from tui.widgets.filter_bar import FilterBar
from tui.widgets.live_pane import LivePane
from tui.widgets.storm_deeds import StormDeeds

STATES = ("", *(state.word for state in DeliveryState), STORM)
"""What the list is narrowed to by a key, one after the other: any, each state, what a storm holds."""


class DeliveryPane(LivePane):
    """The live pane in columns, for a head to stand over."""

    NOTHING = "deliveries.none"

    def line(self, row: FeedRow, width: int, base: Style) -> Strip:
        """A row as one line, in columns."""
        return in_columns(in_cells(row, width, base, self.console, self.sign(row)), widths(width), width, base)


class DeliveryHead(Static):
    """What the columns of the pane below are called."""

    def on_resize(self, event: Resize) -> None:
        """The columns are as wide as the pane, which has a bar at its right."""
        say = cast("SectionScreen", self.screen).say
        self.update(head(widths(event.size.width - 1), lambda column: say(f"deliveries.{column}")))


class DeliveriesScreen(PaneScreen):
    """The deliveries that match the filter, and all that is known of the one under the cursor in one line."""

    SECTION = "deliveries"
    FOOTER = (
        "pane.open", "storms.release", "storms.drop", "storms.digest", "live.filter", "deliveries.state", "live.views",
        "deliveries.retry", "deliveries.cancel", "deeds.acknowledge", "deeds.mute", "deeds.undo", "pane.follow",
    )  # fmt: skip
    DEFAULT_CSS = """
    DeliveriesScreen #delivery-head { height: 1; background: $panel; color: $text-muted; text-wrap: nowrap; }
    DeliveriesScreen #delivery-detail { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("s", "next_state(1)", "deliveries.state"),
        binding("S", "next_state(-1)", "deliveries.state_back", show=False, shown="S"),
        binding("l", "storm('release')", "storms.release"),
        binding("d", "storm('drop')", "storms.drop"),
        binding("G", "storm('digest')", "storms.digest", shown="G"),
    ]

    def compose_content(self) -> ComposeResult:
        """The filter, the head of the columns, the list and the line below it."""
        asked = self.console.take_deliveries_asked_for()
        text = with_state("", asked, self.console.texts) if asked else self.typed_before
        yield FilterBar(text, id="delivery-filter", classes="-always")
        yield DeliveryHead(id="delivery-head")
        yield DeliveryPane(id="delivery-pane")
        yield Static(id="delivery-detail")

    def on_mount(self) -> None:
        """Storms are dealt with like single deliveries."""
        self._storms = StormDeeds(self, self.console.feed.wake)

    @on(LivePane.Highlighted)
    def _say_where(self, event: LivePane.Highlighted) -> None:
        self.query_one("#delivery-detail", Static).update(self._detail(event.row) if event.row else Content(""))

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

    # States.

    def narrow(self, what: str) -> None:
        """Narrow the list to a state or, with `storm`, to what storms hold, and to nothing else."""
        self.bar.take(with_state("", what, self.console.texts))
        self.pane.focus()

    def action_next_state(self, step: int) -> None:
        """Any, then each state in turn."""
        query = self.bar.asked_for
        present = STORM if query.storm else query.states[0].word if query.states else ""
        following = STATES[(STATES.index(present) + step) % len(STATES)]
        self.bar.take(with_state(self.bar.text, following, self.console.texts))

    @on(FilterBar.Changed)
    def _offer(self) -> None:
        self.refresh_bindings()

    # Storms.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is done about a storm is offered where storms are looked at."""
        del parameters
        panes = self.query(DeliveryPane)  # none while the screen comes and goes
        return action != "storm" or not panes or panes.first().query_shown.storm

    def action_storm(self, deed: str) -> None:
        """Release, drop or digest the storms of what is marked, or of the row."""
        chosen = self.pane.chosen
        self.pane.unmark()
        self._storms.do(deed, chosen)
