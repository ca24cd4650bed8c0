"""A mail connection as a card: what it is set to, how it does, and its buttons."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Label, Static

from dispatch.channels.limit_words import RATE_LIMITED
from store.cards import MailConnection, Status
from store.sanitise import clean_line
from tui.widgets.card_view import CardView
from tui.widgets.connection_check import ConnectionCheck
from tui.widgets.connection_lines import connection_lines
from tui.widgets.form import Say


def moment(at: datetime, zone: ZoneInfo) -> str:
    """A moment to the second."""
    return at.astimezone(zone).strftime("%d.%m.%Y %H:%M:%S")


def health_words(card: MailConnection, status: Status, zone: ZoneInfo, say: Say) -> tuple[str, str]:
    """How a connection does: last good letter, next try and last error while it fails; and the style to say it in."""
    health = next((health for health in status.health if health.connection == card.name), None)
    if not card.enabled:
        return say("system.circuit_off"), "$text-warning"
    if health is None:
        return say("system.circuit_unused"), ""
    bad = health.circuit != "closed"
    resting = health.circuit == "open" and health.error_class == RATE_LIMITED
    parts = [say("system.circuit_resting" if resting else f"system.circuit_{health.circuit}")]
    if health.last_sent_at is not None:
        parts.append(say("system.last_sent", at=moment(health.last_sent_at, zone)))
    if bad and health.retry_at is not None:
        parts.append(say("system.retry_at", at=moment(health.retry_at, zone)))
    if bad and health.last_error:
        parts.append(health.last_error)
    return " · ".join(parts), "$text-error" if bad else "$text-success"


def limits_words(card: MailConnection, status: Status, zone: ZoneInfo, say: Say) -> str:
    """What its server was found to take, and no more; empty when no limit is known."""
    limits = next((health.limits for health in status.health if health.connection == card.name), None)
    if limits is None or limits.learned_at is None:
        return ""
    known = (
        ("mail.limit_letters", limits.letters),
        ("mail.limit_connections", limits.connections),
        ("mail.limit_per_minute", limits.per_minute),
    )
    words = " · ".join(say(key, count=count) for key, count in known if count is not None)
    return say("mail.limits", limits=words, at=limits.learned_at.astimezone(zone).strftime("%H:%M"))


class ConnectionCard(Vertical):
    """One connection with its buttons; the buttons act on this card."""

    DEFAULT_CSS = """
    ConnectionCard { height: auto; margin-bottom: 1; }
    ConnectionCard > .card-title { padding: 0 1; text-style: bold; color: $text-primary; }
    ConnectionCard > .health { padding: 0 1; height: auto; }
    ConnectionCard > .limits { padding: 0 1; height: auto; display: none; color: $text-warning; }
    ConnectionCard > .limits.-known { display: block; }
    ConnectionCard > .block-title { padding: 0 1; text-style: bold; }
    ConnectionCard > Horizontal { height: 1; padding: 0 1; }
    ConnectionCard Button { margin-right: 1; min-width: 8; }
    """

    def __init__(self, card: MailConnection, today: date, say: Say) -> None:
        super().__init__(id=f"connection-{card.id}")
        self.card = card
        self._today = today
        self.say = say
        self.fault: tuple[str, str] = ("", "")

    def compose(self) -> ComposeResult:
        say, card = self.say, self.card
        toggle = say("mail.switch_off" if card.enabled else "mail.switch_on")
        yield Label(Content(say("mail.connection_to", server=card.server)), classes="card-title")
        yield Static(classes="health")
        yield Static(classes="limits")
        yield Label(Content(say("mail.block_server")), classes="block-title")
        with Horizontal():
            yield Button(Content(say("mail.edit")), classes="edit", compact=True, variant="primary")
            yield Button(Content(say("mail.check")), classes="check", compact=True)
            yield Button(Content(say("mail.letter")), classes="letter", compact=True)
            yield Button(Content(toggle), classes="toggle", compact=True)
            yield Button(Content(say("mail.delete")), classes="delete", compact=True)
        yield CardView(connection_lines(card, self._today, say))
        yield ConnectionCheck(say)

    def show_health(self, status: Status, zone: ZoneInfo) -> None:
        """Say how the connection does, which place it has among several, and what its server takes."""
        words, style = health_words(self.card, status, zone, self.say)
        used = [card.name for card in status.connections if card.enabled]
        if len(used) > 1 and self.card.name in used:
            words += " · " + self.say("mail.turn", turn=used.index(self.card.name) + 1)
        text = clean_line(words)
        for place in self.query(".health").results(Static):  # none yet, before it is composed
            place.update(Content.styled(text, style) if style else Content(text))
        limits = clean_line(limits_words(self.card, status, zone, self.say))
        for place in self.query(".limits").results(Static):
            place.update(Content(limits))
            place.set_class(bool(limits), "-known")
