"""The state of the whole: store, deliveries, dispatchers, connections, and what is missing."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message

from store.cards import MailConnection, Status
from store.errors import StoreError
from store.settings import company
from store.status import read_status
from tui.screens.base import SectionScreen
from tui.widgets.card_view import CardView, Line
from tui.widgets.connection_card import health_words, moment
from tui.widgets.form import Say

REFRESH_S = 1.0
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
    """Shows the state of the whole, renewed every second."""

    SECTION = "system"
    DEFAULT_CSS = """
    SystemScreen #system-page { padding: 1 0; }
    SystemScreen CardView .card-label { width: 18; }
    SystemScreen.-wide CardView Horizontal { margin-bottom: 1; }
    """

    @dataclass
    class Loaded(Message):
        """The state was read."""

        lines: tuple[Line, ...]

    def compose_content(self) -> ComposeResult:
        with VerticalScroll(id="system-page"):
            yield CardView((), id="system-card")

    def on_mount(self) -> None:
        self.query_one("#system-page").focus()
        self.set_interval(REFRESH_S, self.reload)

    def on_screen_resume(self) -> None:
        self.reload()

    def reload(self) -> None:
        """Read the state in a thread, while the screen is shown."""
        if self.is_current:
            self.run_worker(self._load, group="system", exclusive=True, thread=True, exit_on_error=False)

    def _load(self) -> None:
        try:
            lines = status_lines(read_status(self.store), ZoneInfo(company(self.store).timezone), self.say)
        except StoreError as error:
            lines = [(self.say("system.store"), self.say("system.unreadable", error=str(error)), "$text-error")]
        self.post_message(self.Loaded(tuple(lines)))

    @on(Loaded)
    async def _show(self, event: Loaded) -> None:
        await self.query_one(CardView).show(event.lines)
