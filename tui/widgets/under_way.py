"""How far a long deed has got; Escape stops it where it is."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Label, ProgressBar

from tui.spoken import SpokenModal, binding


class UnderWay(SpokenModal[None]):
    """Shows how many of how many are done. What works in a thread asks `stopped` and tells `tell`."""

    DEFAULT_CSS = """
    UnderWay { align: center middle; }
    UnderWay > Vertical { width: 60; height: auto; padding: 1 2; border: round $primary; background: $surface; }
    UnderWay Label { width: 100%; }
    UnderWay ProgressBar { width: 100%; }
    UnderWay Bar { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [binding("escape", "stop", "under_way.stop", show=False)]

    def __init__(self, of: int) -> None:
        super().__init__()
        self._of = of
        self.stopped = False
        self._finished = False

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(id="under-way")
            yield ProgressBar(total=self._of, show_eta=False)

    def on_mount(self) -> None:
        self.tell(0)

    def tell(self, done: int) -> None:
        """So many are done."""
        if self.is_mounted:
            key = "deeds.stopping" if self.stopped else "deeds.under_way"
            self.query_one(Label).update(Text(self.say(key, done=done, of=self._of)))
            self.query_one(ProgressBar).update(progress=done)

    def finish(self) -> None:
        """It is done: leave, or as soon as nothing stands on top, such as the help."""
        self._finished = True
        if self.is_current:
            self.dismiss()

    def on_screen_resume(self) -> None:
        """Nothing stands on top any longer."""
        if self._finished:
            self.dismiss()

    def action_stop(self) -> None:
        """Stop it after the portion that is under way."""
        self.stopped = True
