"""People: the directory, its teams, and the strangers events speak of."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, TabbedContent, TabPane

from store.audit import settings_revision
from store.cards import Person, Team
from store.directory import Ties, delete_person, delete_team, save_people, ties
from store.errors import StoreError
from store.people_search import Found, TeamLine, Wanted
from store.sanitise import clean_line
from tui.operator import operator
from tui.screens.base import SectionScreen
from tui.spoken import binding
from tui.widgets.directory_lists import Stranger
from tui.widgets.directory_pane import DirectoryPane, PeoplePane, StrangersPane, TeamsPane
from tui.widgets.people_forms import PersonForm, TeamForm
from tui.widgets.question import Question

_PLACES = ("people", "teams", "strangers")


class PeopleScreen(SectionScreen):
    """Three lists, each with its filter; what is under the cursor is edited, deactivated, deleted or added."""

    SECTION = "people"
    FOOTER = ("people.edit", "people.add", "people.filter", "people.import", "people.tab", "people.switch")
    DEFAULT_CSS = """
    PeopleScreen TabbedContent { height: 1fr; }
    PeopleScreen TabPane { padding: 0; height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("e", "edit", "people.edit"),
        binding("a", "add", "people.add"),
        binding("t", "switch", "people.switch"),
        binding("d", "delete", "people.delete"),
        binding("i", "import", "people.import"),
        binding("m", "members", "people.members"),
        binding("slash", "filter", "people.filter", shown="/"),
        binding("f5", "reload", "people.reload"),
        binding("left_square_bracket", "tab(-1)", "people.tab_back", show=False, shown="["),
        binding("right_square_bracket", "tab(1)", "people.tab", shown="]"),
        binding("escape", "clear", "people.leave", show=False),
    ]

    @dataclass
    class Hanging(Message):
        """What others have to do with somebody who is to be switched off or deleted was read."""

        person: Person
        found: Ties
        delete: bool

    def compose_content(self) -> ComposeResult:
        panes = {"people": PeoplePane, "teams": TeamsPane, "strangers": StrangersPane}
        with TabbedContent(id="people-tabs"):
            for place in _PLACES:
                with TabPane(Content(self.say(f"people.tab_{place}")), id=f"tab-{place}"):
                    yield panes[place]()

    def on_mount(self) -> None:
        self._revision: int | None = None
        self.pane.list.focus()
        self.follow_store(self._look_again)

    def _look_again(self) -> None:
        """Read the lists when a setting was changed, which most changes of the store are not. Runs in a thread."""
        before, self._revision = self._revision, settings_revision(self.store)
        if before != self._revision:
            self.console.call_later_from_thread(self.action_reload)

    def on_screen_resume(self) -> None:
        self.action_reload()

    @property
    def place(self) -> str:
        """Which list is in front."""
        return self.query_one(TabbedContent).active.removeprefix("tab-") or _PLACES[0]

    @property
    def pane(self) -> DirectoryPane:
        """The list in front."""
        return self.query_one(f"#{self.place}-pane", DirectoryPane)

    @property
    def why_key(self) -> str:
        """The person of the row."""
        row = self.pane.list.current
        if isinstance(row, Found):
            return row.person.email
        return row.card.email or row.card.login if isinstance(row, Stranger) else ""

    def go_to(self, place: str) -> None:
        """Show a list."""
        self.query_one(TabbedContent).active = f"tab-{place}"
        self.query_one(f"#{place}-pane", DirectoryPane).list.focus()

    @on(TabbedContent.TabActivated)
    def _tab_changed(self) -> None:
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys work where they mean something."""
        if not self.is_mounted or not self.query(TabbedContent):
            return True
        places = {"switch": {"people"}, "members": {"teams"}, "delete": {"people", "teams"}}
        return self.place in places[action] if action in places else super().check_action(action, parameters)

    def action_reload(self) -> None:
        """Read all lists."""
        for pane in self.query(DirectoryPane):
            pane.reload()

    def action_tab(self, step: int) -> None:
        """The next list, or the one before."""
        self.go_to(_PLACES[(_PLACES.index(self.place) + step) % len(_PLACES)])

    def action_filter(self) -> None:
        """Type a filter."""
        self.pane.query_one(Input).focus()

    def action_clear(self) -> None:
        """From the filter to the rows; there, clear the filter."""
        self.pane.clear()

    @on(DirectoryPane.Opened)
    def action_edit(self) -> None:
        """Open the form of the row."""
        row = self.pane.list.current
        if isinstance(row, Found):
            self._open(PersonForm(self.say, row.person, before=row.person.email))
        elif isinstance(row, TeamLine):
            self._open(TeamForm(self.say, row.team, before=row.team.code))
        elif isinstance(row, Stranger):
            card = row.card
            self._open(PersonForm(self.say, Person(card.email, card.name, card.login or None)))

    def action_add(self) -> None:
        """Open an empty form; of a stranger, one that is filled in."""
        if self.place == "strangers":
            self.action_edit()
        elif self.place == "teams":
            self._open(TeamForm(self.say, Team("", "")))
        else:
            team = self.pane.wanted.team
            self._open(PersonForm(self.say, Person("", "", teams=(team,) if team else ())))

    def _open(self, form: PersonForm | TeamForm) -> None:
        def closed(saved: bool | None) -> None:
            if saved:
                self.notify(self.say("mail.saved"), markup=False)

        self.app.push_screen(form, closed)

    def action_members(self) -> None:
        """The people of the team."""
        row = self.pane.list.current
        if isinstance(row, TeamLine):
            self.go_to("people")
            self.pane.want(Wanted(team=row.team.code))

    def action_import(self) -> None:
        """Import from CSV."""
        from tui.screens.people_import import PeopleImportScreen

        self.app.push_screen(PeopleImportScreen())

    def action_switch(self) -> None:
        """Deactivate somebody, or activate them again."""
        row = self.pane.list.current
        if isinstance(row, Found) and row.person.active:
            self._ask(row.person, delete=False)
        elif isinstance(row, Found):
            self._save(replace(row.person, active=True))

    def action_delete(self) -> None:
        """Delete the row, after a question."""
        row = self.pane.list.current
        if isinstance(row, Found):
            self._ask(row.person, delete=True)
        elif isinstance(row, TeamLine):
            code = row.team.code
            text = self.say("people.delete_team_question", team=clean_line(row.team.name), count=row.members)
            self._question(text, "mail.delete", lambda: delete_team(self.store, code, operator()))

    def _ask(self, person: Person, *, delete: bool) -> None:
        def look() -> None:
            self._safely(lambda: self.post_message(self.Hanging(person, ties(self.store, person.email), delete)))

        self.run_worker(look, group="directory", thread=True, exit_on_error=False)

    @on(Hanging)
    def _put_question(self, event: Hanging) -> None:
        person, found = event.person, event.found
        key = "people.delete_question" if event.delete else "people.switch_question"
        parts = [self.say(key, name=clean_line(person.name))]
        if found.leads:
            parts.append(self.say("people.leads", teams=clean_line(", ".join(found.leads))))
        if found.head_of:
            parts.append(self.say("people.head_of", count=found.head_of))
        if found:
            parts.append(self.say("people.not_told"))
        if event.delete:
            self._question(" ".join(parts), "mail.delete", lambda: delete_person(self.store, person.email, operator()))
        elif found:
            after = replace(person, active=False)
            self._question(" ".join(parts), "people.deactivate", lambda: save_people(self.store, [after], operator()))
        else:
            self._save(replace(person, active=False))

    def _question(self, text: str, yes: str, work: Callable[[], object]) -> None:
        def answered(agreed: bool | None) -> None:
            if agreed:
                self._do(work)

        self.app.push_screen(Question(text, yes=self.say(yes), no=self.say("mail.keep")), answered)

    def _save(self, person: Person) -> None:
        self._do(lambda: save_people(self.store, [person], operator()))

    def _do(self, work: Callable[[], object]) -> None:
        def carry_out() -> None:
            self._safely(work)
            self.console.call_later_from_thread(self.action_reload)

        self.run_worker(carry_out, group="directory", thread=True, exit_on_error=False)

    def _safely(self, work: Callable[[], object]) -> None:
        try:
            work()
        except StoreError as error:
            self.console.call_later_from_thread(self.pane.complain, self.problem(error))
