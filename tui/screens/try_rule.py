"""Try it: a rule as it stands in its form on one event, and on the events of the last days. Nothing is saved."""

import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from dispatch.cloudevents import EventError
from dispatch.edit import Edit
from dispatch.replay import Difference, replay
from dispatch.samples import sample_event
from dispatch.trial import Trial, made_up_event, stored_event, try_event
from store.directory import people, teams
from store.errors import StoreError
from store.past_events import Glance, newest_of
from store.rulebook import list_rules
from store.rules import Rule
from store.sanitise import clean_line
from store.vocabulary import EventType
from tui.screens.delivery import Page, PageName
from tui.spoken import SpokenModal, binding
from tui.widgets.card_view import CardView
from tui.widgets.delivery_words import decision_lines, names_by_address
from tui.widgets.event_picker import EventPicker
from tui.widgets.form import Say
from tui.widgets.key_footer import KeyFooter
from tui.widgets.letter_page import LetterPage
from tui.widgets.replay_page import ReplayPage

PAGES = ("event", "decisions", "words", "replay")
OF_PAGE = {"made_up": "event", "filter": "event", "form": "words", "language": "words", "rule": "words"}
"""Actions of one page only."""
CHOICE = 500
"""Events one can choose from, the newest of the kind."""


class TryScreen(SpokenModal[None]):
    """Four pages: which event, what is decided, what is written, what the last days would have been."""

    AUTO_FOCUS = ""
    """The page in front has the keys, not the first widget that could."""
    FOOTER = ("try.leave", "try.next", "try.made_up", "try.form", "try.language", "try.rule")
    DEFAULT_CSS = """
    TryScreen { background: $background; }
    TryScreen > #try-title { height: 1; padding: 0 2; background: $primary; text-style: bold; text-wrap: nowrap; }
    TryScreen > #page-names { height: 1; background: $panel; }
    TryScreen .page-name { width: auto; padding: 0 2; color: $text-muted; }
    TryScreen .page-name.-current { color: $text; text-style: bold reverse; }
    TryScreen > #try-state { height: 1; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    TryScreen > #try-decisions { height: 1fr; padding: 1 1 0 1; scrollbar-size-vertical: 1; }
    TryScreen #try-made .card-label { width: 2; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("escape", "leave", "try.leave"),
        binding("f6", "turn(1)", "try.next", first=True),
        binding("shift+f6", "turn(-1)", "try.previous", show=False, first=True),
        binding("right", "turn(1)", "try.right", show=False),
        binding("left", "turn(-1)", "try.left", show=False),
        binding("f7", "made_up", "try.made_up", first=True),
        binding("slash", "filter", "try.filter", show=False),
        binding("m", "form", "try.form"),
        binding("l", "language", "try.language"),
        binding("n", "rule", "try.rule"),
    ]

    @dataclass
    class Loaded(Message):
        """What one can choose from was read."""

        events: list[Glance]
        sample: str
        rules: dict[str, Rule]
        names: dict[str, str]

    @dataclass
    class Tried(Message):
        """An event was tried; `number` is which trial it is."""

        number: int
        trial: Trial | None
        problem: str = ""

    @dataclass
    class Far(Message):
        """So far the replay is."""

        done: int
        total: int

        def can_replace(self, message: Message) -> bool:
            """Only the last word counts."""
            return isinstance(message, TryScreen.Far)

    @dataclass
    class Replayed(Message):
        """The replay has ended."""

        found: Difference | None
        took_s: float
        problem: str = ""

    @dataclass
    class Refused(Message):
        """The store could not be read."""

        problem: str

    def __init__(self, say: Say, rule: Rule, page: str = PAGES[0]) -> None:
        super().__init__()
        self._rule = rule
        self._edit = Edit.of(rule)
        self._title = rule.titles.get(say("language.code")) or next(iter(rule.titles.values()), rule.code)
        self._rules: dict[str, Rule] = {}
        self._names: dict[str, str] = {}
        self._number = 0
        self._stopped = False
        self._page = page
        self._compared = self._edit

    def compose(self) -> ComposeResult:
        yield Static(Content(self.say("try.title", title=self._title)), id="try-title")
        with Horizontal(id="page-names"):
            for page in PAGES:
                yield PageName(page)
        yield Static(id="try-state")
        yield EventPicker(id="try-event")
        with Page(id="try-decisions"):
            yield CardView((), id="try-made")
        yield LetterPage(id="try-words")
        yield ReplayPage(id="try-replay")
        yield KeyFooter()

    def on_mount(self) -> None:
        for page in PAGES:
            self.query_one(f"#name-{page}", Static).update(Content(self.say(f"try.page_{page}")))
        self._show_page(self._page)
        self.run_worker(self._load, group="try-read", thread=True, exit_on_error=False)

    # the event

    def _load(self) -> None:
        rule = self._rule
        try:
            with self.store.read() as connection:
                events = newest_of(connection, (rule.object_type, rule.event_type.value), CHOICE)
            rules, everybody = list_rules(self.store), people(self.store)
            document = sample_event(
                rule, everybody, teams(self.store), self.console.texts.language, self.console.clock()
            )
        except StoreError as error:
            self.post_message(self.Refused(str(error)))
            return
        sample = json.dumps(document, ensure_ascii=False, indent=2)
        names = names_by_address(everybody)
        self.post_message(self.Loaded(events, sample, {one.code: one for one in rules}, names))

    @on(Loaded)
    def _choose(self, event: Loaded) -> None:
        stored = event.rules.get(self._rule.code)
        # From the list there is no change to look at; what one asks there is what the rule is for.
        same = stored == self._rule
        self._compared = Edit({self._rule.code: None}) if same else self._edit
        self._rules = {**event.rules, self._rule.code: self._rule}
        self._names = event.names
        what = "replay.without" if same else "replay.changed" if stored else "replay.with"
        # The clock makes events for the thresholds there are; of one that is only in the form it made none.
        clocked = self._rule.event_type in {EventType.DEADLINE, EventType.WAITING}
        hint = f" {self.say('replay.clocked')}" if clocked else ""
        self.query_one(ReplayPage).ask(self.say(what) + hint)
        focused = self.focused
        self.query_one(EventPicker).show(event.events, event.sample)
        if self._page != "event" and focused is not None:
            focused.focus()

    @on(EventPicker.Picked)
    def _try(self, event: EventPicker.Picked) -> None:
        self._number += 1
        number = self._number
        self.run_worker(
            lambda: self._work(number, event), group="try", exclusive=True, thread=True, exit_on_error=False
        )

    def _work(self, number: int, picked: EventPicker.Picked) -> None:
        try:
            found = made_up_event(self.store, picked.text) if picked.text else stored_event(self.store, picked.event_id)
            if found is None:
                self.post_message(self.Tried(number, None, self.say("try.gone")))
                return
            self.post_message(self.Tried(number, try_event(self.store, self._edit, found, self._rule)))
        except EventError as error:
            self.post_message(self.Tried(number, None, self.say("try.bad", problem=clean_line(str(error)))))
        except StoreError as error:
            self.post_message(self.Tried(number, None, str(error)))

    @on(Tried)
    async def _show(self, event: Tried) -> None:
        if event.number != self._number:
            return
        picker = self.query_one(EventPicker)
        if event.trial is None:
            picker.tell(event.problem, wrong=True)
            self._state(event.problem)
            return
        trial, texts = event.trial, self.console.texts
        taken = [card for card in trial.decisions if card.taken and card.recipient]
        told = {card.recipient for card in taken}
        own = {card.recipient for card in taken if card.rule_code == self._rule.code}
        at = trial.event.at.astimezone(self.console.zone).strftime("%d.%m.%Y %H:%M")
        which = self.say("try.is_made_up") if picker.made_up else f"{clean_line(trial.event.object_number)} · {at}"
        words = f"{which} · {self.say('try.told', own=len(own), all=len(told))}"
        picker.tell(words)
        self._state(words)
        lines = decision_lines(trial.decisions, self._rules, self._names, texts, first=self._rule.code)
        await self.query_one("#try-made", CardView).show(lines)
        self.query_one(LetterPage).show(trial, self._rules)

    def _state(self, words: str) -> None:
        self.query_one("#try-state", Static).update(Content(clean_line(words)))

    @on(EventPicker.Opened)
    def _to_decisions(self) -> None:
        self._show_page("decisions")

    # the days

    @on(ReplayPage.Wanted)
    def _go_over(self, event: ReplayPage.Wanted) -> None:
        page = self.query_one(ReplayPage)
        if page.running or not self._rules:
            return
        page.begin()
        self._stopped = False
        since = self.console.clock() - timedelta(days=event.days)
        self.run_worker(lambda: self._replay(since), group="replay", thread=True, exit_on_error=False)

    def _replay(self, since: datetime) -> None:
        begun = time.perf_counter()

        def progress(done: int, total: int) -> bool:
            self.post_message(self.Far(done, total))
            return not self._stopped

        try:
            found = replay(self.store, self._compared, since, progress)
        except StoreError as error:
            self.post_message(self.Replayed(None, 0, str(error)))
        else:
            self.post_message(self.Replayed(found, time.perf_counter() - begun))

    @on(Far)
    def _say_how_far(self, event: Far) -> None:
        self.query_one(ReplayPage).far(event.done, event.total)

    @on(Replayed)
    def _show_difference(self, event: Replayed) -> None:
        page = self.query_one(ReplayPage)
        if event.found is None:
            page.end()
            self._complain(self.Refused(event.problem))
        else:
            page.show(event.found, self._rules, event.took_s)

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self.notify(event.problem, severity="error", markup=False)

    # the pages

    def _show_page(self, name: str) -> None:
        self._page = name
        for page in PAGES:
            self.query_one(f"#try-{page}").display = page == name
            self.query_one(f"#name-{page}").set_class(page == name, "-current")
        self.query_one("#try-state").display = name in {"decisions", "words"}
        place = self.query_one(f"#try-{name}")
        place.go() if isinstance(place, EventPicker | LetterPage | ReplayPage) else place.focus()
        self.refresh_bindings()

    @on(PageName.Chosen)
    def _chosen(self, event: PageName.Chosen) -> None:
        self._show_page(event.page)

    def action_turn(self, step: int) -> None:
        """The next page, or the one before."""
        self._show_page(PAGES[(PAGES.index(self._page) + step) % len(PAGES)])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of one page do nothing on the others."""
        del parameters
        return OF_PAGE.get(action, self._page) == self._page

    def action_made_up(self) -> None:
        """A made-up event in place of a stored one, or back to those."""
        picker = self.query_one(EventPicker)
        picker.make_up(on=not picker.made_up)

    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one("#try-filter").focus()

    def action_form(self) -> None:
        """Text, HTML, MIME."""
        self.query_one(LetterPage).next_form()

    def action_language(self) -> None:
        """The other language."""
        self.query_one(LetterPage).next_language()

    def action_rule(self) -> None:
        """What the next rule says."""
        self.query_one(LetterPage).next_rule()

    def action_leave(self) -> None:
        """Stop the replay; when none goes on, go back to where one came from."""
        going_on = self.query_one(ReplayPage).running and not self._stopped
        self._stopped = True
        if not going_on:
            self.dismiss(None)
