"""Which event a rule is tried on: one of the last of its kind, or one that is made up, as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static, TextArea

from store.past_events import Glance
from store.sanitise import clean_line, clean_text
from tui.widgets.column_list import ColumnList, shared

if TYPE_CHECKING:
    from tui.app import ConsoleApp

SHOWN = 50
PAUSE_S = 0.3
"""So long after the last key the made-up event is read."""


class EventList(ColumnList[Glance]):
    """Events, newest first."""

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        sizes = shared(width, {"at": 17, "number": 14}, {"title": 1})
        return {name: sizes[name] for name in ("at", "number", "title")}

    def cells(self, row: Glance) -> Mapping[str, str]:
        at = row.at.astimezone(self.console.zone).strftime("%d.%m.%Y %H:%M")
        return {"at": at, "number": row.object_number, "title": row.title}


class EventPicker(Vertical):
    """A filter over the events, and a text in place of them for one that is made up."""

    DEFAULT_CSS = """
    EventPicker { height: 1fr; }
    EventPicker #try-filter { height: 1; background: $boost; margin: 0 1; }
    EventPicker #try-json { height: 1fr; background: $boost; display: none; }
    EventPicker #try-picked { height: auto; max-height: 2; padding: 0 1; color: $text-muted; }
    EventPicker.-made-up #try-json { display: block; }
    EventPicker.-made-up EventList, EventPicker.-made-up #try-filter { display: none; }
    """

    @dataclass
    class Picked(Message):
        """An event is to be tried: the one with this id, or the made-up one of this text."""

        event_id: int = 0
        text: str = ""

    @dataclass
    class Opened(Message):
        """One wants to see what comes of the event."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._events: Sequence[Glance] = ()
        self._timer: Timer | None = None

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        yield Input(placeholder=self.console.texts("try.filter"), id="try-filter", compact=True)
        yield EventList(id="try-events")
        yield TextArea(id="try-json", compact=True)
        yield Static(id="try-picked")

    @property
    def made_up(self) -> bool:
        """Whether the event is a made-up one."""
        return self.has_class("-made-up")

    def show(self, events: Sequence[Glance], sample: str) -> None:
        """Choose from these; where there are none, the sample is tried."""
        self._events = events
        with self.prevent(TextArea.Changed):
            self.query_one(TextArea).text = clean_text(sample)
        if not events:
            self.make_up(on=True)
        else:
            self._filter("")

    def make_up(self, *, on: bool) -> None:
        """Go to the made-up event, or back to the list."""
        self.set_class(on, "-made-up")
        if on:
            self._read()
        else:
            self._moved()
        self.go()

    def go(self) -> None:
        """Go to where one chooses."""
        (self.query_one(TextArea) if self.made_up else self.query_one(EventList)).focus()

    def tell(self, words: str, *, wrong: bool = False) -> None:
        """Say what is tried, or what is wrong with it."""
        style = "$text-error" if wrong else "$text-muted"
        self.query_one("#try-picked", Static).update(Content.styled(clean_line(words), style))

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        found = [one for one in self._events if all(w in f"{one.object_number} {one.title}".casefold() for w in words)]
        table = self.query_one(EventList)
        table.nothing = self.console.texts("try.none_found" if self._events else "try.none")
        table.replace_rows(found[:SHOWN], 0)

    def _read(self) -> None:
        self._timer = None
        self.post_message(self.Picked(text=self.query_one(TextArea).text))

    @on(Input.Changed, "#try-filter")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._filter(event.value)

    @on(Input.Submitted, "#try-filter")
    def _to_rows(self) -> None:
        self.query_one(EventList).focus()

    @on(ColumnList.Moved)
    def _moved(self) -> None:
        row = self.query_one(EventList).current
        if row is not None and not self.made_up:
            self.post_message(self.Picked(row.id))

    @on(ColumnList.Read)
    def _opened(self) -> None:
        self.post_message(self.Opened())

    @on(TextArea.Changed)
    def _written(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE_S, self._read)
