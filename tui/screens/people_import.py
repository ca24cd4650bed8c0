"""The import of people: which file, what it would do, and only then doing it."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Checkbox, Input, Label, Static

from store.errors import StoreError
from store.people_csv import MAX_BYTES, Sheet, read_sheet
from store.people_import import KINDS, Entry, Options, Prepared, carry_out, prepare
from store.sanitise import clean_line
from tui.operator import operator
from tui.spoken import SpokenModal, binding
from tui.widgets.column_list import ColumnList
from tui.widgets.directory_lists import EntryList, EntryRow
from tui.widgets.form import Tick
from tui.widgets.key_footer import KeyFooter
from tui.widgets.question import Question

_FIRST = ("refused", "deactivated", "changed", "added")


class PeopleImportScreen(SpokenModal[bool]):
    """A path, the preview, the import; gives `True` when something was imported."""

    FOOTER = ("import.look", "import.save", "import.leave")
    DEFAULT_CSS = """
    PeopleImportScreen { background: $background; }
    PeopleImportScreen > #import-title { height: 1; padding: 0 2; background: $primary; width: 100%; }
    PeopleImportScreen .import-line { height: 1; padding: 0 1; margin-top: 1; }
    PeopleImportScreen #import-path { width: 1fr; height: 1; background: $boost; margin-right: 1; }
    PeopleImportScreen Checkbox { margin-right: 2; }
    PeopleImportScreen #import-state { height: 2; padding: 0 1; margin-top: 1; }
    PeopleImportScreen #import-detail { height: 2; padding: 0 1; }
    PeopleImportScreen Button { margin-right: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("f5", "look", "import.look"),
        binding("ctrl+s", "save", "import.save"),
        binding("escape", "leave", "import.leave"),
    ]

    @dataclass
    class Far(Message):
        """How far it is."""

        key: str
        done: int
        total: int

        def can_replace(self, message: Message) -> bool:
            """Only the last word counts."""
            return isinstance(message, PeopleImportScreen.Far)

    @dataclass
    class Looked(Message):
        """The file was read, and what it would do is known."""

        sheet: Sheet
        prepared: Prepared

    @dataclass
    class Saved(Message):
        """The import is done."""

        prepared: Prepared

    @dataclass
    class Refused(Message):
        """The file or the store is at fault."""

        error: Exception

    def compose(self) -> ComposeResult:
        say = self.say
        yield Label(Content(say("import.title")), id="import-title")
        with Horizontal(classes="import-line"):
            yield Input(placeholder=say("import.path"), id="import-path", compact=True)
            yield Button(Content(say("import.look")), id="look", compact=True)
        with Horizontal(classes="import-line"):
            yield self._tick("add_teams", "import-add-teams")
            yield self._tick("deactivate", "import-deactivate")
        yield Static(Content(say("import.hint")), id="import-state")
        yield EntryList(id="import-table")
        yield Static(id="import-detail")
        with Horizontal(classes="import-line"):
            yield Button(Content(say("import.save")), id="save", variant="primary", compact=True, disabled=True)
            yield Button(Content(say("form.cancel")), id="cancel", compact=True)
        yield KeyFooter()

    def _tick(self, key: str, name: str) -> Tick:
        words = self.say(f"import.{key}")
        box = Tick(False, (words, words))  # noqa: FBT003 - not ticked
        box.id = name
        return box

    def on_mount(self) -> None:
        self._prepared: Prepared | None = None
        self._busy = False
        self.query_one("#import-path").focus()

    def _tell(self, words: str) -> None:
        self.query_one("#import-state", Static).update(Content(clean_line(words)))

    @on(Input.Changed)
    @on(Checkbox.Changed)
    def _other_wish(self) -> None:
        self._forget()

    def _forget(self) -> None:
        """What is shown is no longer what would be done."""
        self._prepared = None
        self.query_one("#save", Button).disabled = True

    @on(Input.Submitted)
    @on(Button.Pressed, "#look")
    def action_look(self) -> None:
        """Read the file and show what it would do."""
        path = self.query_one("#import-path", Input).value.strip()
        if self._busy or not path:
            return
        self._busy = True
        self._forget()
        options = Options(
            self.query_one("#import-add-teams", Checkbox).value, self.query_one("#import-deactivate", Checkbox).value
        )
        self.run_worker(lambda: self._read(path, options), group="directory", thread=True, exit_on_error=False)

    def _read(self, path: str, options: Options) -> None:
        try:
            with Path(path).expanduser().open("rb") as stream:
                sheet = read_sheet(stream.read(MAX_BYTES + 1))
            prepared = prepare(self.store, sheet, options, partial(self._far, "import.reading"))
        except (OSError, StoreError, ValueError, RuntimeError) as error:
            self.post_message(self.Refused(error))
        else:
            self.post_message(self.Looked(sheet, prepared))

    def _far(self, key: str, done: int, total: int) -> None:
        self.post_message(self.Far(key, done, total))

    @on(Far)
    def _say_how_far(self, event: Far) -> None:
        if self._busy:
            self._tell(self.say(event.key, done=event.done, total=event.total))

    @on(Looked)
    def _show(self, event: Looked) -> None:
        self._busy = False
        self._prepared = event.prepared
        preview = event.prepared.preview
        order = {kind: place for place, kind in enumerate(_FIRST)}
        entries = sorted((one for one in preview.entries if one.kind in order), key=lambda one: order[one.kind])
        table = self.query_one(EntryList)
        table.nothing = self.say("import.nothing")
        table.replace_rows([EntryRow(place, entry, self._told(entry)) for place, entry in enumerate(entries)], 0)
        counts = [self.say(f"import.{kind}", count=preview.counts[kind]) for kind in KINDS if preview.counts[kind]]
        counts.append(self.say("import.missing", count=preview.missing))
        if preview.new_teams:
            counts.append(self.say("import.new_teams", count=len(preview.new_teams)))
        if event.sheet.unread:
            counts.append(self.say("import.unread", columns=", ".join(event.sheet.unread)))
        self._tell(" · ".join(counts))
        self.query_one("#save", Button).disabled = not preview.changes_something
        table.focus()

    def _told(self, entry: Entry) -> str:
        """What becomes of a line, in words."""
        if entry.problem is not None:
            return self.problem(entry.problem)
        if entry.kind == "added":
            return entry.name
        return "; ".join(
            f"{self.say(f'people.field_{one.field}')}: {self._value(one.before)} → {self._value(one.after)}"
            for one in entry.changes
        )

    def _value(self, text: str) -> str:
        return self.say(f"mail.{text}") if text in {"yes", "no"} else text or "—"

    @on(ColumnList.Moved)
    def _detail(self) -> None:
        row = self.query_one(EntryList).current
        text = f"{row.entry.email or row.entry.name}: {row.told}" if row else ""
        self.query_one("#import-detail", Static).update(Content(clean_line(text)))

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self._busy = False
        self._forget()
        self.query_one(EntryList).replace_rows([])
        self._tell(self.problem(event.error))

    @on(Button.Pressed, "#save")
    def action_save(self) -> None:
        """Import what is shown; asks when somebody is deactivated for being missing."""
        prepared = self._prepared
        if prepared is None or self._busy or not prepared.preview.changes_something:
            return
        leaving = prepared.preview.counts["deactivated"]
        if not leaving:
            self._save(prepared)
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._save(prepared)

        text = self.say("import.deactivate_question", count=leaving)
        question = Question(text, yes=self.say("people.deactivate"), no=self.say("mail.keep"))
        self.app.push_screen(question, answered)

    def _save(self, prepared: Prepared) -> None:
        self._busy = True
        self._forget()

        def work() -> None:
            try:
                carry_out(self.store, prepared, operator(), partial(self._far, "import.saving"))
            except StoreError as error:
                self.post_message(self.Refused(error))
            else:
                self.post_message(self.Saved(prepared))

        self.run_worker(work, group="directory", thread=True, exit_on_error=False)

    @on(Saved)
    def _done(self, event: Saved) -> None:
        counts = event.prepared.preview.counts
        words = [self.say(f"import.{kind}", count=counts[kind]) for kind in KINDS if counts[kind]]
        self.notify(" · ".join(words), markup=False)
        self.dismiss(result=True)

    @on(Button.Pressed, "#cancel")
    def action_leave(self) -> None:
        """Leave; what is being saved is saved all the same."""
        self.dismiss(result=False)
