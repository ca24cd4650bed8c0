"""The timeline of an object: what was told of its deadlines, what will be, and to whom; one goes through time in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Static

from dispatch.timeline import Line, Stage, Step, Timeline, object_called, timeline, timeline_of
from store.directory import people
from store.errors import StoreError
from store.events import NewEvent
from store.sanitise import clean_line
from store.types import to_micros
from tui.screens.delivery import Page
from tui.spoken import SpokenModal, binding
from tui.widgets.delivery_words import decision_lines, names_by_address
from tui.widgets.key_footer import KeyFooter
from tui.widgets.timeline_view import TimelineView, day_and_time
from tui.widgets.timeline_words import left_in_words, span_in_words, step_in_words, threshold_in_words

HORIZON = timedelta(days=90)
"""How far it looks ahead."""


class TimelineScreen(SpokenModal[None]):
    """One object against time; with a `/` one asks for another, with an `m` for a made-up one.

    Args:
        object_type: Its type; empty, `object_id` may be its number as well, and empty too: then it asks.
        object_id: Its id.
        made_up: In place of an object of the store, the one this event tells of.
    """

    AUTO_FOCUS = ""
    FOOTER = ("timeline.next", "timeline.previous", "timeline.ask", "app.made_up", "timeline.again", "timeline.leave")
    DEFAULT_CSS = """
    TimelineScreen { background: $background; }
    TimelineScreen > #timeline-title { height: 1; padding: 0 2; background: $primary; width: 100%; text-style: bold; }
    TimelineScreen > #timeline-title { text-wrap: nowrap; text-overflow: ellipsis; }
    TimelineScreen > #timeline-key { height: 1; margin: 0 1; background: $boost; }
    TimelineScreen > #timeline-state { height: 1; padding: 0 1; color: $text-muted; }
    TimelineScreen > Page { height: 1fr; border-top: solid $panel; padding: 0 1; scrollbar-size-vertical: 1; }
    TimelineScreen #timeline-here { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("slash", "ask", "timeline.ask", shown="/"),
        binding("m", "made_up", "app.made_up"),
        binding("f5", "again", "timeline.again"),
        binding("w", "why", "app.why", show=False),
        binding("pagedown", "page(1)", "timeline.page_down", show=False),
        binding("pageup", "page(-1)", "timeline.page_up", show=False),
        binding("escape", "leave", "timeline.leave"),
    ]

    @dataclass
    class Found(Message):
        """The timeline was made; `None` where nobody knows the object."""

        asked: str
        found: Timeline | None
        names: Mapping[str, str]

    @dataclass
    class Refused(Message):
        """The store could not be asked."""

        problem: str

    def __init__(self, object_type: str = "", object_id: str = "", *, made_up: NewEvent | None = None) -> None:
        super().__init__()
        self._type, self._object_id, self._made_up = object_type, object_id, made_up
        self._names: Mapping[str, str] = {}

    def compose(self) -> ComposeResult:
        yield Label(Content(self.say("timeline.title")), id="timeline-title")
        if self._made_up is None:
            key = clean_line(self._object_id)
            yield Input(key, placeholder=self.say("timeline.hint"), id="timeline-key", compact=True)
        yield TimelineView(id="timeline-view")
        yield Static(id="timeline-state")
        with Page(id="timeline-page", can_focus=False):
            yield Static(id="timeline-here")
        yield KeyFooter()

    def on_mount(self) -> None:
        if self._object_id or self._made_up is not None:
            self.query_one(TimelineView).focus()
            self._look()
        else:
            self.query_one("#timeline-key").focus()

    def action_ask(self) -> None:
        """Ask for another object."""
        if self._made_up is None:
            self.query_one("#timeline-key").focus()
        else:
            self.action_made_up()

    def action_made_up(self) -> None:
        """Ask for a made-up object in place of this one."""
        self.dismiss()
        self.console.action_made_up()

    def action_again(self) -> None:
        """Look once more."""
        self._look()

    def action_why(self) -> None:
        """Ask why the object's people were told or not."""
        from tui.screens.why import WhyScreen

        view = self.query_one(TimelineView)
        if view.found is not None and self._made_up is None:
            self.app.push_screen(WhyScreen(view.found.number))

    def action_page(self, step: int) -> None:
        """Scroll what stands below."""
        page = self.query_one(Page)
        page.scroll_page_down(animate=False) if step > 0 else page.scroll_page_up(animate=False)

    def action_leave(self) -> None:
        """From the field to the picture, where there is one; from there, leave."""
        view = self.query_one(TimelineView)
        if view.found is not None and not view.has_focus:
            view.focus()
        else:
            self.dismiss()

    @on(Input.Submitted, "#timeline-key")
    def _asked(self, event: Input.Submitted) -> None:
        if key := event.value.strip():
            self._type, self._object_id = "", key
            self._look()

    def _look(self) -> None:
        object_type, asked, made_up = self._type, self._object_id, self._made_up
        self._tell(self.say("why.looking"))

        def read() -> None:
            until = to_micros(self.store.clock() + HORIZON)
            try:
                if made_up is not None:
                    now = min(to_micros(self.store.clock()), to_micros(made_up.at))
                    found = timeline_of(self.store, [made_up], until, now)[0]
                else:
                    name = (object_type, asked) if object_type else object_called(self.store, asked)
                    found = timeline(self.store, *name, until) if name else None
                self.post_message(self.Found(asked, found, names_by_address(people(self.store))))
            except StoreError as error:
                self.post_message(self.Refused(self.problem(error)))

        self.run_worker(read, thread=True, exclusive=True, group="timeline", exit_on_error=False)

    def _tell(self, words: str) -> None:
        self.query_one("#timeline-state", Static).update(Content(words))

    @on(Found)
    def _show(self, event: Found) -> None:
        if event.asked != self._object_id:
            return
        if event.found is None:
            self._tell(self.say("timeline.nothing", asked=event.asked))
            self.query_one("#timeline-key").focus()
            return
        found, self._names = event.found, event.names
        kind = self.console.texts.get(f"object.{found.object_type}", clean_line(found.object_type))
        parts = [f"{kind} {clean_line(found.number)}", clean_line(found.title)]
        if self._made_up is not None:
            parts = [self.say("timeline.made_up"), parts[0]]
        self.query_one("#timeline-title", Label).update(Content(" · ".join(parts)))
        view = self.query_one(TimelineView)
        view.show(found)
        view.focus()

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self._tell("")
        self.notify(event.problem, severity="error", markup=False)

    @on(TimelineView.Moved)
    def _say_here(self) -> None:
        view = self.query_one(TimelineView)
        found, line = view.found, view.line
        if found is None:
            return
        if line is None:
            self._tell(self.say("timeline.none"))
            self.query_one("#timeline-here", Static).update(Content(""))
            return
        texts = self.console.texts
        away = span_in_words(abs(view.at - found.now), texts)
        when = self.say("timeline.in" if view.at >= found.now else "timeline.before", span=away)
        left = left_in_words(line, found, view.at, texts)
        self._tell(f"{day_and_time(view.at, view)} · {when} · {left}")
        steps = view.steps()
        here = [part for one in steps for part in self._step(*one, found)] or [
            Content.styled(self.say("timeline.nothing_here"), "dim")
        ]
        self.query_one("#timeline-here", Static).update(Content("\n").join(here))
        self.query_one(Page).scroll_home(animate=False)

    def _step(self, line: Line, step: Step, found: Timeline) -> list[Content]:
        """A threshold, what becomes of it, and below who is told and who is not."""
        texts = self.console.texts
        kind = texts.get(f"rules.deadline_{line.deadline.kind}", clean_line(line.deadline.kind))
        words = f"{kind}: {threshold_in_words(step.key, step.again, texts)}"
        parts = [Content.assemble((words, "bold"), f" — {step_in_words(step, found, texts)}")]
        if step.stage is Stage.PAST:
            parts.append(Content.styled(self.say("timeline.see_why"), "dim"))
        waiting = [card for card in step.decisions if card.rule_code in step.codes or card.recipient]
        for sign, value, _ in decision_lines(waiting, found.rules, self._names, texts):
            parts.append(Content.assemble(f"{sign} ", value))
        if step.plan is not None and not any(card.taken and card.recipient for card in waiting):
            parts.append(Content.styled(self.say("timeline.nobody"), "$text-warning"))
        return parts
