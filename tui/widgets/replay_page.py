"""The replay: over how many days, how far it is, what would have been different."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, ProgressBar, Static

from dispatch.replay import Difference
from store.rules import Rule
from tui.screens.delivery import Page
from tui.widgets.replay_words import example_in_words, gone_over, in_one_line

if TYPE_CHECKING:
    from tui.app import ConsoleApp

DAYS = (1, 7, 30, 90)


class ReplayPage(Vertical):
    """Asks its screen to go over the events by `Wanted`."""

    DEFAULT_CSS = """
    ReplayPage { height: 1fr; }
    ReplayPage #replay-days { height: 1; margin: 1 1 0 1; }
    ReplayPage #replay-days Button { margin-right: 2; min-width: 8; }
    ReplayPage #replay-what { height: auto; padding: 0 1; color: $text-muted; }
    ReplayPage ProgressBar { height: 1; margin: 0 1; display: none; }
    ReplayPage.-running ProgressBar { display: block; }
    ReplayPage #replay-line { height: auto; max-height: 3; padding: 0 1; text-style: bold; }
    ReplayPage #replay-count { height: 1; padding: 0 1; color: $text-muted; }
    ReplayPage #replay-example-lines { text-wrap: nowrap; text-overflow: ellipsis; }
    ReplayPage Page { height: 1fr; border-top: solid $panel; padding: 0 1; }
    """

    @dataclass
    class Wanted(Message):
        """The events of the last days are to be gone over."""

        days: int

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        texts = self.console.texts
        with Horizontal(id="replay-days"):
            for days in DAYS:
                yield Button(Content(texts.count("replay.days", days)), id=f"days-{days}", compact=True)
        yield Static(id="replay-what")
        yield ProgressBar(show_eta=False)
        yield Static(id="replay-line")
        yield Static(id="replay-count")
        with Page(id="replay-examples"):
            yield Static(id="replay-example-lines")

    @property
    def running(self) -> bool:
        """Whether events are being gone over."""
        return self.has_class("-running")

    def ask(self, what: str) -> None:
        """Say which change of the rules is looked at."""
        self.query_one("#replay-what", Static).update(Content(what))

    def go(self) -> None:
        """Go to the choice of days."""
        self.query_one("#days-7").focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.post_message(self.Wanted(int((event.button.id or "").rpartition("-")[2])))

    def begin(self) -> None:
        """Events are being gone over from now on."""
        self.add_class("-running")
        self.query_one(ProgressBar).update(total=None, progress=0)
        for name in ("line", "count", "example-lines"):
            self.query_one(f"#replay-{name}", Static).update("")

    def end(self) -> None:
        """No events are being gone over any more."""
        self.remove_class("-running")

    def far(self, done: int, total: int) -> None:
        """So far it is."""
        self.query_one(ProgressBar).update(total=total, progress=done)

    def show(self, found: Difference, rules: Mapping[str, Rule], took_s: float) -> None:
        """Show what was found."""
        texts, zone = self.console.texts, self.console.zone
        self.end()
        self.query_one("#replay-line", Static).update(Content(in_one_line(found, texts)))
        seconds = texts("replay.took", seconds=f"{took_s:.1f}")
        self.query_one("#replay-count", Static).update(Content(f"{gone_over(found, texts)} · {seconds}"))
        examples = [example_in_words(one, rules, texts, zone) for one in found.examples]
        self.query_one("#replay-example-lines", Static).update(Content("\n").join(examples))
        if examples:
            self.query_one("#replay-examples").focus()
