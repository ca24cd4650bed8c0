"""Live: what happens, as it happens."""

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from store.cards import DeliveryCard
from store.errors import StoreError
from store.journal import delivery
from store.vocabulary import DeliveryState
from tui.screens.pane_screen import PaneScreen
from tui.spoken import binding
from tui.widgets.feed_line import CHANNEL_MARKS, STATE_MARKS
from tui.widgets.filter_bar import FilterBar
from tui.widgets.letter_preview import LetterPreview
from tui.widgets.live_pane import LivePane

WIDE_COLUMNS = 110
"""Columns from which on every sign is explained; on fewer, those one sees every day."""
TALL_ROWS = 30
"""Rows from which on the preview is shown without asking."""
MOVED_S = 0.08
"""Pause after a move of the cursor, so that holding a key down reads one letter, not fifty."""
FOLLOWING_S = 1.5
"""While the pane follows what arrives, the preview changes no faster than a person reads."""


class LiveScreen(PaneScreen):
    """The pane in full size, and the letter under its cursor."""

    SECTION = "live"
    HAS_OWN_PANE: ClassVar[bool] = True
    FOOTER = (
        "pane.open", "live.filter", "live.views", "pane.follow", "deeds.acknowledge", "deliveries.retry", "deeds.mute",
        "app.board", "live.go_to_time", "live.preview", "deeds.undo", "pane.order",
    )  # fmt: skip
    DEFAULT_CSS = """
    LiveScreen #headline { height: auto; max-height: 2; padding: 0 1; background: $surface; color: $text-muted; }
    LiveScreen #headline.-notice { color: $text; background: $primary-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("p", "preview", "live.preview"),
        binding("b", "app.board", "app.board"),
    ]

    @dataclass
    class Read(Message):
        """The delivery under the cursor was read."""

        card: DeliveryCard

        def can_replace(self, message: Message) -> bool:
            """Only the last one is of interest."""
            return isinstance(message, LiveScreen.Read)

    def __init__(self) -> None:
        super().__init__()
        self._wanted: int | None = None
        self._timer: Timer | None = None

    def compose_content(self) -> ComposeResult:
        """The headline, the pane and the preview."""
        yield Static(id="headline")
        yield FilterBar(self.typed_before, id="live-filter")
        yield LivePane(id="live-pane")
        yield LetterPreview(id="live-preview")

    def on_resize(self, event: Resize) -> None:
        """A low terminal keeps its rows for the list until the preview is asked for."""
        super().on_resize(event)
        self.set_class(event.size.height >= TALL_ROWS, "-tall")
        self.show_notice()
        chosen = self.console.preview
        shown = event.size.height >= TALL_ROWS if chosen is None else chosen
        self.query_one(LetterPreview).set_class(shown, "-shown")

    def show_notice(self) -> None:
        """The application's notice, else what the signs of a line mean."""
        headline = self.query_one("#headline", Static)
        headline.set_class(bool(self.console.notice), "-notice")
        headline.update(Content(self.console.notice or self._legend()))

    def _legend(self) -> str:
        shown = [DeliveryState.SENT, DeliveryState.PENDING, DeliveryState.DEAD]
        if self.size.width >= WIDE_COLUMNS:
            shown += [DeliveryState.SENDING, DeliveryState.HELD, DeliveryState.CANCELLED]
        states = [f"{STATE_MARKS[state]} {self.say(f'state.{state.word}')}" for state in shown]
        channels = [f"{mark} {self.say(f'live.{channel.value}')}" for channel, mark in CHANNEL_MARKS.items()]
        return "  ".join([*states, *channels])

    def action_preview(self) -> None:
        """Show or hide the preview; the choice holds whatever the terminal's size."""
        preview = self.query_one(LetterPreview)
        self.console.preview = not preview.has_class("-shown")
        preview.set_class(self.console.preview, "-shown")
        self._read()

    @on(LivePane.Highlighted)
    def _moved(self, event: LivePane.Highlighted) -> None:
        self._wanted = event.row.id if event.row else None
        if event.following and self._timer is not None:
            return
        self._read_soon(FOLLOWING_S if event.following and self._has_text else MOVED_S)

    @property
    def _has_text(self) -> bool:
        return bool(str(self.query_one(LetterPreview).content))

    def _read_soon(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(seconds, self._read)

    def _read(self) -> None:
        self._timer = None
        wanted = self._wanted
        if wanted is None or not self.query_one(LetterPreview).has_class("-shown"):
            return

        def read() -> None:
            try:
                card = delivery(self.store, wanted)
            except StoreError:
                return  # the follower says so, loudly
            if card is not None:
                self.post_message(self.Read(card))

        self.run_worker(read, thread=True, exclusive=True, group="preview", exit_on_error=False)

    @on(Read)
    def _show(self, event: Read) -> None:
        self.query_one(LetterPreview).show(event.card, self.console.texts)
