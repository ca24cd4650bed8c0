"""What is muted: until when, by whom and why, and how many notifications it has kept back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Label, Static

from store.cards import Mute
from store.errors import StoreError
from store.mutes import begin_again, end, list_mutes, prolong
from store.rulebook import list_rules
from store.rules import Rule
from store.sanitise import clean_line
from tui.deed_queue import Undoable
from tui.moments import span
from tui.operator import operator
from tui.screens.list_modal import ListModal
from tui.spoken import binding
from tui.widgets.column_list import ColumnList, shared
from tui.widgets.line_question import LineQuestion
from tui.widgets.mute_words import USUAL, muted_what, when

COLUMNS = ("until", "what", "left_out", "who", "reason")


class MuteList(ColumnList[Mute]):
    """Mutes in columns; those that are over are pale."""

    BINDINGS: ClassVar[list[BindingType]] = [binding("enter,e", "open", "mutes.prolong", shown="e")]
    rules: Mapping[str, Rule] = {}

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        sizes = shared(width, {"until": 11, "left_out": 7}, {"what": 5, "who": 2, "reason": 4})
        return {name: sizes[name] for name in COLUMNS}

    def cells(self, row: Mute) -> Mapping[str, str]:
        console = self.console
        until = when(row.over_at, console.clock(), console.zone)
        what = muted_what(row.kind, row.key, self.rules, console.texts)
        return {"until": until, "what": what, "left_out": str(row.left_out), "who": row.who, "reason": row.reason}

    def dimmed(self, row: Mute) -> bool:
        return not row.in_force(self.console.clock())


class MutesScreen(ListModal[Mute]):
    """The mutes there are; what is done with them is taken back like any deed."""

    FOOTER = ("mutes.end", "mutes.prolong", "mutes.undo", "mutes.over", "mutes.leave")
    HEADING = "mutes.title"
    NOTHING = "mutes.none"
    DEFAULT_CSS = "MutesScreen > #mutes-detail { height: 4; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("d,delete", "end", "mutes.end"),
        binding("u", "undo", "mutes.undo"),
        binding("v", "over", "mutes.over"),
        binding("escape,q", "leave", "mutes.leave", shown="esc"),
    ]

    @dataclass
    class Loaded(Message):
        """The mutes were read."""

        mutes: list[Mute]
        rules: Mapping[str, Rule]

        def can_replace(self, message: Message) -> bool:
            """Only the last reading is of interest."""
            return isinstance(message, MutesScreen.Loaded)

    def __init__(self) -> None:
        super().__init__()
        self._over = False

    def compose(self) -> ComposeResult:
        self._mutes = MuteList(id="mutes-rows")
        yield from self.frame(Label(id="mutes-title"), Static(id="mutes-head"), self._mutes, Static(id="mutes-detail"))

    def load(self) -> None:
        found = list_mutes(self.store, over=self._over)
        rules = {rule.code: rule for rule in list_rules(self.store)}
        self.post_message(self.Loaded(found, rules))

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        rows = self._mutes
        rows.rules = event.rules
        rows.replace_rows(event.mutes)

    def column(self, name: str) -> str:
        return self.say(f"mutes.{name}")

    def detail(self, row: Mute) -> Content:
        console = self.console
        now, zone = console.clock(), console.zone
        what = muted_what(row.kind, row.key, self._mutes.rules, console.texts)
        since = self.say(
            "mutes.since", since=when(row.since, now, zone), until=when(row.over_at, now, zone), who=row.who
        )
        ended = f" · {self.say('mutes.ended', who=row.ended_by)}" if row.ended_by else ""
        return Content("\n").join(
            [
                Content.styled(f"№ {row.id} · {what}", "bold"),
                Content(since + ended),
                Content(clean_line(row.reason)),
                Content.styled(self.say("mutes.kept_back", count=row.left_out), "dim"),
            ]
        )

    def action_end(self) -> None:
        """Tell again of what is muted in the row."""
        if row := self._mutes.current:
            store, who, what = self.store, operator(), self.say("mutes.back_ended", number=row.id)
            self._do(lambda: end(store, row.id, who), what, lambda: begin_again(store, row.id, who))

    @on(ColumnList.Read)
    def _prolong(self) -> None:
        """Ask for another end."""
        row, store = self._mutes.current, self.store
        if row is None:
            return

        def problem(text: str) -> str:
            return "" if span(text) else self.say("problem.span", value=text)

        def meaning(text: str) -> str:
            length = span(text)
            now, zone = self.console.clock(), self.console.zone
            return self.say("mutes.then", until=when(now + length, now, zone)) if length else ""

        def answered(text: str | None) -> None:
            if text is not None and (length := span(text)):
                until = store.clock() + length
                who, what = operator(), self.say("mutes.back_prolonged", number=row.id)
                self._do(
                    lambda: prolong(store, row.id, until, who), what, lambda: prolong(store, row.id, row.until, who)
                )

        question = self.say("mutes.ask_prolong", number=row.id)
        ask = LineQuestion(question, yes=self.say("mutes.yes_prolong"), value=USUAL, problem=problem, meaning=meaning)
        self.app.push_screen(ask, answered)

    def action_over(self) -> None:
        """Show also what is over, or not."""
        self._over = not self._over
        self.read_soon()

    def _do(self, deed: Callable[[], Mute], what: str, back: Callable[[], Mute]) -> None:
        def work() -> None:
            try:
                one = deed()
            except StoreError as error:
                self.notify(self.problem(error), severity="error")
                return
            self.console.deeds.keep(Undoable(what, 1, lambda _: 1 if back() else 0))
            now, zone = self.console.clock(), self.console.zone
            key = "mutes.said_until" if one.in_force(now) else "mutes.said_over"
            said = self.say(key, number=one.id, until=when(one.over_at, now, zone))
            self.notify(f"{said} · {self.say('deeds.undo_hint')}")
            self.read()

        self.console.deeds.start(work)
