"""What all sections have: the line on top, the menu, the docked pane, the footer."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Footer, Static

from store.cards import Status
from store.engine import Store
from tui.widgets.live_pane import LivePane
from tui.widgets.sidebar import Sidebar
from tui.widgets.statusbar import StatusBar

if TYPE_CHECKING:
    from tui.app import ConsoleApp

MIN_COLUMNS, MIN_ROWS = 80, 24
TOO_SMALL = "Окно меньше 80×24: увеличьте его.\nThe terminal is smaller than 80×24: please enlarge it."


class SectionScreen(Screen[None]):
    """A section of the console; subclasses yield their content from `compose_content`."""

    SECTION: ClassVar[str] = ""
    HAS_OWN_PANE: ClassVar[bool] = False
    """The section shows the feed itself, so the pane cannot be docked on it."""
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-narrow"), (100, "-wide")]
    DEFAULT_CSS = """
    SectionScreen #body { height: 1fr; }
    SectionScreen #content { width: 1fr; height: 1fr; }
    SectionScreen #docked { dock: bottom; height: 9; border-top: solid $primary; margin: 0 0 1 0; display: none; }
    SectionScreen.-docked #docked { display: block; }
    SectionScreen #too-small { display: none; layer: above; width: 100%; height: 100%; content-align: center middle; }
    SectionScreen.-too-small #too-small { display: block; }
    SectionScreen.-too-small #body, SectionScreen.-too-small Footer,
    SectionScreen.-too-small #docked, SectionScreen.-too-small StatusBar { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "dock", "Pane", id="pane.dock", tooltip="Show or hide the live pane at the bottom"),
    ]

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    @property
    def store(self) -> Store:
        """The open store."""
        return self.console.store

    def say(self, key: str, **params: object) -> str:
        """A text in the console's language; may be called from any thread."""
        return self.console.texts(key, **params)

    def compose(self) -> ComposeResult:
        """The frame around the content."""
        yield StatusBar(id="bar")
        with Horizontal(id="body"):
            yield Sidebar(self.SECTION, self.console.texts)
            with Vertical(id="content"):
                yield from self.compose_content()
        if not self.HAS_OWN_PANE:
            with Container(id="docked"):
                yield LivePane(id="docked-pane")
        yield Static(Content(TOO_SMALL), id="too-small")
        yield Footer(show_command_palette=False)

    def compose_content(self) -> ComposeResult:
        """What the section shows."""
        yield from ()

    def on_resize(self, event: Resize) -> None:
        """A terminal that is too small gets a message, not a mess."""
        self.set_class(event.size.width < MIN_COLUMNS or event.size.height < MIN_ROWS, "-too-small")

    def show_status(self, status: Status) -> None:
        """Show the state of the whole in the line on top."""
        for bar in self.query(StatusBar):
            bar.show(status, self.console.texts)

    def action_dock(self) -> None:
        """Show or hide the docked pane."""
        if not self.HAS_OWN_PANE:
            self.toggle_class("-docked")
