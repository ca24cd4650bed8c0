"""The filter of deliveries as it is typed: words are completed, what is not understood is said beneath."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.timer import Timer
from textual.widgets import Input, Static

from store.delivery_traits import DeliveryQuery
from store.sanitise import clean_line
from tui.spoken import binding
from tui.widgets.delivery_filter import Parsed, completed, parse

if TYPE_CHECKING:
    from tui.app import ConsoleApp

PAUSE_S = 0.12
"""So long after the last key the filter is read: whoever types fast has the list read once."""
AGAIN = timedelta(seconds=30)
"""So often a filter is read again: what it says of the last hours is to be true an hour later."""


class _Completer(Suggester):
    """Completes the word that is being typed."""

    def __init__(self, console: "ConsoleApp") -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._console = console

    async def get_suggestion(self, value: str) -> str | None:
        return completed(value, self._console.texts)


class FilterBar(Vertical):
    """One line to type a filter in; it takes no room while there is none, unless it is `-always` there."""

    DEFAULT_CSS = """
    FilterBar { height: auto; display: none; }
    FilterBar.-open, FilterBar.-always { display: block; }
    FilterBar Input { height: 1; background: $boost; margin: 0 1; }
    FilterBar #filter-problem { display: none; color: $text-error; padding: 0 1; text-wrap: nowrap; }
    FilterBar #filter-problem { height: 1; text-overflow: ellipsis; }
    FilterBar.-wrong #filter-problem { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("escape", "close", "filter.clear"),
        binding("down", "leave", "filter.leave", show=False),
    ]

    @dataclass
    class Changed(Message):
        """The filter is another one, or the same one at a later time."""

        query: DeliveryQuery
        later: bool = False

    @dataclass
    class Left(Message):
        """One goes back to the list."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._text = text
        self._timer: Timer | None = None

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        hint = self.console.texts("find.hint")
        yield Input(
            clean_line(self._text), placeholder=hint, compact=True, suggester=_Completer(self.console), id="filter-text"
        )
        yield Static(id="filter-problem")

    def on_mount(self) -> None:
        """What was typed before holds."""
        self.set_class(bool(self._text), "-open")
        self.set_interval(AGAIN.total_seconds(), self._read_later)
        if self._text:
            self._read()

    @property
    def text(self) -> str:
        """What stands there."""
        return self.query_one(Input).value.strip()

    def open(self, text: str | None = None) -> None:
        """Go there; with this text in it, where one is given."""
        self.add_class("-open")
        field = self.query_one(Input)
        if text is not None:
            field.value = text
        # At once: what is typed right after the key goes here and not to the list.
        self.screen.set_focus(field)

    def take(self, text: str) -> None:
        """Filter by this, and stay where one is."""
        self.set_class(bool(text), "-open")
        self.query_one(Input).value = text

    def action_close(self) -> None:
        """Take the filter away and go back."""
        self.take("")
        self.post_message(self.Left())

    def action_leave(self) -> None:
        """Go back; the filter stays."""
        self.set_class(bool(self.text), "-open")
        self.post_message(self.Left())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._read()
        self.action_leave()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE_S, self._read)

    @property
    def told(self) -> bool:
        """Whether the list was told of what stands there."""
        return self._timer is None

    @property
    def asked_for(self) -> DeliveryQuery:
        """What is asked for by what stands there now; the list is told a moment later."""
        return self._parsed().query

    def _parsed(self) -> Parsed:
        console = self.console
        return parse(self.text, console.texts, console.clock(), console.zone)

    def _read(self) -> None:
        self._timer = None
        found = self._parsed()
        self.set_class(bool(found.problems), "-wrong")
        self.query_one("#filter-problem", Static).update(Content(clean_line(" · ".join(found.problems))))
        self.post_message(self.Changed(found.query))

    def _read_later(self) -> None:
        if self.text and self._timer is None:
            self.post_message(self.Changed(self._parsed().query, later=True))
