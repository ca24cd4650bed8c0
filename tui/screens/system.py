"""The state of the whole: dispatchers, connections, deliveries, what is missing; and the store itself."""

import threading
import time
from dataclasses import dataclass
from typing import ClassVar
from zoneinfo import ZoneInfo

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message

from store.cards import MailConnection, Status
from store.engine import sqlite_path
from store.errors import StoreError
from store.integrity import check
from store.retention import retention
from store.settings import company
from store.status import read_status
from tui.screens.base import SectionScreen
from tui.spoken import binding
from tui.widgets.card_view import CardView, Line
from tui.widgets.connection_card import health_words, moment
from tui.widgets.form import Say
from tui.widgets.house_words import House, house_lines, read_house
from tui.widgets.retention_form import RetentionForm

REFRESH_S = 1.0
HOUSE_S = 5.0
"""How often to look how large the store is: a server adds it up, and nothing of it changes in a second."""
_ALARMS = {"held": "$text-warning", "dead": "$text-error"}


def status_lines(status: Status, zone: ZoneInfo, say: Say) -> list[Line]:
    """What the screen says, line by line."""
    counts = [(f"{say(f'state.{state}')} {count}", state) for state, count in status.deliveries.items() if count]
    parts = [part for words, state in counts for part in ((" · ", "dim"), (words, _ALARMS.get(state, "")))]
    deliveries = Content.assemble(*parts[1:]) if parts else Content("—")
    missing = [say("system.missing_connection" if name == "connection" else f"mail.{name}") for name in status.missing]
    lines: list[Line] = [
        (say("system.missing"), "\n".join(missing) or say("system.missing_nothing"), _mark(bad=bool(missing))),
        *_dispatchers(status, zone, say),
        *_connections(status, zone, say),
        (say("system.deliveries"), deliveries, ""),
    ]
    if status.oldest_due_at is not None:
        lines.append((say("system.oldest"), moment(status.oldest_due_at, zone), "$text-warning"))
    return [
        *lines,
        (say("system.events"), say("system.events_text", events=status.events, unplanned=status.unplanned), ""),
        (say("system.store"), status.store, ""),
        (say("system.revision"), status.revision, ""),
    ]


def _mark(*, bad: bool) -> str:
    return "$text-error" if bad else "$text-success"


def _dispatchers(status: Status, zone: ZoneInfo, say: Say) -> list[Line]:
    lines: list[Line] = []
    if not any(card.alive for card in status.dispatchers):
        lines.append((say("system.dispatchers"), say("system.no_dispatcher"), "$text-error"))
    for card in status.dispatchers:
        place = say("system.dispatcher_line", host=card.host, pid=card.pid, since=moment(card.started_at, zone))
        silent = say("system.dispatcher_silent", seen=moment(card.seen_at, zone))
        state = say("system.dispatcher_alive") if card.alive else silent
        label = "" if lines else say("system.dispatchers")
        lines.append((label, f"{state}: {place}", "$text-success" if card.alive else "dim"))
    return lines


def _connections(status: Status, zone: ZoneInfo, say: Say) -> list[Line]:
    if not status.connections:
        return [(say("system.connections"), say("system.no_connection"), "$text-error")]
    return [
        (say("system.connections") if number == 0 else "", *_named(card, status, zone, say))
        for number, card in enumerate(status.connections)
    ]


def _named(card: MailConnection, status: Status, zone: ZoneInfo, say: Say) -> tuple[str, str]:
    words, style = health_words(card, status, zone, say)
    return f"{card.name}: {words}", style


class SystemScreen(SectionScreen):
    """Shows the state of the whole, renewed every second; `e` edits what is kept how long, `v` checks the store."""

    SECTION = "system"
    DEFAULT_CSS = """
    SystemScreen #system-page { padding: 1 0; }
    SystemScreen CardView .card-label { width: 18; }
    SystemScreen.-wide CardView Horizontal { margin-bottom: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("e", "edit", "system.edit"),
        binding("v", "verify", "system.verify"),
        binding("h", "history", "system.history"),
    ]

    @dataclass
    class Loaded(Message):
        """The state was read."""

        lines: tuple[Line, ...]

    @dataclass
    class Checked(Message):
        """The check is over; `problem` says why it came to nothing, if it did."""

        problem: str = ""

    def compose_content(self) -> ComposeResult:
        with VerticalScroll(id="system-page"):
            yield CardView((), id="system-card")

    def on_mount(self) -> None:
        self._house: tuple[float, House] | None = None
        self._checking: float | None = None
        self._stop_check = threading.Event()
        self.query_one("#system-page").focus()
        self.set_interval(REFRESH_S, self.reload)

    def on_unmount(self) -> None:
        """Who leaves the console does not wait for the check."""
        self._stop_check.set()

    def on_screen_resume(self) -> None:
        self.reload()

    def reload(self) -> None:
        """Read the state in a thread, while the screen is shown."""
        if self.is_current:
            self.run_worker(self._load, group="system", exclusive=True, thread=True, exit_on_error=False)

    def _load(self) -> None:
        try:
            zone = ZoneInfo(company(self.store).timezone)
            lines = [*status_lines(read_status(self.store), zone, self.say), *self._of_the_store(zone)]
        except StoreError as error:
            lines = [(self.say("system.store"), self.say("system.unreadable", error=str(error)), "$text-error")]
        self.post_message(self.Loaded(tuple(lines)))

    def _of_the_store(self, zone: ZoneInfo) -> list[Line]:
        kept, now = self._house, time.monotonic()
        if kept is None or now - kept[0] >= HOUSE_S:
            kept = self._house = (now, read_house(self.store))
        checking_s = None if self._checking is None else now - self._checking
        return house_lines(kept[1], zone, self.console.texts, checking_s=checking_s)

    def action_edit(self) -> None:
        """Open the form of what is kept how long."""
        try:
            card = retention(self.store)
        except StoreError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            self.app.push_screen(RetentionForm(self.say, card), self._after_form)

    def _after_form(self, saved: bool | None) -> None:
        if saved:
            self.notify(self.say("mail.saved"), markup=False)
            self._house = None
        self.reload()

    def action_history(self) -> None:
        """Show who changed what is kept, and when."""
        self.console.open_history("retention")

    def action_verify(self) -> None:
        """Check whether the store is whole; stop, where that is under way."""
        if self._checking is not None:
            self._stop_check.set()
            return
        if sqlite_path(self.store.url) is None:
            self.notify(self.say("system.check_server", command="pg_amcheck"), markup=False)
            return
        self._checking, self._stop_check = time.monotonic(), threading.Event()
        self.run_worker(self._check, group="check", exclusive=True, thread=True, exit_on_error=False)
        self.reload()

    def _check(self) -> None:
        stopped = self._stop_check
        try:
            check(self.store, stopped.is_set)
        except StoreError as error:
            self.post_message(self.Checked("" if stopped.is_set() else str(error)))
        else:
            self.post_message(self.Checked())

    @on(Checked)
    def _show_check(self, event: Checked) -> None:
        self._checking = self._house = None
        if event.problem:
            self.notify(event.problem, severity="error", markup=False)
        self.reload()

    @on(Loaded)
    async def _show(self, event: Loaded) -> None:
        await self.query_one(CardView).show(event.lines)
