"""The limits against floods of letters on their tab, and what storms hold."""

from dataclasses import dataclass
from typing import Any, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Label, Static

from store.cards import StormLimits
from store.errors import StoreError
from store.settings import STORM_RANGES, storm_limits_in
from store.storms import held_by_storms_in
from store.vocabulary import StormAction
from tui.spoken import Spoken
from tui.widgets.card_view import CardView, Line
from tui.widgets.storm_form import StormForm


class StormPane(Vertical):
    """Reads the limits, shows them, and opens their form."""

    DEFAULT_CSS = """
    StormPane { height: auto; }
    StormPane > .block-title { padding: 0 1; text-style: bold; }
    StormPane > .explanation { padding: 0 1; margin-bottom: 1; color: $text-muted; height: auto; }
    StormPane #storms-card .card-label { width: 40; }
    """

    @dataclass
    class Loaded(Message):
        """The limits were read."""

        limits: StormLimits
        held: int

    def __init__(self) -> None:
        super().__init__(id="storms")
        self._limits: StormLimits | None = None

    @property
    def _spoken(self) -> Spoken[Any]:
        return cast("Spoken[Any]", self.screen)

    def compose(self) -> ComposeResult:
        say = self._spoken.say
        yield Label(Content(say("storms.title")), classes="block-title")
        with Horizontal(classes="page-buttons"):
            yield Button(Content(say("mail.edit")), id="storms-edit", compact=True, variant="primary")
            yield Button(Content(say("storms.show")), id="storms-show", compact=True)
        yield Static(Content(say("storms.explanation")), classes="explanation")
        yield CardView((), id="storms-card")

    def reload(self) -> None:
        """Read them, in a thread."""
        self.run_worker(self._load, group="mail-read", thread=True, exit_on_error=False)

    def _load(self) -> None:
        try:
            with self._spoken.store.read() as connection:
                found = self.Loaded(storm_limits_in(connection), held_by_storms_in(connection))
        except StoreError as error:
            self.app.notify(str(error), severity="error", markup=False)
        else:
            self.post_message(found)

    @on(Loaded)
    async def _show(self, event: Loaded) -> None:
        self._limits = event.limits
        await self.query_one(CardView).show(self._lines(event.limits, event.held))

    def _lines(self, limits: StormLimits, held: int) -> list[Line]:
        say = self._spoken.say
        lines: list[Line] = []
        for name, (least, _) in STORM_RANGES.items():
            value = getattr(limits, name)
            lines.append((say(f"storms.{name}"), say("mail.no_limit") if value == least == 0 else str(value), ""))
        last = lines.pop()
        lines.append((say("storms.then"), say(f"storms.then_{limits.then.value}"), ""))
        if limits.then is StormAction.DIGEST:
            lines.append(last)
        return [*lines, (say("storms.held"), str(held), "$text-warning" if held else "")]

    @on(Button.Pressed, "#storms-edit")
    def edit(self) -> None:
        """Open the form."""
        if self._limits is not None:
            self.app.push_screen(StormForm(self._spoken.say, self._limits), self._edited)

    @on(Button.Pressed, "#storms-show")
    def _show_held(self) -> None:
        self._spoken.console.action_storms()

    def _edited(self, saved: bool | None) -> None:
        if saved:
            self.app.notify(self._spoken.say("mail.saved"), markup=False)
        self.reload()
