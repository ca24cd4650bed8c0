"""Deadlines: all that are open, those that passed on top, with the time left; acknowledged by one key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Select, Static

from store import deadline_list
from store.deadline_list import MOST, PAGE, Counts, DeadlineLine, Page, Place, Span, Told
from store.deadlines import acknowledge, withdraw
from store.errors import StoreError
from store.types import to_micros
from tui.operator import operator
from tui.screens.base import SectionScreen
from tui.spoken import binding
from tui.widgets.column_list import head
from tui.widgets.deadline_list import DeadlineList, widths
from tui.widgets.deadline_words import detail_text, finder
from tui.widgets.detail import Detail

REREAD_S = 15
"""Time alone moves deadlines from one count to another: they are read again though nothing was committed."""
SPANS = (Span.PASSED, Span.HOUR, Span.TODAY, Span.PAUSED)
"""What the list can be narrowed to."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deadlines are to be shown."""

    span: Span = Span.ALL
    text: str = ""


class DeadlinesScreen(SectionScreen):
    """The first deadlines that match the filter; more are read when the cursor gets to the end."""

    SECTION = "deadlines"
    FOOTER = ("due.acknowledge", "due.filter", "due.span", "due.open", "app.timeline", "app.forecast")
    DEFAULT_CSS = """
    DeadlinesScreen #due-filters { height: 1; margin: 0 1; }
    DeadlinesScreen #due-filter { width: 1fr; height: 1; background: $boost; margin-right: 1; }
    DeadlinesScreen #due-span { width: 20; height: 1; }
    DeadlinesScreen #due-head { height: 1; background: $panel; color: $text-muted; text-wrap: nowrap; }
    DeadlinesScreen #due-count { height: 1; padding: 0 1; background: $surface; color: $text-muted; }
    DeadlinesScreen #due-detail { height: 7; }
    DeadlinesScreen.-wide #due-detail { height: 13; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("a", "acknowledge", "due.acknowledge"),
        binding("u", "withdraw", "due.withdraw"),
        binding("slash", "filter", "due.filter", shown="/"),
        binding("s", "next_span(1)", "due.span"),
        binding("S", "next_span(-1)", "due.span_back", show=False, shown="S"),
        binding("f", "app.forecast", "app.forecast"),
        binding("f5", "reload", "due.reload"),
        binding("escape", "clear", "due.leave", show=False),
    ]

    @dataclass
    class Loaded(Message):
        """The deadlines were read, for what was wanted then."""

        wanted: Wanted
        page: Page
        counts: Counts

        def can_replace(self, message: Message) -> bool:
            """Only the last reading is of interest."""
            return isinstance(message, DeadlinesScreen.Loaded)

    @dataclass
    class MoreLoaded(Message):
        """The page after the last row was read."""

        wanted: Wanted
        page: Page

    @dataclass
    class ToldRead(Message):
        """What was told of a deadline was read."""

        line: DeadlineLine
        told: Sequence[Told]

        def can_replace(self, message: Message) -> bool:
            """Only the last reading is of interest."""
            return isinstance(message, DeadlinesScreen.ToldRead)

    @dataclass
    class Refused(Message):
        """The store did not do as asked."""

        problem: str

    def compose_content(self) -> ComposeResult:
        spans = [(self.say(f"due.span_{span}"), span.value) for span in SPANS]
        with Horizontal(id="due-filters"):
            yield Input(placeholder=self.say("due.filter"), id="due-filter", compact=True)
            yield Select(spans, prompt=self.say("due.span_all"), id="due-span", compact=True)
        yield Static(id="due-counts", classes="headline")
        yield Static(id="due-head")
        yield DeadlineList(id="due-table")
        yield Detail(id="due-detail")
        yield Static(id="due-count")

    def on_mount(self) -> None:
        self._wanted = Wanted()
        self._following: Place | None = None
        self._told: tuple[int, Sequence[Told]] = (0, ())
        self._shown = 0
        self._limit = PAGE
        self.list.focus()
        self.set_interval(1, self._count_down)
        self.set_interval(REREAD_S, self._reread)
        self.follow_store(self._load)

    def on_screen_resume(self) -> None:
        self.action_reload()

    @property
    def list(self) -> DeadlineList:
        """The rows."""
        return self.query_one(DeadlineList)

    @property
    def _select(self) -> "Select[str]":
        return cast("Select[str]", self.query_one("#due-span", Select))

    @property
    def why_key(self) -> str:
        """The object of the row."""
        row = self.list.current
        return row.number if row else ""

    def _count_down(self) -> None:
        if self.is_current:
            self.list.count_down()
            self._show_detail()

    def _reread(self) -> None:
        if self.is_current:
            self.action_reload()

    def action_reload(self) -> None:
        """Read the list in a thread."""
        self.run_worker(self._load, thread=True, exclusive=True, group="due", exit_on_error=False)

    def _load(self) -> None:
        wanted = self._wanted
        try:
            page = self._read(wanted, self._limit)
            counts = deadline_list.counts(self.store, self.console.zone)
        except StoreError as error:
            self.post_message(self.Refused(str(error)))
        else:
            self.post_message(self.Loaded(wanted, page, counts))

    def _read(self, wanted: Wanted, limit: int, after: Place | None = None) -> Page:
        """A page, and as long as nothing is found of a search the next one."""
        admits = finder(wanted.text, operator())
        while True:
            zone = self.console.zone
            page = deadline_list.page(self.store, zone, wanted.span, after=after, limit=limit, admits=admits)
            after = page.following
            if page.lines or after is None or wanted != self._wanted or self._gone.is_set():
                return page

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        self.query_one("#due-counts", Static).update(self._counts(event.counts))
        if event.wanted != self._wanted:
            return
        self._following = event.page.following
        self.list.nothing = self.say("due.none" if self._wanted == Wanted() else "due.none_found")
        self.list.show(event.page.lines)

    def _counts(self, counts: Counts) -> Content:
        parts: list[tuple[str, str]] = []
        for span in SPANS:
            number: int = getattr(counts, span.value)
            shown = f"{MOST}+" if number > MOST else str(number)
            alarming = span is Span.PASSED and number > 0
            parts.append((self.say(f"due.count_{span}", count=shown), "bold $text-error" if alarming else ""))
            parts.append((" · ", "dim"))
        return Content.assemble(*parts[:-1])

    @on(DeadlineList.EndReached)
    def _more(self) -> None:
        wanted, after = self._wanted, self._following
        if after is None:
            return

        def read() -> None:
            try:
                page = self._read(wanted, PAGE, after)
            except StoreError as error:
                self.post_message(self.Refused(str(error)))
            else:
                self.post_message(self.MoreLoaded(wanted, page))

        self.run_worker(read, thread=True, exclusive=True, group="due", exit_on_error=False)

    @on(MoreLoaded)
    def _append(self, event: MoreLoaded) -> None:
        if event.wanted == self._wanted:
            self._following = event.page.following
            self.list.append(event.page.lines)
            self._limit = max(PAGE, len(self.list.rows))

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self.notify(event.problem, severity="error", markup=False)

    @on(DeadlineList.Moved)
    def _say_where(self) -> None:
        row, marked = self.list.current, self.list.marked
        self._show_detail()
        parts = [self.say("due.count" if self._following is None else "due.count_more", count=len(self.list.rows))]
        if marked:
            parts.insert(0, self.say("rules.marked", count=len(marked)))
        self.query_one("#due-count", Static).update(Content(" · ".join(parts)))
        if row is not None:
            self.run_worker(
                lambda: self._read_told(row), thread=True, exclusive=True, group="due-told", exit_on_error=False
            )

    def _read_told(self, line: DeadlineLine) -> None:
        try:
            self.post_message(self.ToldRead(line, deadline_list.told(self.store, line.deadline)))
        except StoreError as error:
            self.post_message(self.Refused(str(error)))

    @on(ToldRead)
    def _tell(self, event: ToldRead) -> None:
        self._told = (event.line.id, event.told)
        self._show_detail()

    def _show_detail(self) -> None:
        """The deadline under the cursor; what was told of it is shown once it has been read."""
        row = self.list.current
        if row is None:
            self.query_one(Detail).show(Content(""))
            return
        key, told = self._told
        now, console = to_micros(self.console.clock()), self.console
        content = detail_text(row, told if key == row.id else (), now, console.texts, console.zone)
        self.query_one(Detail).show(content, stay=row.id == self._shown)
        self._shown = row.id

    @on(DeadlineList.Sized)
    def _head(self, event: DeadlineList.Sized) -> None:
        words = head(widths(event.width), lambda column: self.say(f"due.column_{column}"))
        self.query_one("#due-head", Static).update(words)

    @on(DeadlineList.Read)
    def _to_detail(self) -> None:
        self.query_one(Detail).focus()

    @on(Input.Changed, "#due-filter")
    @on(Select.Changed, "#due-span")
    def _filtered(self) -> None:
        span = next((one for one in SPANS if one.value == self._select.value), Span.ALL)
        wanted = Wanted(span, self.query_one("#due-filter", Input).value.strip())
        if wanted != self._wanted:
            self._wanted, self._limit = wanted, PAGE
            self.action_reload()

    @on(Input.Submitted, "#due-filter")
    def _to_rows(self) -> None:
        self.list.focus()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one("#due-filter").focus()

    def action_clear(self) -> None:
        """From the filter or the detail to the list; there, clear the filter, then the marks."""
        if self.list.has_focus:
            if self._wanted != Wanted():
                self.query_one("#due-filter", Input).value = ""
                self._select.clear()
            else:
                self.list.unmark()
        self.list.focus()

    def action_next_span(self, step: int) -> None:
        """All, then each span in turn."""
        spans = [Span.ALL, *SPANS]
        following = spans[(spans.index(self._wanted.span) + step) % len(spans)]
        if following is Span.ALL:
            self._select.clear()
        else:
            self._select.value = following.value

    def action_acknowledge(self) -> None:
        """Say that somebody looks after it; when all that is chosen is so already, take that back."""
        chosen = self._chosen()
        new = [line for line in chosen if line.deadline.acknowledged_at is None]
        self._note(new or chosen, back=not new)

    def action_withdraw(self) -> None:
        """Take acknowledgements back."""
        self._note(self._chosen(), back=True)

    def _chosen(self) -> Sequence[DeadlineLine]:
        chosen = set(self.list.chosen)
        return [line for line in self.list.rows if line.id in chosen]

    def _note(self, lines: Sequence[DeadlineLine], *, back: bool) -> None:
        if not lines:
            return
        self.list.unmark()
        names = [line.named for line in lines]

        def work() -> None:
            try:
                done = withdraw(self.store, names) if back else acknowledge(self.store, names, operator())
            except StoreError as error:
                self.post_message(self.Refused(str(error)))
                return
            what = "withdrawn" if back else "acknowledged"
            note = self.say(f"due.{what}", count=done) if done else self.say(f"due.not_{what}")
            self.notify(note, markup=False)
            self._load()

        self.run_worker(work, group="due", thread=True, exit_on_error=False)
