"""The keys of a screen."""

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui.spoken import SpokenModal, binding

EVERYWHERE = ("app.", "go.", "pane.dock")
"""How the names of those keys begin that work on every screen."""


class HelpScreen(SpokenModal[None]):
    """Lists every key that works on the screen below: first its own, then those that work everywhere."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen #help-box { width: 76; height: auto; max-height: 100%; border: round $primary; padding: 0 1; }
    HelpScreen #help-box { background: $surface; border-title-color: $text; scrollbar-size-vertical: 1; }
    HelpScreen #help-box > Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("escape,question_mark,f1,q,enter", "dismiss", "help.close", shown="esc"),
    ]

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        own: dict[str, list[str]] = {}
        everywhere: dict[str, list[str]] = {}
        for active in below.active_bindings.values():
            bound = active.binding
            if bound.id and bound.tooltip:
                keys = everywhere if bound.id.startswith(EVERYWHERE) else own
                keys.setdefault(bound.tooltip, []).append(below.app.get_key_display(bound))
        self._own, self._everywhere = own, everywhere

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help-box") as box:
            box.border_title = Content(self.say("help.title"))
            box.border_subtitle = Content(self.say("help.closing"))
            yield Static(Content.assemble(*self._lines(self._own)))
            if self._own:
                yield Static(Content.styled(f"\n{self.say('help.everywhere')}", "bold"))
            yield Static(Content.assemble(*self._lines(self._everywhere)))

    @staticmethod
    def _lines(keys: dict[str, list[str]]) -> list[tuple[str, str]]:
        parts: list[tuple[str, str]] = []
        for words, names in keys.items():
            parts += [(f"{' '.join(dict.fromkeys(names)):>12}  ", "$text-accent"), (f"{words}\n", "")]
        if parts:
            parts[-1] = (parts[-1][0].rstrip("\n"), "")
        return parts
