"""The audit: who changed which setting when, from what to what; a change is taken back by one key."""

from dataclasses import dataclass
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Select, Static

from store.audit import page
from store.errors import SettingsError, StoreError
from store.revert import Outlook, preview, revert
from store.rulebook import list_rules
from store.sanitise import clean_line
from tui.operator import operator
from tui.screens.base import SectionScreen
from tui.spoken import binding
from tui.widgets.audit_detail import entry_text, question_text, refusal
from tui.widgets.audit_list import AuditLine, AuditList, audit_line, widths
from tui.widgets.audit_words import AuditWords
from tui.widgets.column_list import head
from tui.widgets.connection_card import moment
from tui.widgets.detail import Detail
from tui.widgets.question import Question

PAGE = 200
WHATS = (
    "company",
    "mail",
    "silent_mode",
    "storms",
    "deadlines",
    "retention",
    "rule",
    "person",
    "team",
    "deliveries",
    "secrets",
)
"""What can be shown alone."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are to be shown."""

    what: str = ""
    text: str = ""


class AuditScreen(SectionScreen):
    """The newest entries that match the filter; older ones are read when the cursor gets to the end."""

    SECTION = "audit"
    FOOTER = ("audit.revert", "audit.open", "audit.filter", "audit.what")
    DEFAULT_CSS = """
    AuditScreen #audit-filters { height: 1; margin: 0 1; }
    AuditScreen #audit-filter { width: 1fr; height: 1; background: $boost; margin-right: 1; }
    AuditScreen #audit-what { width: 24; height: 1; }
    AuditScreen #audit-head { height: 1; background: $panel; color: $text-muted; text-wrap: nowrap; }
    AuditScreen #audit-count { height: 1; padding: 0 1; background: $surface; color: $text-muted; }
    AuditScreen.-wide #audit-detail { height: 16; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("r", "revert", "audit.revert"),
        binding("slash", "filter", "audit.filter", shown="/"),
        binding("s", "next_what(1)", "audit.what"),
        binding("S", "next_what(-1)", "audit.what_back", show=False, shown="S"),
        binding("f5", "reload", "audit.reload"),
        binding("escape", "clear", "audit.leave", show=False),
    ]

    @dataclass
    class Loaded(Message):
        """The trail was read, for what was wanted then."""

        wanted: Wanted
        lines: list[AuditLine]
        words: AuditWords

        def can_replace(self, message: Message) -> bool:
            """Only the last reading is of interest."""
            return isinstance(message, AuditScreen.Loaded)

    @dataclass
    class OlderLoaded(Message):
        """The page before the last row was read."""

        wanted: Wanted
        lines: list[AuditLine]

    @dataclass
    class Foreseen(Message):
        """It was found out what taking an entry back does."""

        line: AuditLine
        outlook: Outlook

    @dataclass
    class Refused(Message):
        """The store did not do as asked."""

        problem: str

    def compose_content(self) -> ComposeResult:
        whats = [(self.say(f"audit.only_{what}"), what) for what in WHATS]
        with Horizontal(id="audit-filters"):
            yield Input(placeholder=self.say("audit.filter"), id="audit-filter", compact=True)
            yield Select(whats, prompt=self.say("audit.any_what"), id="audit-what", compact=True)
        yield Static(id="audit-head")
        yield AuditList(id="audit-table")
        yield Detail(id="audit-detail")
        yield Static(id="audit-count")

    def on_mount(self) -> None:
        what, text = self.console.take_history_of()
        self._wanted = Wanted(what, text)
        self._words = AuditWords(self.console.texts, (), self.console.zone)
        self._shown: AuditLine | None = None
        self._ended = False
        self._limit = PAGE
        if what:
            self._select.value = what
        self.query_one("#audit-filter", Input).value = text
        self.rows.focus()
        self.follow_store(self._load)

    def on_screen_resume(self) -> None:
        self.action_reload()

    @property
    def rows(self) -> AuditList:
        """The rows."""
        return self.query_one(AuditList)

    @property
    def _select(self) -> "Select[str]":
        return cast("Select[str]", self.query_one("#audit-what", Select))

    def action_reload(self) -> None:
        """Read the trail in a thread."""
        self.run_worker(self._load, thread=True, exclusive=True, group="audit", exit_on_error=False)

    def _read(self, wanted: Wanted, limit: int, before: int | None = None) -> tuple[list[AuditLine], AuditWords]:
        words = AuditWords(self.console.texts, list_rules(self.store), self.console.zone)
        sought = words.looked_for(wanted.text)
        cards = page(self.store, what=wanted.what, words=sought, before_id=before, limit=limit)
        return [audit_line(card, words) for card in cards], words

    def _load(self) -> None:
        wanted = self._wanted
        try:
            lines, words = self._read(wanted, self._limit)
        except StoreError as error:
            self.post_message(self.Refused(str(error)))
        else:
            self.post_message(self.Loaded(wanted, lines, words))

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        if event.wanted != self._wanted:
            return
        self._words = event.words
        self._ended = len(event.lines) < self._limit
        self.rows.nothing = self.say("audit.none" if self._wanted == Wanted() else "audit.none_found")
        self.rows.replace_rows(event.lines)

    @on(AuditList.EndReached)
    def _older(self) -> None:
        if self._ended:
            return
        wanted, before = self._wanted, self.rows.rows[-1].id

        def read() -> None:
            try:
                lines, _ = self._read(wanted, PAGE, before)
            except StoreError as error:
                self.post_message(self.Refused(str(error)))
            else:
                self.post_message(self.OlderLoaded(wanted, lines))

        self.run_worker(read, thread=True, exclusive=True, group="audit", exit_on_error=False)

    @on(OlderLoaded)
    def _append(self, event: OlderLoaded) -> None:
        if event.wanted == self._wanted:
            self._ended = len(event.lines) < PAGE
            self.rows.append(event.lines)
            self._limit = max(PAGE, len(self.rows.rows))

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self.notify(event.problem, severity="error", markup=False)

    @on(AuditList.Moved)
    def _say_where(self) -> None:
        line = self.rows.current
        if line != self._shown:
            self._shown = line
            text = entry_text(line, self._words, self._head_of(line), self.say) if line else Content("")
            self.query_one(Detail).show(text)
        key = "audit.count" if self._ended else "audit.count_more"
        self.query_one("#audit-count", Static).update(Content(self.say(key, count=len(self.rows.rows))))

    def _head_of(self, line: AuditLine) -> str:
        return f"№ {line.id} · {moment(line.at, self.console.zone)} · {clean_line(line.card.who)}"

    @on(AuditList.Sized)
    def _head(self, event: AuditList.Sized) -> None:
        words = head(widths(event.width), lambda column: self.say(f"audit.column_{column}"))
        self.query_one("#audit-head", Static).update(words)

    @on(AuditList.Read)
    def _to_detail(self) -> None:
        self.query_one(Detail).focus()

    @on(Input.Changed, "#audit-filter")
    @on(Select.Changed, "#audit-what")
    def _filtered(self) -> None:
        chosen = next((what for what in WHATS if what == self._select.value), "")
        wanted = Wanted(chosen, self.query_one("#audit-filter", Input).value.strip())
        if wanted != self._wanted:
            self._wanted, self._limit = wanted, PAGE
            self.action_reload()

    @on(Input.Submitted, "#audit-filter")
    def _to_rows(self) -> None:
        self.rows.focus()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one("#audit-filter").focus()

    def action_clear(self) -> None:
        """From the filter or the entry to the list; there, clear the filter."""
        if self.rows.has_focus and self._wanted != Wanted():
            self.query_one("#audit-filter", Input).value = ""
            self._select.clear()
        self.rows.focus()

    def action_next_what(self, step: int) -> None:
        """All settings, then each kind in turn."""
        words = ["", *WHATS]
        following = words[(words.index(self._wanted.what) + step) % len(words)]
        if following:
            self._select.value = following
        else:
            self._select.clear()

    def action_revert(self) -> None:
        """Find out what taking the entry back does, then ask."""
        line, words = self.rows.current, self._words
        if line is None:
            return

        def look() -> None:
            try:
                self.post_message(self.Foreseen(line, preview(self.store, line.id, operator())))
            except StoreError as error:
                self._refuse(error, line, words)

        self.run_worker(look, thread=True, exclusive=True, group="audit-revert", exit_on_error=False)

    def _refuse(self, error: StoreError, line: AuditLine, words: AuditWords) -> None:
        kind = line.card.what.partition(":")[0]
        told = refusal(error, kind, words, self.say) if isinstance(error, SettingsError) else str(error)
        self.post_message(self.Refused(told))

    @on(Foreseen)
    def _ask(self, event: Foreseen) -> None:
        line, outlook, words = event.line, event.outlook, self._words
        question = Question(
            question_text(outlook, line.what, words, self.say),
            yes=self.say("audit.revert_yes"),
            no=self.say("audit.revert_no"),
        )

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.run_worker(do, group="audit-revert", thread=True, exit_on_error=False)

        def do() -> None:
            try:
                done = revert(self.store, line.id, operator(), agreed=outlook)
            except StoreError as error:
                self._refuse(error, line, words)
                return
            self.notify(self.say("audit.reverted", number=done.entry_id), markup=False)
            self._load()

        self.app.push_screen(question, answered)
