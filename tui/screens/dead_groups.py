"""Letters that did not go, by cause: what it is, what to do, and all of a cause sent again at a pace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Label, Static

from dispatch.remedies import advice
from store.cards import FeedRow, MailConnection
from store.dead_groups import DeadGroup, ids_of, letters_of, list_groups
from store.errors import StoreError
from store.moves import MOST_PER_MINUTE, Deed, Move, running, spread, take_back
from store.sanitise import clean_line
from store.settings import connections_in
from tui.operator import operator
from tui.screens.list_modal import ListModal
from tui.spoken import SpokenModal, binding
from tui.widgets.column_list import ColumnList, head, shared
from tui.widgets.delivery_deeds import KEYS, DeliveryDeeds
from tui.widgets.delivery_list import DeliveryList
from tui.widgets.delivery_list import widths as delivery_widths
from tui.widgets.delivery_words import clock_time, reason_in_words
from tui.widgets.key_footer import KeyFooter
from tui.widgets.line_question import LineQuestion
from tui.widgets.mute_words import when
from tui.widgets.question import Question

PER_MINUTE = "60"
"""So many letters a minute are sent again, unless the operator says otherwise."""
COLUMNS = ("letters", "cause", "connection", "newest")
PAGE = 200


def remedy(group: DeadGroup, connections: Mapping[str, MailConnection], language: str) -> str:
    """What to do about it, as the check of a connection says it; empty where nobody knows."""
    card = connections.get(group.connection)
    params = {"server": card.server, "port": str(card.port or ""), "login": card.login} if card else {}
    words = clean_line(advice(group.reason, language, params))
    return "" if "?" in words else words  # it speaks of what only the check of a connection knows


class DeadGroupList(ColumnList[DeadGroup]):
    """Causes in columns."""

    BINDINGS: ClassVar[list[BindingType]] = [binding("enter", "open", "dead.open")]

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        sizes = shared(width, {"letters": 7, "newest": 11}, {"cause": 5, "connection": 2})
        return {name: sizes[name] for name in COLUMNS}

    def cells(self, row: DeadGroup) -> Mapping[str, str]:
        console = self.console
        return {
            "letters": str(row.letters),
            "cause": reason_in_words(row.reason, console.texts) or console.texts("dead.no_cause"),
            "connection": row.connection or "—",
            "newest": when(row.newest, console.clock(), console.zone),
        }


class DeadGroupsScreen(ListModal[DeadGroup]):
    """The causes, the largest first; what is being sent again stands beneath."""

    FOOTER = ("dead.open", "dead.retry", "dead.stop", "deeds.undo", "dead.leave")
    HEADING = "dead.title"
    NOTHING = "dead.none"
    DEFAULT_CSS = """
    DeadGroupsScreen > #dead-detail { height: 7; }
    DeadGroupsScreen > #dead-running { height: 1; padding: 0 1; color: $text-warning; text-wrap: nowrap; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("r", "retry", "dead.retry"),
        binding("s", "stop", "dead.stop"),
        binding("u", "undo", "deeds.undo"),
        binding("escape,q", "leave", "dead.leave", shown="esc"),
    ]

    @dataclass
    class Loaded(Message):
        """The groups were read, and what is being sent again."""

        groups: list[DeadGroup]
        moves: list[Move]
        connections: Mapping[str, MailConnection]

        def can_replace(self, message: Message) -> bool:
            """Only the last reading is of interest."""
            return isinstance(message, DeadGroupsScreen.Loaded)

    def __init__(self) -> None:
        super().__init__()
        self._moves: Sequence[Move] = ()
        self._connections: Mapping[str, MailConnection] = {}

    def compose(self) -> ComposeResult:
        yield from self.frame(
            Label(id="dead-title"), Static(id="dead-head"), DeadGroupList(id="dead-rows"), Static(id="dead-detail"),
            Static(id="dead-running"),
        )  # fmt: skip

    def load(self) -> None:
        with self.store.read() as connection:
            cards = {card.name: card for card in connections_in(connection)}
        self.post_message(self.Loaded(list_groups(self.store), running(self.store), cards))

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        self._moves, self._connections = event.moves, event.connections
        self.rows.replace_rows(event.groups)
        self.query_one("#dead-running", Static).update(Content(self._under_way()))
        self.refresh_bindings()

    def _under_way(self) -> str:
        if not self._moves:
            return ""
        one, console = self._moves[0], self.console
        until = when(one.until, console.clock(), console.zone)
        return self.say("dead.running", number=one.id, waiting=one.waiting, letters=one.letters, until=until)

    def column(self, name: str) -> str:
        return self.say(f"dead.{name}")

    def detail(self, row: DeadGroup) -> Content:
        console = self.console
        lines = [Content.styled(reason_in_words(row.reason, console.texts), "bold")]
        if todo := remedy(row, self._connections, self.say("language.code")):
            lines.append(Content(todo))
        span = self.say(
            "dead.span", oldest=clock_time(row.oldest, console.zone), newest=clock_time(row.newest, console.zone)
        )
        lines.append(Content.styled(span, "dim"))
        if row.answer:
            lines.append(Content(self.say("dead.answer", answer=row.answer)))
        return Content("\n").join(lines)

    @on(ColumnList.Read)
    def _open(self) -> None:
        """Show the letters of the cause."""
        if row := self.rows.current:
            self.app.push_screen(DeadLettersScreen(row))

    def action_retry(self) -> None:
        """Ask how fast, then send all of the cause again."""
        row = self.rows.current
        if row is None:
            return
        texts = self.console.texts

        def rate(text: str) -> int:
            return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_PER_MINUTE else 0

        def problem(text: str) -> str:
            return "" if rate(text) else self.say("problem.range", least=1, most=MOST_PER_MINUTE)

        def meaning(text: str) -> str:
            minutes = round(spread(row.letters, rate(text)).total_seconds() / 60)
            return self.say("dead.takes", minutes=minutes) if minutes else self.say("dead.takes_soon")

        def answered(text: str | None) -> None:
            if text is not None:
                self._again(row, rate(text))

        question = self.say("dead.ask_retry", letters=texts.count("deeds.letters", row.letters))
        ask = LineQuestion(
            question, yes=self.say("deeds.yes_retry"), value=PER_MINUTE, problem=problem, meaning=meaning
        )
        self.app.push_screen(ask, answered)

    def _again(self, row: DeadGroup, per_minute: int) -> None:
        self.deeds.move(Deed.RETRY, lambda: ids_of(self.store, row.reason, row.connection), per_minute)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to stop where nothing is being sent again."""
        del parameters
        return action != "stop" or bool(self._moves)

    def action_stop(self) -> None:
        """Ask, then stop what is being sent again: what is not sent yet is dead again."""
        if not self._moves:
            return
        one = self._moves[0]
        question = Question(
            self.say("dead.ask_stop", number=one.id, waiting=one.waiting), yes=self.say("dead.yes_stop"),
            no=self.say("deeds.no"),
        )  # fmt: skip

        def work() -> None:
            try:
                done = take_back(self.store, one.id, operator())
            except StoreError as error:
                self.notify(self.problem(error), severity="error")
            else:
                self.notify(self.say("dead.stopped", letters=done.letters))
                self.read()

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.run_worker(work, group="dead", thread=True, exit_on_error=False)

        self.app.push_screen(question, answered)


class DeadLettersScreen(SpokenModal[None]):
    """The letters of one cause; with them is done what is done with letters anywhere."""

    FOOTER = ("pane.open", "deliveries.retry", "deliveries.cancel", "deeds.acknowledge", "deeds.mute", "dead.leave")
    DEFAULT_CSS = """
    DeadLettersScreen { background: $background; }
    DeadLettersScreen > #dead-letters-title { height: 1; padding: 0 2; background: $primary; width: 100%; }
    DeadLettersScreen > #dead-letters-title { text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
    DeadLettersScreen > #dead-letters-head { height: 1; background: $panel; color: $text-muted; text-wrap: nowrap; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *KEYS,
        binding("r", "deed('retry')", "deliveries.retry"),
        binding("c", "deed('cancel')", "deliveries.cancel"),
        binding("escape,q", "leave", "dead.leave", shown="esc"),
    ]

    @dataclass
    class Loaded(Message):
        """Letters were read; `older` come after those there are."""

        rows: list[FeedRow]
        older: bool

    def __init__(self, group: DeadGroup) -> None:
        super().__init__()
        self._group = group

    def compose(self) -> ComposeResult:
        cause = reason_in_words(self._group.reason, self.console.texts) or self.say("dead.no_cause")
        yield Label(Content(f"{cause} · {clean_line(self._group.connection)}"), id="dead-letters-title")
        yield Static(id="dead-letters-head")
        yield DeliveryList(id="dead-letters")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._deeds = DeliveryDeeds(self, self._read)
        self._rows.nothing = self.say("dead.none")
        self._rows.focus()

    def on_screen_resume(self) -> None:
        self.run_worker(self._read, group="dead", thread=True, exclusive=True, exit_on_error=False)

    @property
    def _rows(self) -> DeliveryList:
        return self.query_one(DeliveryList)

    def _read(self, before_id: int | None = None) -> None:
        group = self._group
        limit = PAGE if before_id is not None else max(PAGE, len(self._rows.rows))
        try:
            rows = letters_of(self.store, group.reason, group.connection, before_id=before_id, limit=limit)
        except StoreError as error:
            self.notify(str(error), severity="error")
        else:
            self.post_message(self.Loaded(rows, older=before_id is not None))

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        if event.older:
            self._rows.append(event.rows)
        else:
            self._rows.show(event.rows)

    @on(DeliveryList.EndReached)
    def _older(self) -> None:
        last = self._rows.rows[-1].id
        self.run_worker(lambda: self._read(last), group="dead", thread=True, exclusive=True, exit_on_error=False)

    @on(DeliveryList.Sized)
    def _head(self, event: DeliveryList.Sized) -> None:
        words = head(delivery_widths(event.width), lambda column: self.say(f"deliveries.{column}"))
        self.query_one("#dead-letters-head", Static).update(words)

    def action_deed(self, deed: str) -> None:
        """Do something with what is marked, or with the row."""
        self._deeds.do(deed, self._rows.chosen)

    def action_leave(self) -> None:
        """Leave."""
        self.dismiss()
