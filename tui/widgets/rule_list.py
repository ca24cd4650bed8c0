"""The list of event actions or escalations: filter, sort, mark, switch on and off, undo."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.suggester import Suggester
from textual.widgets import DataTable, Input, Static

from store.rule_stats import Mark
from store.rule_views import SORTS, RuleView
from store.sanitise import clean_line
from tui.spoken import binding
from tui.widgets.feed_line import fitted
from tui.widgets.form import Say
from tui.widgets.rule_filter import FIELDS, SWITCHES, RuleFilter, completed, parse, words_of
from tui.widgets.rule_words import RuleLine

if TYPE_CHECKING:
    from tui.app import ConsoleApp

WIDE = 96
"""Cells from which on every column is shown."""
_COLUMNS = ("enabled", "title", "object", "when", "channel", "recipients", "last", "month")
_WIDE_WIDTHS = {"enabled": 6, "object": 13, "channel": 9, "last": 8, "month": 8}
"""Cells of columns whose words are ours, a blank after them included."""
SCROLL_BAR = 2
_LARGEST_FIRST = frozenset({"last", "month"})
"""Columns that are sorted downwards at first."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a list is laid out.

    Attributes:
        when: The text over what a rule waits for.
        hint: The text in the empty filter.
        narrow: The columns where there is little room, with their cells; 0 for a share. The line beneath has the rest.
        shares: How columns with words from outside share the room that is left.
    """

    when: str
    hint: str
    narrow: dict[str, int]
    shares: dict[str, int]


EVENTS = Layout(
    "rules.column_when", "rules.filter_hint", {"enabled": 6, "object": 13, "title": 0, "channel": 9},
    {"title": 44, "when": 30, "recipients": 26},
)  # fmt: skip
DEADLINES = Layout(
    "rules.column_threshold", "rules.filter_hint_deadlines",
    {"enabled": 6, "object": 9, "when": 0, "recipients": 0, "channel": 9},
    {"title": 34, "when": 40, "recipients": 26},
)  # fmt: skip
"""Of escalations the threshold says more than the title, which has it in more words."""


class RuleTable(DataTable[Text]):
    """The rows. Keys that act on rows belong to the list around it."""


class _Completion(Suggester):
    """Offers the rest of the last word of a filter; the key → takes it."""

    def __init__(self, rule_list: "RuleList") -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._list = rule_list

    async def get_suggestion(self, value: str) -> str | None:
        return self._list.completed(value)


class RuleList(Vertical):
    """Shows rules as rows; asks its screen to switch them by `SwitchRequested`."""

    DEFAULT_CSS = """
    RuleList { height: 1fr; }
    RuleList > #rule-filter { background: $boost; height: 1; margin: 0 1; }
    RuleList > RuleTable { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; background: transparent; }
    RuleList > #rule-detail { height: 3; padding: 0 1; background: $surface; text-wrap: nowrap; }
    RuleList > #rule-detail { text-overflow: ellipsis; }
    RuleList > #rule-status { height: 1; padding: 0 1; color: $text-muted; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("space", "switch", "rules.switch"),
        binding("x,insert", "mark", "rules.mark"),
        binding("ctrl+a", "mark_all", "rules.mark_all"),
        binding("s", "sort", "rules.sort"),
        binding("S", "reverse", "rules.reverse", show=False, shown="S"),
        binding("slash", "filter", "rules.filter", shown="/"),
        binding("u", "undo", "rules.undo"),
        binding("escape", "clear", "rules.clear", show=False),
    ]

    needle: reactive[str] = reactive("")
    order: reactive[str] = reactive("")

    @dataclass
    class SwitchRequested(Message):
        """Some rules are to be on or off."""

        rule_list: "RuleList"
        codes: tuple[str, ...]
        enabled: bool

        @property
        def control(self) -> "RuleList":
            """The list it came from."""
            return self.rule_list

    @dataclass
    class UndoRequested(Message):
        """The last switch is to be taken back."""

        rule_list: "RuleList"

        @property
        def control(self) -> "RuleList":
            """The list it came from."""
            return self.rule_list

    def __init__(self, say: Say, *, layout: Layout, id: str) -> None:
        super().__init__(id=id)
        self._layout = layout
        self.say = say
        self._lines: dict[str, RuleLine] = {}
        self._marked: set[str] = set()
        self._shown: list[str] = []
        self._descending = False
        self._columns: dict[str, tuple[str, int]] = {}
        self._painted: dict[str, tuple[RuleLine, bool]] = {}
        self._note = ""
        self._wanted = RuleFilter()

    def compose(self) -> ComposeResult:
        hint = self.say(self._layout.hint)
        yield Input(placeholder=hint, id="rule-filter", compact=True, suggester=_Completion(self))
        yield RuleTable(id="rule-table", cursor_type="row", zebra_stripes=False, cell_padding=0)
        yield Static(id="rule-detail")
        yield Static(id="rule-status")

    @property
    def table(self) -> RuleTable:
        """The rows."""
        return self.query_one(RuleTable)

    @property
    def view(self) -> RuleView:
        """What is filtered for, and the order; without a name."""
        return RuleView("", self.needle.strip(), self.order, self._descending)

    def use(self, view: RuleView) -> None:
        """Filter and sort as a view says."""
        self.needle = self.query_one("#rule-filter", Input).value = clean_line(view.filter)
        self._sort(view.sort if view.sort in SORTS else "", descending=view.descending)
        self.tell(self.say("views.used", name=view.name))
        self.table.focus()

    @property
    def marked(self) -> frozenset[str]:
        """Codes of the marked rows."""
        return frozenset(self._marked)

    def on_mount(self) -> None:
        self._sign_colour = cast("ConsoleApp", self.app).colour("warning")
        self.table.focus()

    def show(self, lines: Sequence[RuleLine], note: str | None = None) -> None:
        """Show these rules, in place of those before; cursor and marks stay. `note` is for the status line."""
        self._lines = {line.code: line for line in lines}
        self._marked &= self._lines.keys()
        if note is not None:
            self._note = note
        self._fill()

    def tell(self, note: str) -> None:
        """Say something in the status line."""
        self._note = note
        self._say_state()

    def on_resize(self) -> None:
        if self._lines:
            self.call_after_refresh(self._fill)

    def watch_needle(self) -> None:
        self._wanted = parse(self.needle)
        self._fill()

    @property
    def current(self) -> str | None:
        """The code of the row under the cursor."""
        return self._current()

    @property
    def chosen(self) -> tuple[str, ...]:
        """The codes of the marked rows, else of the one under the cursor."""
        code = self._current()
        return tuple(c for c in self._lines if c in self._marked) or ((code,) if code else ())

    def _current(self) -> str | None:
        row = self.table.cursor_row
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def _fill(self) -> None:
        """Show what there is to be shown now; rows that stay where they are, are only painted anew."""
        if not self.is_mounted:
            return
        wanted = self._wanted
        lines = [line for line in self._lines.values() if wanted.admits(line.shown, line.fields, line.traits)]
        if self.order:
            lines.sort(key=lambda line: line.order(self.order), reverse=self._descending)
        shown, columns = [line.code for line in lines], self._laid_out()
        if (shown, columns) == (self._shown, self._columns):
            for code in shown:
                self._repaint_row(code)
        else:
            self._fill_anew(lines, columns)
        self._say_state()

    def _fill_anew(self, lines: Sequence[RuleLine], columns: dict[str, tuple[str, int]]) -> None:
        table, current, top = self.table, self._current(), self.table.scroll_y
        table.clear(columns=True)
        for column, (heading, width) in columns.items():
            table.add_column(Text(heading), key=column, width=width)
        self._columns, self._shown = columns, [line.code for line in lines]
        self._painted = {line.code: (line, line.code in self._marked) for line in lines}
        for line in lines:
            table.add_row(*(self._cell(line, column) for column in columns), key=line.code)
        if current in self._shown:
            table.move_cursor(row=self._shown.index(current), animate=False)
            self.call_after_refresh(self._scroll_back, top)

    def _scroll_back(self, top: float) -> None:
        """To where it was, as far as the cursor is seen there."""
        self.table.scroll_to(y=top, animate=False, immediate=True)
        self.table.move_cursor(row=self.table.cursor_row, animate=False)

    def _laid_out(self) -> dict[str, tuple[str, int]]:
        """Choose the columns by the width, and share it out: headings and widths."""
        width = self.size.width or self.app.size.width
        wide = width >= WIDE
        columns = _COLUMNS if wide else tuple(self._layout.narrow)
        fixed = _WIDE_WIDTHS if wide else self._layout.narrow
        rest = max(width - SCROLL_BAR - sum(fixed.get(c, 0) for c in columns), 20)
        shares = {c: share for c, share in self._layout.shares.items() if c in columns}
        arrow = " ▼" if self._descending else " ▲"
        return {
            column: (
                self._heading(column) + (arrow if column == self.order else ""),
                fixed.get(column) or rest * shares[column] // sum(shares.values()),
            )
            for column in columns
        }

    def _heading(self, column: str) -> str:
        return self.say(self._layout.when if column == "when" else f"rules.column_{column}")

    def _cell(self, line: RuleLine, column: str) -> Text:
        if column == "enabled":
            mark = "▶" if line.code in self._marked else " "
            style = "bold" if line.enabled else "dim"
            switch = self.say("rules.on" if line.enabled else "rules.off")
            sign = (line.sign or " ", f"bold {self._sign_colour}")
            return Text.assemble((f"{switch:<3}", style), sign, (mark, style))
        text = str(getattr(line, column))
        if column == "channel":
            text = self.say("rules.short_email" if text == self.say("channel.email") else "rules.short_interface")
        style = ("bold " if line.code in self._marked else "") + ("" if line.enabled else "dim")
        return Text(fitted(text, self._columns[column][1] - 1), style=style.strip(), no_wrap=True)

    def completed(self, text: str) -> str | None:
        """The filter with its last word completed."""
        lines = self._lines.values()
        known = {
            "object": {line.object for line in lines},
            "event": {line.when for line in lines},
            "channel": {line.channel for line in lines},
            "to": {line.recipients for line in lines},
            "mark": {self.say(f"filter.mark_{mark.value}") for mark in Mark},
        }
        words = {field: set(words_of(" ".join(texts)).split()) for field, texts in known.items()}
        return completed(text, {one: self.say(f"filter.{one}") for one in (*FIELDS, *SWITCHES)}, words)

    def _say_state(self) -> None:
        on = sum(line.enabled for line in self._lines.values())
        parts = [self._note] if self._note else []
        if self._wanted.unknown:
            fields = ", ".join(self.say(f"filter.{one}") for one in FIELDS)
            parts = [self.say("filter.unknown", name=self._wanted.unknown[0], fields=fields)]
        if self._marked:
            parts.append(self.say("rules.marked", count=len(self._marked)))
        parts.append(self.say("rules.count", shown=len(self._shown), total=len(self._lines), on=on))
        self.query_one("#rule-status", Static).update(Text(" · ".join(parts), no_wrap=True, overflow="ellipsis"))
        self._say_detail()

    def _say_detail(self) -> None:
        code = self._current()
        line = self._lines.get(code) if code else None
        text = ""
        if line:
            title = " · ".join(filter(None, (line.title, line.again)))
            text = f"{title}\n{line.object} · {line.when} · {line.channel} → {line.recipients}\n{line.did}"
        detail = self.query_one("#rule-detail", Static)
        detail.update(Content(text or self.say("rules.none")))

    @on(DataTable.RowHighlighted)
    def _moved(self) -> None:
        self._say_detail()

    @on(Input.Changed, "#rule-filter")
    def _typed(self, event: Input.Changed) -> None:
        if event.value != self.needle:
            self._note = ""  # it spoke of what was filtered for before
            self.needle = event.value

    @on(Input.Submitted, "#rule-filter")
    def _to_rows(self) -> None:
        self.table.focus()

    @on(DataTable.HeaderSelected)
    def _sort_by(self, event: DataTable.HeaderSelected) -> None:
        column = str(event.column_key.value)
        if column == self.order:
            self.action_reverse()
        else:
            self._sort(column)

    def action_sort(self) -> None:
        """Sort by the next column; after the last one, in the order the rules were made."""
        self._sort(SORTS[(SORTS.index(self.order) + 1) % len(SORTS)])

    def action_reverse(self) -> None:
        """Reverse the order, if there is one."""
        if self.order:
            self._sort(self.order, descending=not self._descending)

    def _sort(self, column: str, *, descending: bool | None = None) -> None:
        self.order = column
        self._descending = column in _LARGEST_FIRST if descending is None else descending
        self._note = self.say("rules.sorted", column=self._heading(column)) if column else ""
        self._fill()

    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one("#rule-filter").focus()

    def action_clear(self) -> None:
        """Clear the filter, then the marks, and go to the rows."""
        if self.needle:
            self.query_one("#rule-filter", Input).value = ""
        elif self._marked:
            self._marked.clear()
            self._fill()
        self.table.focus()

    def action_mark(self) -> None:
        """Mark the row, or take its mark away, and go down."""
        code = self._current()
        if code is None:
            return
        self._marked ^= {code}
        self._repaint_row(code)
        self.table.action_cursor_down()
        self._say_state()

    def action_mark_all(self) -> None:
        """Mark all rows shown; when all are marked, none."""
        shown = set(self._shown)
        self._marked = self._marked - shown if shown <= self._marked else self._marked | shown
        self._fill()

    def _repaint_row(self, code: str) -> None:
        line = self._lines[code]
        if self._painted[code] != (painted := (line, code in self._marked)):
            self._painted[code] = painted
            for column in self._columns:
                self.table.update_cell(code, column, self._cell(line, column))

    def action_switch(self) -> None:
        """Switch the marked rows, else the one under the cursor. Of several, all follow the first."""
        codes = self.chosen
        if codes:
            self.post_message(self.SwitchRequested(self, codes, not self._lines[codes[0]].enabled))

    def action_undo(self) -> None:
        """Take the last switch back."""
        self.post_message(self.UndoRequested(self))
