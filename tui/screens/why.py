"""Why: what was decided about an object, an event, a delivery or a person, what became of it, and what never was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Static

from store.cards import EventCard
from store.directory import people
from store.errors import StoreError
from store.journal import story
from store.rulebook import list_rules
from store.rules import Rule
from store.sanitise import clean_line
from tui.spoken import SpokenModal, binding
from tui.widgets.column_list import ColumnList
from tui.widgets.delivery_words import (
    clock_time,
    decision_in_words,
    event_in_words,
    names_by_address,
    rule_title,
    state_in_words,
)
from tui.widgets.key_footer import KeyFooter
from tui.widgets.row_list import RowList
from tui.widgets.why_list import WhyList, WhyRow, why_rows

LIMIT = 50
"""Events shown of one object or person, the newest."""


class WhyScreen(SpokenModal[None]):
    """One asks by a key; the answer is a list, and under it the row in full."""

    FOOTER = ("why.open", "why.ask", "why.again", "why.leave")
    DEFAULT_CSS = """
    WhyScreen { background: $background; }
    WhyScreen > #why-title { height: 1; padding: 0 2; background: $primary; width: 100%; text-style: bold; }
    WhyScreen > #why-key { height: 1; margin: 1 1 0 1; background: $boost; }
    WhyScreen > #why-state { height: 1; padding: 0 1; color: $text-muted; }
    WhyScreen > #why-detail { height: 5; padding: 0 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("slash", "ask", "why.ask", shown="/"),
        binding("f5", "again", "why.again"),
        binding("t", "timeline", "app.timeline", show=False),
        binding("escape", "leave", "why.leave"),
    ]

    @dataclass
    class Far(Message):
        """So many events were looked through."""

        seen: int

        def can_replace(self, message: Message) -> bool:
            """Only the last word counts."""
            return isinstance(message, WhyScreen.Far)

    @dataclass
    class Found(Message):
        """What is known by a key."""

        key: str
        events: Sequence[EventCard]
        rules: Mapping[str, Rule]
        names: Mapping[str, str]

    @dataclass
    class Refused(Message):
        """The store could not be asked."""

        problem: str

    def __init__(self, key: str = "") -> None:
        super().__init__()
        self._key = clean_line(key).strip()
        self._rules: Mapping[str, Rule] = {}
        self._names: Mapping[str, str] = {}

    def compose(self) -> ComposeResult:
        yield Label(Content(self.say("why.title")), id="why-title")
        yield Input(self._key, placeholder=self.say("why.hint"), id="why-key", compact=True)
        yield Static(id="why-state")
        yield WhyList(id="why-rows")
        yield Static(id="why-detail")
        yield KeyFooter()

    def on_mount(self) -> None:
        if self._key:
            self.query_one(WhyList).focus()
            self._look()
        else:
            self.query_one("#why-key").focus()

    def action_ask(self) -> None:
        """Ask of something else."""
        self.query_one("#why-key").focus()

    def action_again(self) -> None:
        """Look once more."""
        self._look()

    def action_timeline(self) -> None:
        """Show the deadlines of the row's object in time."""
        from tui.screens.timeline import TimelineScreen

        row = self.query_one(WhyList).current
        if row is not None:
            self.app.push_screen(TimelineScreen(row.event.object_type, row.event.object_id))

    def action_leave(self) -> None:
        """From the field to the rows, where there are some; from there, leave."""
        rows = self.query_one(WhyList)
        if rows.rows and not rows.has_focus:
            rows.focus()
        else:
            self.dismiss()

    @on(Input.Submitted, "#why-key")
    def _asked(self, event: Input.Submitted) -> None:
        if key := event.value.strip():
            self._key = key
            self._look()

    def _look(self) -> None:
        key = self._key
        if not key:
            return
        self._tell("why.looking")

        def read() -> None:
            try:
                events = story(self.store, key, LIMIT, lambda seen: self.post_message(self.Far(seen)))
                names = names_by_address(people(self.store))
                rules = {rule.code: rule for rule in list_rules(self.store)}
                self.post_message(self.Found(key, events, rules, names))
            except StoreError as error:
                self.post_message(self.Refused(str(error)))

        self.run_worker(read, thread=True, exclusive=True, group="why", exit_on_error=False)

    def _tell(self, text: str, **params: object) -> None:
        self.query_one("#why-state", Static).update(Content(self.say(text, **params)))

    @on(Far)
    def _say_how_far(self, event: Far) -> None:
        self._tell("why.far", count=event.seen)

    @on(Found)
    def _show(self, event: Found) -> None:
        if event.key != self._key:
            return
        self._rules, self._names = event.rules, event.names
        rows = self.query_one(WhyList)
        rows.show(why_rows(event.events), event.rules, event.names)
        count = len(event.events)
        if count:
            self._tell("why.found_most" if count == LIMIT else "why.found", count=count, asked=event.key)
            rows.focus()
        else:
            self._tell("why.nothing", asked=event.key)
            self.query_one("#why-key").focus()

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self._tell("why.hint")
        self.notify(event.problem, severity="error", markup=False)

    @on(ColumnList.Moved)
    def _say_row(self) -> None:
        row = self.query_one(WhyList).current
        self.query_one("#why-detail", Static).update(Content("\n").join(self._detail(row)) if row else Content(""))

    def _detail(self, row: WhyRow) -> list[Content]:
        texts, zone = self.console.texts, self.console.zone
        if row.decision is None:
            told = sum(1 for one in row.event.decisions if one.recipient and one.taken)
            dropped = sum(1 for one in row.event.decisions if one.recipient and not one.taken)
            planned = row.event.planned_at is not None
            return [
                Content.styled(event_in_words(row.event, texts), "bold"),
                Content(self.say("why.event", source=row.event.source, id=row.event.external_id)),
                Content(self.say("why.told", told=told, dropped=dropped) if planned else self.say("why.unplanned")),
            ]
        code = row.decision.rule_code
        lines = [Content(decision_in_words(row.decision, self._rules, self._names, texts))]
        if code:
            title = rule_title(code, self._rules, texts)
            lines.insert(0, Content.assemble((title, "bold"), (f" · {clean_line(code)}", "dim")))
        if row.delivery is not None:
            lines.append(Content(f"D{row.delivery.row.id} · {state_in_words(row.delivery, texts)}"))
            if row.delivery.attempts:
                last = row.delivery.attempts[-1]
                said = f"{clock_time(last.at, zone)} · {clean_line(last.connection)}: {clean_line(last.answer)}"
                lines.append(Content.styled(said, "dim"))
        return lines

    @on(ColumnList.Read)
    def _open(self) -> None:
        """Open the delivery of the row."""
        row = self.query_one(WhyList).current
        if row is not None and row.delivery is not None:
            self.post_message(RowList.Opened(row.delivery.row.id))
