"""The console. This module only wires: screens, feed, dispatcher child, language."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, cast
from zoneinfo import ZoneInfo

from textual import on
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.events import AppFocus, Event, Key, MouseDown
from textual.notifications import SeverityLevel
from textual.screen import Screen

from dispatch import interpreter
from store.cards import Status
from store.clock import Clock, system_clock
from store.sanitise import clean_line, clean_text
from store.vocabulary import Language
from tui.deed_queue import DeedQueue
from tui.key_order import KeyOrder, Passed
from tui.openers import Openers
from tui.screens.opening import OpeningScreen
from tui.spoken import Spoken, binding
from tui.style_sheet import read_once
from tui.terminal import TerminalSignals, install_patient_writer
from tui.texts import Texts
from tui.widgets.sidebar import SECTIONS, MenuItem

# Whatever loads SQLAlchemy (0.2 s) is imported once the first frame is painted.
if TYPE_CHECKING:
    from store.delivery_views import DeliveryView
    from store.engine import Store
    from tui.calls import Calls
    from tui.dispatcher_child import DispatcherChild
    from tui.feed_follower import FeedFollower

SCREENS = {
    "live": "tui.screens.live:LiveScreen",
    "deliveries": "tui.screens.deliveries:DeliveriesScreen",
    "event_actions": "tui.screens.event_actions:EventActionsScreen",
    "escalations": "tui.screens.escalations:EscalationsScreen",
    "outgoing_mail": "tui.screens.outgoing_mail:OutgoingMailScreen",
    "company": "tui.screens.company:CompanyScreen",
    "people": "tui.screens.people:PeopleScreen",
    "audit": "tui.screens.audit:AuditScreen",
    "system": "tui.screens.system:SystemScreen",
    "deadlines": "tui.screens.deadlines:DeadlinesScreen",
}
"""Where the screen of each section is."""
MAX_TOAST = 500
"""Characters of a toast: an error that quotes its cause at length must not cover the screen."""


def section_screen(name: str) -> Spoken[None]:
    """A new screen of a section."""
    module, _, screen = SCREENS[name].partition(":")
    return cast("type[Spoken[None]]", getattr(import_module(module), screen))()


T_IS_ITS_OWN = frozenset({"outgoing_mail", "people"})
"""Sections that have a meaning of their own for the key of the timeline, and no object under the cursor."""


FROM_SECTIONS = frozenset({"section", "language", "menu", "dock", "why", "storms", "timeline", "calls", "mutes"})
"""What is not done from under a form, a letter, a question."""


class ConsoleApp(Openers):
    """The console.

    Args:
        store: An open store, or what opens one: then the first frame is painted meanwhile, and what the opening
            raises ends the console and is found in `failure`. The caller closes the store, if it was `opened`.
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
        binding("f3", "menu", "app.menu", show=False),
        binding("f4", "dock", "pane.dock", show=False),
        binding("f6", "storms", "app.storms", show=False),
        binding("f7", "mutes", "app.mutes", show=False),
        binding("w", "why", "app.why", show=False),
        binding("t", "timeline", "app.timeline", show=False),
        binding("f9", "calls", "app.calls", show=False),
        binding("ctrl+q", "quit", "app.quit"),
    ]

    def __init__(
        self,
        store: "Store | Callable[[], Store]",
        *,
        clock: Clock | None = None,
        language: Language | str | None = None,
        start_dispatcher: bool = True,
    ) -> None:
        super().__init__()
        install_patient_writer()
        read_once(self)
        self.failure: Exception | None = None
        # What is chosen on a screen and holds when one comes back to it.
        self.notice = ""
        self.preview: bool | None = None
        self.newest_on_top = True
        self.trial_recipient = ""
        self._keys = KeyOrder(self, super().on_event)
        self.filters: dict[str, str] = {}
        self.deeds = DeedQueue(self)
        self._warned_of: set[tuple[int, datetime]] = set()
        self._history_of = ("", "")
        self._deliveries_asked_for = ""
        self._clock = clock
        self._language = Language(language) if language else None
        self._start_dispatcher = start_dispatcher
        self._ensured = False
        self._open: Callable[[], Store] | None = store if callable(store) else None
        self.opened: Store | None = None
        self._feed: FeedFollower | None = None
        self._child: DispatcherChild | None = None
        self._calls: Calls | None = None
        self._status: Status | None = None
        self._signals: TerminalSignals | None = None
        self.clock = clock or system_clock
        self.texts = Texts(self._language or Language.RU)
        self.zone = ZoneInfo("UTC")
        if not callable(store):
            self._take(store)

    @property
    def dispatcher_starting(self) -> bool:
        """Whether a dispatcher is on its way: not to be, or not yet to be, alarmed about."""
        return self._start_dispatcher and (self._child is None or not self._ensured or self._child.running)

    def on_mount(self) -> None:
        """Show the live pane, follow the store, see to a dispatcher."""
        if not self.is_headless:
            self._signals = TerminalSignals(self)
        if self._open is None:
            self._begin()
        else:
            self.push_screen(OpeningScreen())
            self.call_after_refresh(self.run_worker, self._open_store, thread=True, exit_on_error=False)

    def _open_store(self) -> None:
        """Load and open the store. Runs in a thread."""
        assert self._open is not None  # noqa: S101
        try:
            self._take(self._open())
            import_module("tui.screens.live")
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told
            self.failure = error
            self.call_from_thread(self.exit, return_code=1)
        else:
            self.call_from_thread(self._begin)

    def _take(self, store: "Store") -> None:
        """Take an open store; reads the company's language and zone."""
        from store.settings import company
        from tui.calls import Calls
        from tui.dispatcher_child import DispatcherChild
        from tui.feed_follower import FeedFollower

        card = company(store)
        self.opened = store
        self.clock = self._clock or store.clock
        self.texts = Texts(self._language or card.language)
        self.zone = ZoneInfo(card.timezone)
        self._feed = FeedFollower(self)
        self._child = DispatcherChild(store)
        self._calls = Calls(self)

    @property
    def store(self) -> "Store":
        """The open store; for screens that are shown once it is."""
        assert self.opened is not None  # noqa: S101
        return self.opened

    @property
    def feed(self) -> "FeedFollower":
        """What follows the store for the panes."""
        assert self._feed is not None  # noqa: S101
        return self._feed

    @property
    def calls(self) -> "Calls":
        """What calls the operator who looks elsewhere."""
        assert self._calls is not None  # noqa: S101
        return self._calls

    def _begin(self) -> None:
        assert self._child is not None  # noqa: S101
        live = section_screen("live")
        if isinstance(self.screen, OpeningScreen):
            self.switch_screen(live)
        else:
            self.push_screen(live)
        if not self.is_headless:
            # Whoever presses a key does not wait for a thread that reads, nor for garbage: 115 ms became 50.
            self.call_after_refresh(interpreter.prepare)
        self.feed.start()
        self._see_to_dispatcher()
        if self.calls.problem:
            self.notify(self.texts("calls.unreadable", problem=self.calls.problem), severity="warning", timeout=30)

    def _see_to_dispatcher(self) -> None:
        if self._start_dispatcher:
            self.run_worker(
                self._ensure_dispatcher, group="dispatcher", exclusive=True, thread=True, exit_on_error=False
            )

    def _ensure_dispatcher(self) -> None:
        """See that one is alive. Runs in a thread."""
        assert self._child is not None  # noqa: S101
        try:
            words = self._child.ensure()
        finally:
            self._ensured = True
        if words:
            self.notify(self.texts("bar.ended", words=words), severity="error", markup=False, timeout=30)

    def on_unmount(self) -> None:
        """End what was started."""
        if self._signals is not None:
            self._signals.restore()
        if self._child is not None:
            self.calls.end()
            self.feed.stop()
            self._child.end()

    def action_section(self, name: str) -> None:
        """Go to a section."""
        if name == self._section:
            return
        while len(self.screen_stack) > 2:  # noqa: PLR2004 - the empty one of Textual's and the section
            self.pop_screen()
        self.switch_screen(section_screen(name))
        self._show_again()

    def open_history(self, what: str, text: str = "") -> None:
        """Go to the audit, which shows the changes of these settings, and of these only those with a text."""
        self._history_of = what, text
        self.action_section("audit")

    def open_deliveries(self, what: str) -> None:
        """Go to the deliveries, narrowed to a state or, with `storm`, to what storms hold."""
        from tui.screens.deliveries import DeliveriesScreen

        if isinstance(self.screen, DeliveriesScreen):
            self.screen.narrow(what)
        else:
            self._deliveries_asked_for = what
            self.action_section("deliveries")

    def action_storms(self) -> None:
        """Show the deliveries that a storm holds."""
        self.open_deliveries("storm")

    def take_deliveries_asked_for(self) -> str:
        """What the deliveries are asked to show; asked once, they show all afterwards."""
        asked, self._deliveries_asked_for = self._deliveries_asked_for, ""
        return asked

    def take_history_of(self) -> tuple[str, str]:
        """Whose changes the audit is asked to show; asked once, all the same is shown afterwards."""
        asked, self._history_of = self._history_of, ("", "")
        return asked

    @on(MenuItem.Chosen)
    def _menu_chosen(self, event: MenuItem.Chosen) -> None:
        self.action_section(event.section)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Sections are not left from under a form."""
        del parameters
        if action == "timeline" and self._section in T_IS_ITS_OWN:
            return False
        return action not in FROM_SECTIONS or bool(self._section)

    @property
    def _section(self) -> str:
        """The section in front; empty under a form, a letter, a question."""
        return self.screen.SECTION if isinstance(self.screen, Spoken) else ""

    def action_language(self) -> None:
        """Switch the language, here and now."""
        other = Language.EN if self.texts.language is Language.RU else Language.RU
        self.texts = Texts(other)
        if self._section:
            self.switch_screen(section_screen(self._section))
        self._show_again()

    def show_notice(self, text: str) -> None:
        """Put a notice over the live pane; an empty one takes it away. For the demo's narrator."""
        self.notice = text
        if isinstance(self.screen, Spoken):
            self.screen.show_notice()

    async def on_event(self, event: Event) -> None:
        """Whoever presses a key, clicks or comes back to the window has seen what it called for."""
        if isinstance(event, Key | MouseDown | AppFocus) and self._calls is not None:
            self._calls.seen()
        if isinstance(event, Key) and not event.is_forwarded:
            await self._keys.take(event)
        else:
            await super().on_event(event)

    @on(Passed)
    async def _key_passed(self, event: Passed) -> None:
        await self._keys.passed(event)

    def action_menu(self) -> None:
        """Hide the side menu, or show it again: on a narrow terminal the lists gain its width."""
        self.toggle_class("-no-menu")

    def action_dock(self) -> None:
        """Dock the live pane on every section, or take it away."""
        self.toggle_class("-docked")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every section, the language, and Textual's own."""
        for name, number in SECTIONS:
            title = self.texts(f"help.go_{name}")
            words = self.texts("palette.go", title=title, number=number)
            yield SystemCommand(title, words, partial(self.action_section, name))
        yield from self.opening_commands()
        if isinstance(screen, Spoken):
            yield from (SystemCommand(*command) for command in screen.commands())
        yield SystemCommand("Русский / English", self.texts("palette.language"), self.action_language)
        yield from super().get_system_commands(screen)

    @property
    def status(self) -> Status | None:
        """The state of the whole as it was last read."""
        return self._status

    def show_status(self, status: Status) -> None:
        """The state of the whole was read."""
        self._status = status
        self.calls.look(status)
        self._warn_of_mutes(status)
        if not any(card.alive for card in status.dispatchers):
            self._see_to_dispatcher()
        if isinstance(self.screen, Spoken):
            self.screen.show_status(status)

    def _warn_of_mutes(self, status: Status) -> None:
        """Say of each mute once that it is about to end, while there is time to prolong it."""
        if not status.mutes:
            return
        from tui.widgets.mute_words import muted_what, warn_at, when

        now = self.clock()
        for one in status.mutes:
            if warn_at(one) <= now and (one.id, one.until) not in self._warned_of:
                self._warned_of.add((one.id, one.until))
                what = muted_what(one.kind, one.key, {}, self.texts)
                until = when(one.until, now, self.zone)
                words = self.texts("mutes.ends_soon", what=what, until=until, who=one.who, why=one.reason)
                self.notify(words, severity="warning", timeout=30)

    def show_views(self, views: "Sequence[DeliveryView]") -> None:
        """The saved views of the deliveries are others: they can be called for."""
        self.calls.offer({view.name: partial(self._fitting, view.filter) for view in views})

    def _fitting(self, words: str, store: "Store", ids: Sequence[int]) -> set[int]:
        """Which of some deliveries fit a filter as it is typed; what it says of time counts from now."""
        from store.delivery_query import matching
        from tui.widgets.delivery_filter import parse

        return matching(store, parse(words, self.texts, self.clock(), self.zone).query, ids)

    def _show_again(self) -> None:
        if self._status is not None:
            self.call_after_refresh(self.show_status, self._status)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a toast. Its words may come from outside: they are cleaned, shortened, and never markup."""
        del markup
        text = clean_text(message)[:MAX_TOAST]
        super().notify(text, title=clean_line(title)[:MAX_TOAST], severity=severity, timeout=timeout, markup=False)

    def store_failed(self, text: str) -> None:
        """The store cannot be read any more; it is tried again."""
        self.notify(text, severity="error", markup=False, timeout=30)

    def store_recovered(self) -> None:
        """The store can be read again."""
        self.clear_notifications()
        self.notify(self.texts("bar.recovered"), markup=False)

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
