"""A notification opened: the letter as its recipient sees it, and why it was sent or not."""

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from dispatch.raw_letter import raw_letter
from store import journal
from store.cards import Status
from store.directory import people
from store.errors import StoreError
from store.rulebook import list_rules
from store.sanitise import clean_line, clean_text
from store.vocabulary import Channel
from tui.screens.transcript import TranscriptScreen
from tui.spoken import Spoken, binding
from tui.widgets.card_view import CardView
from tui.widgets.delivery_deeds import KEYS, DeliveryDeeds
from tui.widgets.delivery_words import Story, decisions, head_lines, names_by_address, story_text, timeline, tries
from tui.widgets.feed_line import CHANNEL_MARKS, subject_alone
from tui.widgets.key_footer import KeyFooter
from tui.widgets.page import Page
from tui.widgets.statusbar import StatusBar

REFRESH_S = 1.0
TABS = ("letter", "mime", "why")


class PageName(Static):
    """The name of a page; a click shows the page."""

    @dataclass
    class Chosen(Message):
        """It was clicked."""

        page: str

    def __init__(self, page: str) -> None:
        super().__init__(id=f"name-{page}", classes="page-name")
        self._page = page

    def on_click(self, event: Click) -> None:
        event.stop()
        self.post_message(self.Chosen(self._page))


class DeliveryScreen(Spoken[None]):
    """One delivery; what is shown follows the store."""

    FOOTER = (
        "delivery.back",
        "delivery.other",
        "delivery.retry",
        "delivery.cancel",
        "deeds.acknowledge",
        "deeds.mute",
        "deeds.resend",
        "deeds.copy",
    )
    DEFAULT_CSS = """
    DeliveryScreen #delivery-title { height: 1; padding: 0 2; background: $primary; color: $text; text-style: bold; }
    DeliveryScreen #delivery-title { text-wrap: nowrap; text-overflow: ellipsis; }
    DeliveryScreen #page-names { height: 1; background: $panel; }
    DeliveryScreen .page-name { width: auto; padding: 0 2; color: $text-muted; }
    DeliveryScreen .page-name.-current { color: $text; text-style: bold reverse; }
    DeliveryScreen Page { height: 1fr; padding: 1 1 0 1; scrollbar-size-vertical: 1; }
    DeliveryScreen #letter-head .card-label { width: 15; }
    DeliveryScreen #letter-text { padding: 0 1; margin: 1 0 0 0; border-top: solid $panel; height: auto; }
    DeliveryScreen #why-timeline .card-label { width: 21; }
    DeliveryScreen .why-heading { padding: 0 1; margin-top: 1; text-style: bold; color: $text-primary; }
    DeliveryScreen #why-own .card-label, DeliveryScreen #why-others .card-label { width: 2; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("escape,q", "dismiss", "delivery.back", shown="esc"),
        binding("right,tab", "other", "delivery.other", shown="←→"),
        binding("left,shift+tab", "other(-1)", "delivery.other_back", show=False, shown="←"),
        binding("w", "page('why')", "delivery.why", show=False),
        binding("l", "page('letter')", "delivery.letter", show=False),
        binding("i", "page('mime')", "delivery.mime", show=False),
        binding("enter,d", "transcript", "delivery.transcript", show=False),
        *KEYS,
        binding("Y", "copy_number", "delivery.number", show=False, shown="Y"),
        binding("r", "retry", "delivery.retry"),
        binding("c", "cancel", "delivery.cancel"),
    ]

    @dataclass
    class Loaded(Message):
        """The delivery was read; `None` when there is no such one."""

        story: Story | None
        raw: str = ""

    @dataclass
    class Refused(Message):
        """The store did not do as asked."""

        problem: str

    def __init__(self, delivery_id: int) -> None:
        super().__init__()
        self._delivery_id = delivery_id
        self._story: Story | None = None
        self._page = TABS[0]
        self._texts: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        yield StatusBar(id="bar")
        yield Static(id="delivery-title")
        with Horizontal(id="page-names"):
            for page in TABS:
                yield PageName(page)
        with Page(id="letter"):
            yield CardView((), id="letter-head")
            yield Static(id="letter-text")
        with Page(id="mime"):
            yield Static(id="mime-text")
        with Page(id="why"):
            yield CardView((), id="why-timeline")
            yield Static(Content(self.say("delivery.this")), classes="why-heading")
            yield CardView((), id="why-own")
            yield Static(Content(self.say("delivery.others")), classes="why-heading", id="why-others-heading")
            yield CardView((), id="why-others")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._deeds = DeliveryDeeds(self, self._load)
        self.action_page(TABS[0])
        if self.console.status is not None:
            self.show_status(self.console.status)
        self.reload()
        self.set_interval(REFRESH_S, self.reload)

    def show_status(self, status: Status) -> None:
        for bar in self.query(StatusBar):  # none yet, when the status was read before the screen is composed
            bar.show(status, self.console.texts, self.console.clock(), starting=self.console.dispatcher_starting)

    def reload(self) -> None:
        """Read the delivery in a thread, while it is shown."""
        if self.is_current:
            self.run_worker(self._load, thread=True, exclusive=True, group="delivery", exit_on_error=False)

    def _load(self) -> None:
        try:
            events = journal.story(self.store, f"D{self._delivery_id}")
            found = [(event, card) for event in events for card in event.deliveries if card.row.id == self._delivery_id]
            if not found:
                self.post_message(self.Loaded(None))
                return
            event, card = found[0]
            names = names_by_address(people(self.store))
            for one in event.deliveries:
                names.setdefault(one.row.recipient_address.casefold(), one.row.recipient_name)
            rules = {rule.code: rule for rule in list_rules(self.store)}
            self.post_message(self.Loaded(Story(card, event, rules, names), raw_letter(self.store, event, card)))
        except StoreError as error:
            self.post_message(self.Refused(str(error)))

    @on(Loaded)
    async def _show(self, event: Loaded) -> None:
        story = event.story
        if story is None:
            self.query_one("#letter-text", Static).update(Content(self.say("delivery.gone", id=self._delivery_id)))
            return
        if story == self._story:
            return
        self._story = story
        texts, zone, row = self.console.texts, self.console.zone, story.card.row
        letter = row.channel is Channel.EMAIL
        title = f"D{row.id} · {clean_line(row.object_number)} · {CHANNEL_MARKS[row.channel]} {subject_alone(row)}"
        self.query_one("#delivery-title", Static).update(Content(title))
        self.query_one("#name-letter", Static).update(
            Content(self.say("delivery.letter" if letter else "delivery.notice"))
        )
        self.query_one("#name-mime", Static).update(Content(self.say("delivery.mime")))
        self.query_one("#name-why", Static).update(Content(self.say("delivery.why")))
        others = decisions(story, texts, own=False)
        for name, lines in (
            ("letter-head", head_lines(story.card, texts, zone)),
            ("why-timeline", timeline(story, texts, zone)),
            ("why-own", decisions(story, texts, own=True)),
            ("why-others", others),
        ):
            await self.query_one(f"#{name}", CardView).show(lines)
        self.query_one("#why-others-heading").display = bool(others)
        text = clean_text(story.card.text) if letter else f"{clean_line(row.subject)}\n\n{clean_text(story.card.text)}"
        self.query_one("#letter-text", Static).update(Content(text.strip()))
        raw = clean_text(event.raw) or self.say("try.no_mime")
        self.query_one("#mime-text", Static).update(Content(raw))
        self._texts = {"letter": text.strip(), "mime": raw, "why": story_text(story, texts, zone)}

    @on(Refused)
    def _complain(self, event: Refused) -> None:
        self.notify(event.problem, severity="error", markup=False)

    @on(PageName.Chosen)
    def _chosen(self, event: PageName.Chosen) -> None:
        self.action_page(event.page)

    def action_page(self, name: str) -> None:
        """Show a page."""
        self._page = name
        for page in TABS:
            self.query_one(f"#{page}").display = page == name
            self.query_one(f"#name-{page}").set_class(page == name, "-current")
        self.query_one(f"#{name}").focus()

    def action_other(self, step: int = 1) -> None:
        """Show the next page, or the one before."""
        self.action_page(TABS[(TABS.index(self._page) + step) % len(TABS)])

    def action_transcript(self, place: int | None = None) -> None:
        """Show what was said to the mail server and by it in one of the tries."""
        if self._story is None:
            return
        if tries(self._story.card, self.console.texts):
            self.app.push_screen(TranscriptScreen(self._story.card, place))
        else:
            self.notify(self.say("transcript.no_tries"))

    def action_deed(self, deed: str) -> None:
        """Do something with the delivery; what is copied is the page that is shown."""
        if deed != "copy":
            self._deeds.do(deed, [self._delivery_id])
        elif text := self._texts.get(self._page):
            self._copy(text, self.say(f"delivery.{self._page}"))

    def action_copy_number(self) -> None:
        """Copy the number."""
        self._copy(f"D{self._delivery_id}", f"D{self._delivery_id}")

    def _copy(self, text: str, what: str) -> None:
        self.app.copy_to_clipboard(text)
        self.notify(self.say("delivery.copied", what=what))

    def action_retry(self) -> None:
        """Send it again."""
        self.action_deed("retry")

    def action_cancel(self) -> None:
        """Withdraw it."""
        self.action_deed("cancel")
