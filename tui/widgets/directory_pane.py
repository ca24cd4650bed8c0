"""A tab of the directory: a filter, the head of the columns, the rows, the row in words, and how many there are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from store.errors import StoreError
from store.people_search import PAGE, Found, TeamLine, Wanted, count, find_teams, page
from store.sanitise import clean_line
from store.unregistered import unregistered
from tui.widgets.column_list import ColumnList
from tui.widgets.directory_lists import PeopleList, Stranger, StrangerList, TeamList
from tui.widgets.feed_line import fitted

if TYPE_CHECKING:
    from tui.app import ConsoleApp


class DirectoryPane(Vertical):
    """One list. `PLACE` is the beginning of the ids: `#people-filter`, `#people-table`."""

    PLACE: ClassVar[str]
    DEFAULT_CSS = """
    DirectoryPane { height: 1fr; }
    DirectoryPane Input { height: 1; background: $boost; margin: 0 1; }
    DirectoryPane .list-head { height: 1; background: $panel; color: $text-muted; text-wrap: nowrap; }
    DirectoryPane .list-detail { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    DirectoryPane .list-count { height: 1; padding: 0 1; background: $surface; color: $text-muted; }
    """

    @dataclass
    class Opened(Message):
        """A row is to be opened."""

    @dataclass
    class Loaded(Message):
        """A page was read, for what was wanted then; `more` adds it to the rows there are."""

        wanted: Wanted
        rows: list[Any]
        total: int
        more: bool

        def can_replace(self, message: Message) -> bool:
            """Only the last whole reading is of interest."""
            return isinstance(message, DirectoryPane.Loaded) and not message.more and not self.more

    def __init__(self) -> None:
        super().__init__(id=f"{self.PLACE}-pane")
        self.wanted = Wanted()
        self._total = 0

    def make_list(self) -> ColumnList[Any]:
        """The rows' widget."""
        raise NotImplementedError

    def read(self, wanted: Wanted) -> tuple[list[Any], int]:
        """The first rows, and how many there are. Runs in a thread."""
        raise NotImplementedError

    def read_more(self, wanted: Wanted, last: Any) -> list[Any]:
        """The rows after one. Runs in a thread."""
        del wanted, last
        return []

    def in_words(self, row: Any) -> str:
        """A row whole, on one line."""
        raise NotImplementedError

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    @property
    def list(self) -> ColumnList[Any]:
        """The rows."""
        return cast("ColumnList[Any]", self.query_one(ColumnList))

    def say(self, key: str, **params: object) -> str:
        """A text in the console's language."""
        return self.console.texts(key, **params)

    def compose(self) -> ComposeResult:
        yield Input(placeholder=self.say(f"people.filter_{self.PLACE}"), id=f"{self.PLACE}-filter", compact=True)
        yield Static(id=f"{self.PLACE}-head", classes="list-head")
        yield self.make_list()
        yield Static(id=f"{self.PLACE}-detail", classes="list-detail")
        yield Static(id=f"{self.PLACE}-count", classes="list-count")

    def reload(self) -> None:
        """Read the rows, in a thread."""
        self.run_worker(self._load, group=f"directory-{self.PLACE}", exclusive=True, thread=True, exit_on_error=False)

    def _load(self) -> None:
        wanted = self.wanted
        try:
            rows, total = self.read(wanted)
        except StoreError as error:
            self.console.call_later_from_thread(self.complain, str(error))
        else:
            self.post_message(self.Loaded(wanted, rows, total, more=False))

    def complain(self, problem: str) -> None:
        """The store did not do as asked."""
        self.app.notify(problem, severity="error", markup=False)

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        event.stop()
        if event.wanted != self.wanted:
            return
        self.list.nothing = self.say("people.none_found" if self.wanted != Wanted() else f"people.none_{self.PLACE}")
        if event.more:
            known = {row.id for row in self.list.rows}
            self.list.replace_rows([*self.list.rows, *(row for row in event.rows if row.id not in known)])
        else:
            self._total = event.total
            self.list.replace_rows(event.rows)

    @on(ColumnList.EndReached)
    def _read_on(self) -> None:
        if len(self.list.rows) >= self._total:
            return
        wanted, last = self.wanted, self.list.rows[-1]

        def work() -> None:
            try:
                rows = self.read_more(wanted, last)
            except StoreError as error:
                self.console.call_later_from_thread(self.complain, str(error))
            else:
                self.post_message(self.Loaded(wanted, rows, 0, more=True))

        self.run_worker(work, group=f"directory-{self.PLACE}", exclusive=True, thread=True, exit_on_error=False)

    @on(ColumnList.Moved)
    def _say_where(self) -> None:
        row = self.list.current
        self.query_one(f"#{self.PLACE}-detail", Static).update(Content(self.in_words(row) if row else ""))
        words = self.say("people.count", shown=len(self.list.rows), total=self._total)
        if self.wanted.team is not None:
            words = f"{self.say('people.of_team', team=clean_line(self.wanted.team))} · {words}"
        self.query_one(f"#{self.PLACE}-count", Static).update(Content(words))

    @on(ColumnList.Sized)
    def _head(self, event: ColumnList.Sized) -> None:
        words = [
            fitted(self.say(f"people.column_{name}"), size) for name, size in self.list.widths(event.width).items()
        ]
        self.query_one(f"#{self.PLACE}-head", Static).update(Content(" ".join(words).rstrip()))

    @on(ColumnList.Read)
    def _opened(self) -> None:
        self.post_message(self.Opened())

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.want(Wanted(event.value.strip(), self.wanted.team, self.wanted.active))

    @on(Input.Submitted)
    def _to_rows(self) -> None:
        self.list.focus()

    def want(self, wanted: Wanted) -> None:
        """Show other rows."""
        if wanted != self.wanted:
            self.wanted = wanted
            self.reload()

    def clear(self) -> None:
        """From the filter to the rows; there, clear the filter."""
        if self.list.has_focus:
            self.query_one(Input).value = ""
            self.want(Wanted())
        self.list.focus()


class PeoplePane(DirectoryPane):
    """People, page by page."""

    PLACE = "people"

    def make_list(self) -> ColumnList[Any]:
        return PeopleList(id="people-table")

    def read(self, wanted: Wanted) -> tuple[list[Any], int]:
        limit = max(PAGE, len(self.list.rows))  # what was read on to stays
        return page(self.console.store, wanted, limit=limit), count(self.console.store, wanted)

    def read_more(self, wanted: Wanted, last: Found) -> list[Any]:
        return page(self.console.store, wanted, after=last.place, limit=PAGE)

    def in_words(self, row: Found) -> str:
        one = row.person
        language = self.say(f"company.language_{one.language.value}") if one.language else ""
        parts = ["" if one.active else self.say("people.inactive"), one.name, one.login, one.email]
        parts += [", ".join(one.teams), language, self.say("people.head_is", head=one.head) if one.head else ""]
        return " · ".join(clean_line(part) for part in parts if part)


class TeamsPane(DirectoryPane):
    """Teams, all of them."""

    PLACE = "teams"

    def make_list(self) -> ColumnList[Any]:
        return TeamList(id="teams-table")

    def read(self, wanted: Wanted) -> tuple[list[Any], int]:
        rows = find_teams(self.console.store, wanted.text)
        return [*rows], len(rows)

    def in_words(self, row: TeamLine) -> str:
        parts = (row.team.name, row.team.code, row.team.leader or "")
        return " · ".join(clean_line(part) for part in parts if part)


class StrangersPane(DirectoryPane):
    """Who is spoken of in events and is in no directory."""

    PLACE = "strangers"

    def make_list(self) -> ColumnList[Any]:
        return StrangerList(id="strangers-table")

    def read(self, wanted: Wanted) -> tuple[list[Any], int]:
        words = wanted.text.casefold().split()
        found = [
            Stranger(place, card)
            for place, card in enumerate(unregistered(self.console.store))
            if all(word in f"{card.name} {card.email} {card.login}".casefold() for word in words)
        ]
        return [*found], len(found)

    def in_words(self, row: Stranger) -> str:
        card = row.card
        roles = ", ".join(self.console.texts.get(f"role.{one}", one) for one in card.roles)
        told = self.say("people.left_out", count=card.left_out) if card.left_out else ""
        return " · ".join(clean_line(part) for part in (card.name, card.email or card.login, roles, told) if part)
