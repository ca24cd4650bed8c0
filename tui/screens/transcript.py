"""What was said between us and the mail server in the tries at one delivery."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from store.cards import AttemptCard, DeliveryCard
from store.sanitise import clean_line
from tui.spoken import SpokenModal, binding
from tui.widgets.delivery_words import answer_in_words, clock_time, tries
from tui.widgets.key_footer import KeyFooter
from tui.widgets.page import Page
from tui.widgets.transcript_words import transcript_lines


class TranscriptScreen(SpokenModal[None]):
    """One try at a time.

    Args:
        card: The delivery.
        place: Which of its tries is shown first, counted from 0; by default the last of which a transcript is kept.
    """

    FOOTER = ("transcript.leave", "transcript.next", "transcript.copy")
    DEFAULT_CSS = """
    TranscriptScreen { background: $background; }
    TranscriptScreen > #transcript-title { height: 1; padding: 0 2; background: $primary; color: $text; width: 100%; }
    TranscriptScreen > #transcript-title { text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
    TranscriptScreen > Page { height: 1fr; padding: 1 2 0 2; scrollbar-size-vertical: 1; }
    TranscriptScreen #transcript-text { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("escape,q,enter", "leave", "transcript.leave", shown="esc"),
        binding("right,tab", "next", "transcript.next", shown="←→"),
        binding("left,shift+tab", "next(-1)", "transcript.previous", show=False, shown="←"),
        binding("y", "copy", "transcript.copy"),
    ]

    def __init__(self, card: DeliveryCard, place: int | None = None) -> None:
        super().__init__()
        self._card = card
        self._wanted, self._place = place, 0
        self._copied = ""

    def compose(self) -> ComposeResult:
        yield Static(id="transcript-title")
        with Page(id="transcript"):
            yield Static(id="transcript-text")
        yield KeyFooter()

    def on_mount(self) -> None:
        kept = [place for place, (_, one) in enumerate(self._tries()) if one.transcript]
        self._place = self._wanted if self._wanted is not None else kept[-1] if kept else -1
        self.query_one(Page).focus()
        self._show()

    def _tries(self) -> Sequence[tuple[str, AttemptCard]]:
        return tries(self._card, self.console.texts)

    def _show(self) -> None:
        found = self._tries()
        place = self._place % len(found)
        called, one = found[place]
        lines = [*self._head(one), Content(""), *self._said(one)]
        title = f"D{self._card.row.id} · {called} · {place + 1}/{len(found)}"
        self.query_one("#transcript-title", Static).update(Content(title))
        self.query_one("#transcript-text", Static).update(Content("\n").join(lines))
        self.query_one(Page).scroll_home(animate=False)
        self._copied = "\n".join([title, *(line.plain for line in lines)])

    def _head(self, one: AttemptCard) -> list[Content]:
        where = f"{clock_time(one.at, self.console.zone)} · {clean_line(one.connection)}"
        style = "$text-success" if one.outcome == "sent" else "$text-error"
        return [Content.styled(where, "dim"), Content.styled(answer_in_words(one, self.console.texts), style)]

    def _said(self, one: AttemptCard) -> list[Content]:
        if one.transcript:
            return transcript_lines(one.transcript, self.console.texts)
        return [Content.styled(self.say("transcript.sent" if one.outcome == "sent" else "transcript.none"), "dim")]

    def action_next(self, step: int = 1) -> None:
        """Show the next try, or the one before."""
        self._place = (self._place + step) % len(self._tries())
        self._show()

    def action_copy(self) -> None:
        """Copy what is shown."""
        self.app.copy_to_clipboard(self._copied)
        self.notify(self.say("delivery.copied", what=self.say("transcript.name")))

    def action_leave(self) -> None:
        """Back to the delivery."""
        self.dismiss()
