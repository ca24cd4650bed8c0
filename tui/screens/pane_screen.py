"""What a screen with the live pane offers: a filter, views on number keys, a jump to a time, deeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.message import Message

from store.delivery_views import VIEWS, DeliveryView
from store.errors import StoreError
from store.sanitise import clean_line
from tui import moments
from tui.screens.base import SectionScreen
from tui.spoken import Command, binding
from tui.widgets.delivery_deeds import KEYS, DeliveryDeeds
from tui.widgets.delivery_views import on_keys
from tui.widgets.filter_bar import FilterBar
from tui.widgets.line_question import LineQuestion
from tui.widgets.live_pane import LivePane

_KEYS = range(1, 10)


class PaneScreen(SectionScreen):
    """A section with a `FilterBar` and a `LivePane`; a subclass composes them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("slash", "filter", "live.filter", shown="/"),
        binding("v", "views", "live.views"),
        binding("g", "go_to_time", "live.go_to_time"),
        binding("r", "deed('retry')", "deliveries.retry"),
        binding("c", "deed('cancel')", "deliveries.cancel"),
        *KEYS,
        binding("D", "app.dead_groups", "deliveries.causes", show=False, shown="D"),
        *(binding(f"alt+{key}", f"view({key})", f"live.view_{key}", show=False) for key in _KEYS),
        binding("escape", "clear", "live.clear", show=False),
    ]

    @dataclass
    class ViewsRead(Message):
        """The saved views were read: to be chosen from, or for one key."""

        saved: Sequence[DeliveryView]
        key: int | None

    def on_mount(self) -> None:
        """The keyboard belongs to the pane."""
        self._deeds = DeliveryDeeds(self, self.console.feed.wake)
        self.pane.focus()

    @property
    def pane(self) -> LivePane:
        """The list."""
        return self.query_one("#content LivePane", LivePane)

    @property
    def bar(self) -> FilterBar:
        """The filter."""
        return self.query_one(FilterBar)

    @property
    def typed_before(self) -> str:
        """The filter that was left here."""
        return self.console.filters.get(self.SECTION, "")

    @property
    def why_key(self) -> str:
        """The object of the row."""
        row = self.pane.current
        return row.object_number if row else ""

    def commands(self) -> Sequence[Command]:
        """What is also in the palette."""
        return [
            Command(self.say("live.views"), self.say("help.live_views"), self.action_views),
            Command(self.say("live.time"), self.say("help.live_go_to_time"), self.action_go_to_time),
            *super().commands(),
        ]

    def action_deed(self, deed: str) -> None:
        """Do something with what is marked, else with the row; what was marked is not any more."""
        chosen = self.pane.chosen
        self.pane.unmark()
        self._deeds.do(deed, chosen)

    def action_filter(self) -> None:
        """Type a filter."""
        self.bar.open()

    def action_clear(self) -> None:
        """Take the marks away; where there are none, the filter."""
        if self.pane.marked and self.pane.has_focus:
            self.pane.unmark()
        else:
            self.bar.action_close()

    @on(FilterBar.Left)
    def _to_rows(self) -> None:
        self.pane.focus()

    @on(FilterBar.Changed)
    def _filtered(self, event: FilterBar.Changed) -> None:
        self.console.filters[self.SECTION] = self.bar.text
        self.pane.show_only(event.query, stay=event.later)

    # Views.

    def action_views(self) -> None:
        """Choose a view, save the present one."""
        self._read_views(None)

    def action_view(self, key: int) -> None:
        """Show the view of a number key."""
        self._read_views(key)

    def _read_views(self, key: int | None) -> None:
        def read() -> None:
            try:
                with self.store.read() as connection:
                    self.post_message(self.ViewsRead(VIEWS.all_in(connection), key))
            except StoreError:
                return  # the follower says so, loudly

        self.run_worker(read, thread=True, exclusive=True, group="rules", exit_on_error=False)

    @on(ViewsRead)
    def _choose_view(self, event: ViewsRead) -> None:
        from tui.screens.delivery_views import DeliveryViewsScreen

        if event.key is not None:
            self._use(on_keys(event.saved, self.console.texts).get(event.key))
        else:
            present = DeliveryView("", self.bar.text)
            self.app.push_screen(DeliveryViewsScreen(event.saved, present), self._use)

    def _use(self, view: DeliveryView | None) -> None:
        if view is not None:
            self.bar.take(clean_line(view.filter))
            self.pane.focus()

    # Time.

    def action_go_to_time(self) -> None:
        """Ask for a time, and go to what was happening then."""
        hint = self.say("live.time_hint")
        question = LineQuestion(
            self.say("live.time"), yes=self.say("live.time_go"), hint=hint,
            problem=lambda text: "" if self._moment(text) else self.say("live.no_time", hint=hint),
            meaning=self._meant,
        )  # fmt: skip

        def given(text: str | None) -> None:
            if text and (at := self._moment(text)) is not None:
                self.pane.go_to_time(at)

        self.app.push_screen(question, given)

    def _moment(self, text: str) -> datetime | None:
        return moments.before(text, self.console.clock(), self.console.zone)

    def _meant(self, text: str) -> str:
        at = self._moment(text)
        return "" if at is None else at.astimezone(self.console.zone).strftime("%d.%m.%Y %H:%M")
