"""What is muted: until when, by whom and why, and how many notifications it has kept back."""

import threading
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
from tui.spoken import SpokenModal, binding
from tui.store_follower import follow
from tui.widgets.column_list import ColumnList, shared
from tui.widgets.delivery_deeds import DeliveryDeeds
from tui.widgets.feed_line import fitted
from tui.widgets.key_footer import KeyFooter
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


class MutesScreen(SpokenModal[None]):
    """The mutes there are; what is done with them is taken back like any deed."""

    FOOTER = ("mutes.end", "mutes.prolong", "mutes.undo", "mutes.over", "mutes.leave")
    DEFAULT_CSS = """
    MutesScreen { background: $background; }
    MutesScreen > #mutes-title { height: 1; padding: 0 2; background: $primary; width: 100%; text-style: bold; }
    MutesScreen > #mutes-head { height: 1; background: $panel; color: $text-muted; text-wrap: nowrap; }
    MutesScreen > #mutes-detail { height: 4; padding: 0 1; background: $surface; }
    """
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
        self._gone = threading.Event()
        self._over = False

    def compose(self) -> ComposeResult:
        yield Label(Content(self.say("mutes.title")), id="mutes-title")
        yield Static(id="mutes-head")
        yield MuteList(id="mutes-rows")
        yield Static(id="mutes-detail")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._deeds = DeliveryDeeds(self, self._read)
        rows = self.query_one(MuteList)
        rows.nothing = self.say("mutes.none")
        rows.focus()
        self._read_soon()
        watch = lambda: follow(self.store, self._gone, lambda: self.is_current, self._read)  # noqa: E731
        self.run_worker(watch, group="watch", thread=True, exit_on_error=False)

    def on_unmount(self) -> None:
        """Nothing is followed any longer."""
        self._gone.set()

    def _read_soon(self) -> None:
        self.run_worker(self._read, group="mutes", thread=True, exclusive=True, exit_on_error=False)

    def _read(self) -> None:
        try:
            found = list_mutes(self.store, over=self._over)
            rules = {rule.code: rule for rule in list_rules(self.store)}
        except StoreError as error:
            self.notify(str(error), severity="error")
        else:
            self.post_message(self.Loaded(found, rules))

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        rows = self.query_one(MuteList)
        rows.rules = event.rules
        rows.replace_rows(event.mutes)

    @on(ColumnList.Sized)
    def _head(self, event: ColumnList.Sized) -> None:
        sizes = MuteList.widths(event.width)
        words = " ".join(fitted(self.say(f"mutes.{column}"), sizes[column]) for column in COLUMNS)
        self.query_one("#mutes-head", Static).update(Content(words.rstrip()))

    @on(ColumnList.Moved)
    def _say_row(self) -> None:
        row = self.query_one(MuteList).current
        self.query_one("#mutes-detail", Static).update(self._detail(row) if row else Content(""))

    def _detail(self, row: Mute) -> Content:
        console = self.console
        now, zone = console.clock(), console.zone
        what = muted_what(row.kind, row.key, self.query_one(MuteList).rules, console.texts)
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
        if row := self.query_one(MuteList).current:
            store, who, what = self.store, operator(), self.say("mutes.back_ended", number=row.id)
            self._do(lambda: end(store, row.id, who), what, lambda: begin_again(store, row.id, who))

    @on(ColumnList.Read)
    def _prolong(self) -> None:
        """Ask for another end."""
        row, store = self.query_one(MuteList).current, self.store
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

    def action_undo(self) -> None:
        """Take the last deed back."""
        self._deeds.do("undo", ())

    def action_over(self) -> None:
        """Show also what is over, or not."""
        self._over = not self._over
        self._read_soon()

    def action_leave(self) -> None:
        """Leave."""
        self.dismiss()

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
            self._read()

        self.console.deeds.start(work)
