"""The views of the list of deliveries: a filter under a name, how many it finds, and maybe a number key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import on
from textual.events import Key
from textual.message import Message

from store import delivery_query
from store.delivery_query import Count
from store.delivery_views import VIEWS, DeliveryView
from store.errors import StoreError
from store.sanitise import clean_line
from store.views import MAX_NAME
from tui.screens.views import ViewsScreen
from tui.widgets.delivery_filter import parse
from tui.widgets.delivery_views import on_keys, shipped_views
from tui.widgets.feed_line import fitted

NAME_CELLS, COUNT_CELLS = 22, 9
BUDGET_S = 0.3
"""So long each view is counted at the most: one waits for the numbers, not for the views."""


class DeliveryViewsScreen(ViewsScreen[DeliveryView]):
    """Gives the view that was chosen, by Enter or by its number, or saved."""

    KEPT = VIEWS
    MAX_NAME = MAX_NAME + 2

    @dataclass
    class Counted(Message):
        """How many each view finds, by its name."""

        counts: Mapping[str, Count]

    def __init__(self, saved: Sequence[DeliveryView], present: DeliveryView) -> None:
        super().__init__(saved, present)
        self._counts: Mapping[str, Count] = {}

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._count, group="rules", thread=True, exit_on_error=False)

    def _count(self) -> None:
        console, views = self.console, self.views
        queries = [parse(view.filter, console.texts, console.clock(), console.zone).query for view in views]
        try:
            found = delivery_query.counts(self.store, queries, budget_s=BUDGET_S)
        except StoreError as error:
            self.post_message(self.Refused(self.problem(error)))
        else:
            self.post_message(self.Counted(dict(zip([view.name for view in views], found, strict=True))))

    @on(Counted)
    def _counted(self, event: Counted) -> None:
        self._counts = event.counts
        self.fill()

    def on_key(self, event: Key) -> None:
        """A number is a view, unless a name is typed."""
        if event.key.isdecimal() and not self.has_class("-naming"):
            event.stop()
            if (view := self._on_keys.get(int(event.key))) is not None:
                self.dismiss(view)

    @property
    def _on_keys(self) -> Mapping[int, DeliveryView]:
        return on_keys(self.saved, self.console.texts)

    @property
    def hint(self) -> str:
        return self.say("delivery_views.hint")

    @property
    def name_hint(self) -> str:
        return self.say("delivery_views.name_hint")

    def shipped_views(self) -> Sequence[DeliveryView]:
        return shipped_views(self.console.texts)

    def line(self, view: DeliveryView) -> Text:
        count = self._counts.get(view.name)
        found = "" if count is None else f"{count.number}{'+' if count.capped else ''}"
        key = str(view.place) if view.place and self._on_keys.get(view.place) == view else " "
        name = fitted(clean_line(view.name), NAME_CELLS)
        return Text.assemble(
            (key, "bold"), f" {name} {found:>{COUNT_CELLS}}  ", (clean_line(view.filter), "dim"),
            no_wrap=True, overflow="ellipsis",
        )  # fmt: skip

    def named(self, text: str) -> DeliveryView:
        place, blank, name = text.partition(" ")
        if blank and place in {str(one) for one in range(1, 10)}:
            return DeliveryView(name.strip(), self.present.filter, int(place))
        return DeliveryView(text, self.present.filter)
