"""The forecast: what the whole desk will be told in the next hours or days, and which hour will be the worst."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import Label, Static

from dispatch.forecast import Alert, Forecast, forecast
from store.errors import StoreError
from store.sanitise import clean_line
from store.types import from_micros, to_micros
from tui.spoken import SpokenModal, binding
from tui.widgets.column_list import WIDE, ColumnList, shared
from tui.widgets.hour_chart import columns
from tui.widgets.key_footer import KeyFooter
from tui.widgets.time_axis import HOUR, Axis, ruler
from tui.widgets.timeline_words import local, threshold_in_words

SPANS = {24: "24h", 72: "3d", 168: "7d"}
"""Hours one can look ahead."""
LETTER_ROWS, NOTICE_ROWS = 5, 2
"""Rows of the two charts: letters, and notifications beneath them."""


class AlertList(ColumnList[Alert]):
    """Thresholds by time."""

    BINDINGS: ClassVar[list[BindingType]] = [binding("enter", "open", "forecast.open")]

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        sizes = shared(width, {"at": 16, "number": 9, "told": 11}, {"what": 3, "title": 2 if width < WIDE else 4})
        return {name: sizes[name] for name in ("at", "number", "what", "told", "title")}

    def cells(self, row: Alert) -> Mapping[str, str]:
        texts = self.console.texts
        kind = texts.get(f"rules.deadline_{row.kind}", row.kind) if row.kind else ""
        words = threshold_in_words(row.key, row.again, texts)
        return {
            "at": local(row.at, self.console.zone),
            "number": row.number,
            "what": f"{kind}: {words}" if kind else words,
            "told": f"{row.letters:>3} ✉ {row.notices:>3} ●",
            "title": row.title,
        }


class ForecastScreen(SpokenModal[None]):
    """A chart by the hour, the worst hour in words, the thresholds by time."""

    AUTO_FOCUS = "AlertList"
    FOOTER = ("forecast.open", "forecast.span", "forecast.again", "forecast.leave")
    DEFAULT_CSS = """
    ForecastScreen { background: $background; }
    ForecastScreen > #forecast-title { height: 1; padding: 0 2; background: $primary; width: 100%; text-style: bold; }
    ForecastScreen > #forecast-state { height: auto; max-height: 2; padding: 0 1; }
    ForecastScreen > #forecast-chart { height: 8; padding: 0 1; text-wrap: nowrap; }
    ForecastScreen > #forecast-most { height: 1; padding: 0 1; color: $text-muted; }
    ForecastScreen > #forecast-most { text-wrap: nowrap; text-overflow: ellipsis; }
    ForecastScreen > AlertList { border-top: solid $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("s", "span", "forecast.span"),
        binding("f5", "again", "forecast.again"),
        binding("escape", "leave", "forecast.leave"),
    ]

    @dataclass
    class Far(Message):
        """So far the reading is; `number` says which reading."""

        number: int
        looked: int
        of: int

        def can_replace(self, message: Message) -> bool:
            """Only the last word counts."""
            return isinstance(message, ForecastScreen.Far)

    @dataclass
    class Found(Message):
        """The forecast was made."""

        number: int
        found: Forecast

    @dataclass
    class Refused(Message):
        """The store could not be read."""

        problem: str

    def __init__(self) -> None:
        super().__init__()
        self._hours = 24
        self._number = 0
        self._gone = threading.Event()
        self._found: Forecast | None = None

    def compose(self) -> ComposeResult:
        yield Label(id="forecast-title")
        yield Static(id="forecast-state")
        yield Static(id="forecast-chart")
        yield Static(id="forecast-most")
        yield AlertList(id="forecast-alerts")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._look()

    def on_unmount(self) -> None:
        """Nothing is read any longer."""
        self._gone.set()

    def on_resize(self, event: Resize) -> None:
        """The chart fits the width."""
        super().on_resize(event)
        self._draw()

    def action_span(self) -> None:
        """Look less or farther ahead."""
        spans = list(SPANS)
        self._hours = spans[(spans.index(self._hours) + 1) % len(spans)]
        self._look()

    def action_again(self) -> None:
        """Read it once more."""
        self._look()

    def action_leave(self) -> None:
        """Leave."""
        self.dismiss()

    def _look(self) -> None:
        self._number += 1
        number, hours = self._number, self._hours
        span = self.say(f"forecast.span_{SPANS[hours]}")
        self.query_one("#forecast-title", Label).update(Content(self.say("forecast.title", span=span)))
        self._tell(self.say("why.looking"))

        def far(looked: int, of: int) -> bool:
            self.post_message(self.Far(number, looked, of))
            return number == self._number and not self._gone.is_set()

        def read() -> None:
            try:
                until = to_micros(self.store.clock() + timedelta(hours=hours))
                self.post_message(self.Found(number, forecast(self.store, until, far)))
            except StoreError as error:
                self.post_message(self.Refused(self.problem(error)))

        self.run_worker(read, thread=True, group="forecast", exit_on_error=False)

    def _tell(self, words: str) -> None:
        self.query_one("#forecast-state", Static).update(Content(words))

    @on(Far)
    def _say_how_far(self, event: Far) -> None:
        if event.number == self._number and event.looked:
            self._tell(self.say("forecast.far", looked=event.looked, of=event.of))

    @on(Found)
    def _show(self, event: Found) -> None:
        if event.number != self._number:
            return
        found = self._found = event.found
        rows = self.query_one(AlertList)
        rows.nothing = self.say("forecast.nothing")
        rows.replace_rows(found.alerts, 0)
        total = found.total
        counts = {"letters": total.letters, "notices": total.notices, "queued": found.queued}
        words = self.say("forecast.total", alerts=len(found.alerts), **counts)
        if found.later:
            words += f" · {self.say('forecast.later', count=found.later)}"
        if found.cut:
            words += f" · {self.say('forecast.cut', looked=found.looked)}"
        self._tell(f"{words}\n{self._worst(found)}".rstrip())
        most = [f"{clean_line(who)}: {load.letters} ✉ {load.notices} ●" for who, load in found.most_told(3)]
        said = self.say("forecast.most", who=" · ".join(most)) if most else ""
        self.query_one("#forecast-most", Static).update(Content(said))
        self._draw()

    def _worst(self, found: Forecast) -> str:
        """The hour with the most letters, in words."""
        starts = range(found.now // HOUR * HOUR, found.until, HOUR)
        loads = found.slots(starts)
        if not any(load.letters for load in loads):
            return ""
        place = max(range(len(loads)), key=lambda one: loads[one].letters)
        at = from_micros(starts[place]).astimezone(self.console.zone)
        day = self.say("forecast.weekdays").split()[at.weekday()]
        letters = self.console.texts.count("forecast.letters", loads[place].letters)
        return self.say("forecast.worst", at=f"{day}, {at:%d.%m %H:%M}", letters=letters)

    def _draw(self) -> None:
        found = self._found
        if found is None:
            return
        room = self.size.width - 2
        hours = 3 if self._hours > room else 1
        start = found.now // HOUR * HOUR
        starts = range(start, found.until, hours * HOUR)
        width = max(1, room // len(starts))
        loads = found.slots(starts)
        letters = columns([load.letters for load in loads], LETTER_ROWS, width)
        notices = columns([load.notices for load in loads], NOTICE_ROWS, width)
        axis = Axis(start, start + len(starts) * hours * HOUR, width * len(starts))
        parts = [Content.styled("\n".join(letters) + "\n", "$text-accent"), Content("\n".join(notices) + "\n")]
        labels = Content.styled(ruler(axis, self.console.zone), "dim")
        self.query_one("#forecast-chart", Static).update(Content.assemble(*parts, labels))

    @on(AlertList.Read)
    def _open(self) -> None:
        """Open the timeline of the row's object."""
        from tui.screens.timeline import TimelineScreen

        row = self.query_one(AlertList).current
        if row is not None:
            self.app.push_screen(TimelineScreen(row.object_type, row.object_id))

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self._tell("")
        self.notify(event.problem, severity="error", markup=False)
