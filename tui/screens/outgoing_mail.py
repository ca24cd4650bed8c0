"""Outgoing mail: the connections, the sending parameters, silent mode, the limits against floods, how deadlines run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Label, Static, TabbedContent, TabPane

from store.cards import MailConnection, Sending, Status
from store.errors import StoreError
from store.settings import (
    connection_secret,
    connections,
    delete_connection,
    save_connection,
    save_sending,
    secret_of,
    sending,
)
from tui.operator import operator
from tui.screens.base import SectionScreen
from tui.spoken import binding
from tui.widgets.card_view import CardView, Line
from tui.widgets.connection_card import ConnectionCard
from tui.widgets.connection_check import CheckRequest, ConnectionCheck
from tui.widgets.connection_form import ConnectionForm
from tui.widgets.deadline_pane import DeadlinePane
from tui.widgets.form import Form, Say
from tui.widgets.question import Question
from tui.widgets.sending_form import REQUIRED, SendingForm
from tui.widgets.silent_pane import SilentPane
from tui.widgets.storm_pane import StormPane

_TABS = ("tab-connections", "tab-sending", "tab-silent", "tab-storms", "tab-deadlines")
_ON_CONNECTIONS = frozenset({"check", "check_with_letter", "details", "switch", "delete", "add"})


def sending_lines(card: Sending, say: Say) -> list[Line]:
    """The lines of the sending parameters; required ones that are empty stand out."""
    lines: list[Line] = []
    for name in ("support_address", "system_address", "sender_name", "encoding", "transliterate_headers"):
        value = getattr(card, name)
        text = say("mail.yes" if value else "mail.no") if isinstance(value, bool) else str(value)
        empty = name in REQUIRED and not text.strip()
        label = say(f"mail.{name}") + (" *" if name in REQUIRED else "")
        lines.append((label, say("mail.empty") if empty else text, "$text-error" if empty else ""))
    for name in ("max_attempts", "pause_s", "batch_size", "batch_interval_s"):
        value = getattr(card, name)
        unlimited = name == "batch_size" and value == 0
        lines.append((say(f"mail.{name}"), say("mail.no_limit") if unlimited else str(value), ""))
    return [*lines, (say("mail.transcripts"), say(f"mail.transcripts_{card.transcripts.value}"), "")]


class OutgoingMailScreen(SectionScreen):
    """Connections and sending parameters, each with its form."""

    SECTION = "outgoing_mail"
    FOOTER = ("mail.edit", "mail.check", "mail.toggle", "mail.add", "mail.tab", "mail.delete")
    DEFAULT_CSS = """
    OutgoingMailScreen TabbedContent { height: 1fr; }
    OutgoingMailScreen TabPane { padding: 1 0 0 0; height: 1fr; }
    OutgoingMailScreen .notice { padding: 0 1; margin-bottom: 1; color: $text-warning; height: auto; }
    OutgoingMailScreen .page-buttons { height: 1; padding: 0 1; margin-bottom: 1; }
    OutgoingMailScreen #sending > .block-title { padding: 0 1; text-style: bold; }
    OutgoingMailScreen Button { margin-right: 1; }
    OutgoingMailScreen #connection-cards { height: auto; }
    OutgoingMailScreen #sending-card .card-label { width: 60%; max-width: 62; }
    OutgoingMailScreen #add { margin-left: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("e", "edit", "mail.edit"),
        binding("c", "check", "mail.check"),
        binding("m", "check_with_letter", "mail.letter"),
        binding("v", "details", "mail.details"),
        binding("t", "switch", "mail.toggle"),
        binding("d", "delete", "mail.delete"),
        binding("a", "add", "mail.add"),
        binding("left_square_bracket,right_square_bracket", "tab", "mail.tab", shown="[ ]"),
    ]

    @dataclass
    class Loaded(Message):
        """Connections and sending parameters were read."""

        cards: tuple[MailConnection, ...]
        sending: Sending

    @dataclass
    class Refused(Message):
        """The store did not do as asked."""

        problem: str

    def compose_content(self) -> ComposeResult:
        say = self.say
        connections = TabPane(Content(say("mail.tab_connections")), id="tab-connections")
        parameters = TabPane(Content(say("mail.tab_sending")), id="tab-sending")
        with TabbedContent(id="mail-tabs"):
            with connections, VerticalScroll(id="connections", can_focus=False):
                yield Vertical(id="connection-cards")
                yield Button(Content(say("mail.add")), id="add", compact=True)
            with parameters, VerticalScroll(id="sending", can_focus=False):
                yield Label(Content(say("mail.sending")), classes="block-title")
                with Horizontal(classes="page-buttons"):
                    yield Button(Content(say("mail.edit")), id="sending-edit", compact=True, variant="primary")
                    yield Button(Content(say("mail.restore")), id="sending-restore", compact=True)
                yield Static(Content(say("mail.missing")), id="sending-missing", classes="notice")
                yield CardView((), id="sending-card")
            with TabPane(Content(say("mail.tab_silent")), id="tab-silent"):
                yield SilentPane()
            with TabPane(Content(say("mail.tab_storms")), id="tab-storms"):
                yield StormPane()
            with TabPane(Content(say("mail.tab_deadlines")), id="tab-deadlines"), VerticalScroll(can_focus=False):
                yield DeadlinePane()

    def on_mount(self) -> None:
        self._sending = Sending()
        self._cards: tuple[MailConnection, ...] | None = None
        self.follow_settings(self.reload)

    def on_screen_resume(self) -> None:
        self.reload()

    def reload(self) -> None:
        """Read everything, in a thread."""
        self.query_one(SilentPane).reload()
        self.query_one(StormPane).reload()
        self.query_one(DeadlinePane).reload()
        self.run_worker(self._load, group="mail-read", exclusive=True, thread=True, exit_on_error=False)

    def _load(self) -> None:
        try:
            self.post_message(self.Loaded(tuple(connections(self.store)), sending(self.store)))
        except StoreError as error:
            self.post_message(self.Refused(str(error)))

    @on(Loaded)
    async def _show(self, event: Loaded) -> None:
        self._sending = event.sending
        self.query_one("#sending-missing").display = bool(event.sending.missing)
        await self.query_one("#sending-card", CardView).show(sending_lines(event.sending, self.say))
        if event.cards == self._cards:
            return
        if self._cards is None and event.cards and event.sending.missing:
            self._go_to("tab-sending")  # where letters are kept back for
        self._cards = event.cards
        looked_at = self._chosen()
        place = self.query_one("#connection-cards", Vertical)
        await place.remove_children()
        if event.cards:
            today = self.console.clock().astimezone(self.console.zone).date()
            await place.mount_all(ConnectionCard(card, today, self.say) for card in event.cards)
        else:
            await place.mount(Static(Content(self.say("mail.no_connections")), classes="notice"))
        if self._tab == "tab-connections":
            self._go_to_card(looked_at.card.id if looked_at is not None else 0)

        self._show_health()

    def _go_to_card(self, key: int) -> None:
        """Go to a connection, or to the first where it is gone: others change connections too."""
        found = self.query(f"#connection-{key} Button.edit") or self.query("ConnectionCard Button.edit")
        (found or self.query("#add")).first().focus()

    def show_status(self, status: Status) -> None:
        super().show_status(status)
        self._show_health()

    def _show_health(self) -> None:
        if (status := self.console.status) is not None:
            for card in self.query(ConnectionCard):
                card.show_health(status, self.console.zone)

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self.notify(event.problem, severity="error", markup=False)

    @property
    def _tab(self) -> str:
        return self.query_one(TabbedContent).active

    def _chosen(self) -> ConnectionCard | None:
        """The card that has the focus, else the first."""
        cards = list(self.query(ConnectionCard))
        focused = [card for card in cards if card.has_focus_within]
        return (focused or cards or [None])[0]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What acts on a connection is not offered where none is shown."""
        del parameters
        return action not in _ON_CONNECTIONS or not self.is_mounted or self._tab == "tab-connections"

    @on(TabbedContent.TabActivated)
    def _tab_changed(self) -> None:
        self.refresh_bindings()

    def action_tab(self) -> None:
        """Go to the next tab."""
        self._go_to(_TABS[(_TABS.index(self._tab) + 1) % len(_TABS)])

    def _go_to(self, tab: str) -> None:
        self.query_one(TabbedContent).active = tab
        # The pane that holds the focus is the one Textual keeps in front, so the focus goes along.
        self.query_one(f"#{tab}").query(Button).first().focus()

    @on(Button.Pressed, ".edit")
    @on(Button.Pressed, "#sending-edit")
    def action_edit(self) -> None:
        """Open the form of what the tab shows."""
        if self._tab == "tab-silent":
            self.query_one(SilentPane).edit()
        elif self._tab == "tab-storms":
            self.query_one(StormPane).edit()
        elif self._tab == "tab-deadlines":
            self.query_one(DeadlinePane).edit()
        elif self._tab == "tab-sending":
            self._open(SendingForm(self.say, self._sending))
        elif card := self._chosen():
            # A fault of the sending parameters leads to their form, once: the connection's own must stay in reach.
            fault, card.fault = card.fault, ("", "")
            of_sending = fault[0] in REQUIRED
            form = SendingForm(self.say, self._sending, fault) if of_sending else None
            self._open(form or ConnectionForm(self.say, card.card, fault))

    @on(Button.Pressed, "#add")
    def action_add(self) -> None:
        """Open the form of a new connection."""
        if self._tab == "tab-connections":
            self._open(ConnectionForm(self.say, MailConnection(name="", server="")))

    def _open(self, form: Form) -> None:
        self.app.push_screen(form, self._after_form)

    def _after_form(self, saved: bool | None) -> None:
        if saved:
            self.notify(self.say("mail.saved"), markup=False)
        self.reload()

    @on(Button.Pressed, ".check")
    def action_check(self) -> None:
        """Try the connection as it is stored."""
        self._check(letter=False)

    @on(Button.Pressed, ".letter")
    def action_check_with_letter(self) -> None:
        """Try the connection, and send a test letter."""
        self._check(letter=True)

    def _check(self, *, letter: bool) -> None:
        chosen = self._chosen() if self._tab == "tab-connections" else None
        if chosen is None:
            return
        card = chosen.card

        def gather() -> CheckRequest:
            secret = connection_secret(self.store, card.id, secret_of(card))
            return CheckRequest(card, secret, sending(self.store))

        chosen.query_one(ConnectionCheck).start(gather, letter=letter)

    def action_details(self) -> None:
        """Show or hide what went over the wire during a check."""
        chosen = self._chosen()
        if chosen is not None:
            chosen.query_one(ConnectionCheck).toggle_details()

    @on(ConnectionCheck.Finished)
    def _show_verdict(self, event: ConnectionCheck.Finished) -> None:
        """The fault is kept: the form, when it is opened next, begins there."""
        for card in self.query(ConnectionCard):
            if event.control in card.query(ConnectionCheck):
                card.fault = (event.field, event.remedy)
                if not event.well:
                    card.query_one("Button.edit").focus(scroll_visible=False)
        self.call_after_refresh(event.control.scroll_visible, animate=False)

    @on(Button.Pressed, ".toggle")
    def action_switch(self) -> None:
        """Switch the connection on or off."""
        chosen = self._chosen() if self._tab == "tab-connections" else None
        if chosen is not None:
            card = replace(chosen.card, enabled=not chosen.card.enabled)
            self._change(lambda: save_connection(self.store, card, who=operator()))

    @on(Button.Pressed, ".delete")
    def action_delete(self) -> None:
        """Delete the connection, after a question."""
        chosen = self._chosen() if self._tab == "tab-connections" else None
        if chosen is None:
            return
        card, say = chosen.card, self.say
        question = Question(say("mail.delete_question", name=card.name), yes=say("mail.delete"), no=say("mail.keep"))

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._change(lambda: delete_connection(self.store, card.id, operator()))

        self.app.push_screen(question, answered)

    @on(Button.Pressed, "#sending-restore")
    def restore(self) -> None:
        """Put the system's sending parameters back, after a question; addresses and name are kept."""
        say = self.say
        kept = {name: getattr(self._sending, name) for name in REQUIRED}

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._change(lambda: save_sending(self.store, Sending(**kept), operator()))

        question = Question(say("mail.restore_question"), yes=say("mail.restore"), no=say("form.cancel"))
        self.app.push_screen(question, answered)

    def _change(self, change: Callable[[], object]) -> None:
        def work() -> None:
            try:
                change()
            except StoreError as error:
                self.post_message(self.Refused(str(error)))
            self._load()

        self.run_worker(work, group="mail", thread=True, exit_on_error=False)
