"""The console. This module only wires: screens, feed, dispatcher child, language."""

import asyncio
import signal
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar, cast
from zoneinfo import ZoneInfo

from textual import on
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from store.cards import Status
from store.clock import Clock
from store.engine import Store
from store.settings import company
from store.vocabulary import Language
from tui.dispatcher_child import DispatcherChild
from tui.feed_follower import FeedFollower
from tui.screens.base import SectionScreen
from tui.screens.company import CompanyScreen
from tui.screens.deliveries import DeliveriesScreen
from tui.screens.delivery import DeliveryScreen
from tui.screens.escalations import EscalationsScreen
from tui.screens.event_actions import EventActionsScreen
from tui.screens.help import HelpScreen
from tui.screens.live import LiveScreen
from tui.screens.outgoing_mail import OutgoingMailScreen
from tui.screens.system import SystemScreen
from tui.spoken import binding
from tui.texts import Texts
from tui.widgets.live_pane import LivePane
from tui.widgets.sidebar import SECTIONS, MenuItem

SCREENS: dict[str, type[SectionScreen]] = {
    "live": LiveScreen,
    "deliveries": DeliveriesScreen,
    "event_actions": EventActionsScreen,
    "escalations": EscalationsScreen,
    "outgoing_mail": OutgoingMailScreen,
    "company": CompanyScreen,
    "system": SystemScreen,
}


class ConsoleApp(App[None]):
    """The console on an open store.

    Args:
        store: An open store; the caller closes it.
        clock: For what is shown as "now"; the store's own by default.
        language: `ru` or `en`; the company's by default.
        start_dispatcher: Start a dispatcher as a child when none is alive.
    """

    TITLE = "Vestnik"
    ENABLE_COMMAND_PALETTE = True
    CSS_PATH = "styles/app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(binding(number, f"section('{name}')", f"go.{name}", show=False) for name, number in SECTIONS),
        binding("question_mark,f1", "help", "app.help", shown="?"),
        binding("f2", "language", "app.language"),
        binding("ctrl+q", "quit", "app.quit"),
    ]

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock | None = None,
        language: Language | str | None = None,
        start_dispatcher: bool = True,
    ) -> None:
        super().__init__()
        self.store = store
        self.clock = clock or store.clock
        card = company(store)
        self.texts = Texts(Language(language) if language else card.language)
        self.zone = ZoneInfo(card.timezone)
        self.feed = FeedFollower(self)
        self._start_dispatcher = start_dispatcher
        self._child = DispatcherChild(store)
        self._status: Status | None = None

    def on_mount(self) -> None:
        """Show the live pane, follow the store, see to a dispatcher."""
        loop = asyncio.get_running_loop()
        if not self.is_headless:
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, partial(self.exit, return_code=128 + number))
        self.push_screen(LiveScreen())
        self.feed.start()
        if self._start_dispatcher:
            self.run_worker(self._child.ensure, thread=True, exit_on_error=False)

    def on_unmount(self) -> None:
        """End what was started."""
        self.feed.stop()
        self._child.end()

    def action_section(self, name: str) -> None:
        """Go to a section."""
        current = self.screen
        if isinstance(current, SectionScreen) and name == current.SECTION:
            return
        while len(self.screen_stack) > 2:  # noqa: PLR2004 - the empty one of Textual's and the section
            self.pop_screen()
        self.switch_screen(SCREENS[name]())
        self._show_again()

    @on(MenuItem.Chosen)
    def _menu_chosen(self, event: MenuItem.Chosen) -> None:
        self.action_section(event.section)

    @on(LivePane.Opened)
    def _row_opened(self, event: LivePane.Opened) -> None:
        self.push_screen(DeliveryScreen(event.delivery_id))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Sections are not left from under a form."""
        del parameters
        return not (action in {"section", "language"} and not isinstance(self.screen, SectionScreen))

    def action_help(self) -> None:
        """Show the keys of this screen."""
        self.push_screen(HelpScreen(self.screen))

    def action_language(self) -> None:
        """Switch the language, here and now."""
        other = Language.EN if self.texts.language is Language.RU else Language.RU
        self.texts = Texts(other)
        if isinstance(self.screen, SectionScreen):
            self.switch_screen(type(self.screen)())
        self._show_again()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every section, the language, and Textual's own."""
        for name, number in SECTIONS:
            title = self.texts(f"help.go_{name}")
            words = self.texts("palette.go", title=title, number=number)
            yield SystemCommand(title, words, partial(self.action_section, name))
        yield SystemCommand("Русский / English", self.texts("palette.language"), self.action_language)
        yield from super().get_system_commands(screen)

    def show_status(self, status: Status) -> None:
        """The state of the whole was read."""
        self._status = status
        if isinstance(self.screen, SectionScreen):
            self.screen.show_status(status)

    def _show_again(self) -> None:
        if self._status is not None:
            self.call_after_refresh(self.show_status, self._status)

    def store_failed(self, text: str) -> None:
        """The store cannot be read any more."""
        self.notify(text, severity="error", markup=False, timeout=30)

    def call_later_from_thread(self, call: object, *args: object) -> None:
        """Have something called in the application's own thread, without waiting for it."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(partial(self.call_later, cast("Callable[..., Any]", call), *args))

    def colour(self, name: str) -> str:
        """A colour of the theme, as Rich takes it."""
        value = self.theme_variables.get(f"text-{name}", "") or self.theme_variables.get(name, "")
        return value if value.startswith("#") else self.theme_variables.get(name, "#888888")[:7]

    def _fatal_error(self) -> None:
        # Textual's report prints local variables, which may hold secrets.
        import traceback

        self.bell()
        self._exit_renderables.append("".join(traceback.format_exc(limit=-12)))
        self._close_messages_no_wait()
