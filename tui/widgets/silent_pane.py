"""Silent mode on its tab: what it is set to, and what it holds."""

from dataclasses import dataclass
from typing import Any, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Label, Static

from store.errors import StoreError
from store.silence import Silence, read_silence
from store.vocabulary import SilentState
from tui.spoken import Spoken
from tui.widgets.card_view import CardView, Line
from tui.widgets.silent_form import UNTIL_FORMAT, SilentForm


class SilentPane(Vertical):
    """Reads silent mode, shows it, and opens its form."""

    DEFAULT_CSS = """
    SilentPane { height: auto; }
    SilentPane > .block-title { padding: 0 1; text-style: bold; }
    SilentPane > .explanation { padding: 0 1; margin-bottom: 1; color: $text-muted; height: auto; }
    """

    @dataclass
    class Loaded(Message):
        """Silent mode was read."""

        silence: Silence

    def __init__(self) -> None:
        super().__init__(id="silent")
        self._silence: Silence | None = None

    @property
    def _spoken(self) -> Spoken[Any]:
        return cast("Spoken[Any]", self.screen)

    def compose(self) -> ComposeResult:
        say = self._spoken.say
        yield Label(Content(say("silent.title")), classes="block-title")
        with Horizontal(classes="page-buttons"):
            yield Button(Content(say("mail.edit")), id="silent-edit", compact=True, variant="primary")
        yield Static(Content(say("silent.explanation")), classes="explanation")
        yield CardView((), id="silent-card")

    def reload(self) -> None:
        """Read it, in a thread."""
        self.run_worker(self._load, group="mail-read", thread=True, exit_on_error=False)

    def _load(self) -> None:
        try:
            self.post_message(self.Loaded(read_silence(self._spoken.store)))
        except StoreError as error:
            self.app.notify(str(error), severity="error", markup=False)

    @on(Loaded)
    async def _show(self, event: Loaded) -> None:
        self._silence = event.silence
        await self.query_one(CardView).show(self._lines(event.silence))

    def _lines(self, silence: Silence) -> list[Line]:
        say, mode, console = self._spoken.say, silence.mode, self._spoken.console
        active = mode.in_force(console.clock())
        words = say(f"silent.state_{mode.state.value}")
        over = mode.state is not SilentState.OFF and not active
        lines: list[Line] = [
            (say("silent.state"), say("silent.over", state=words) if over else words, "$text-warning" if active else "")
        ]
        if mode.state is SilentState.EXCEPTIONS:
            lines.append((say("silent.exceptions"), "\n".join(mode.exceptions), ""))
        if mode.until is not None:
            lines.append((say("silent.until"), mode.until.astimezone(console.zone).strftime(UNTIL_FORMAT), ""))
        lines.append((say("silent.held"), str(silence.held), "$text-warning" if silence.held else ""))
        return lines

    @on(Button.Pressed, "#silent-edit")
    def edit(self) -> None:
        """Open the form."""
        if self._silence is not None:
            self.app.push_screen(SilentForm(self._spoken.say, self._silence, self._spoken.console.zone), self._edited)

    def _edited(self, saved: bool | None) -> None:
        if saved:
            self.app.notify(self._spoken.say("mail.saved"), markup=False)
        self.reload()
