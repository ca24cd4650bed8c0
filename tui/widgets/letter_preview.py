"""What the delivery under the cursor says, below the list: the letter as its recipient reads it."""

from textual.content import Content
from textual.widgets import Static

from store.cards import DeliveryCard
from store.sanitise import clean_line, clean_text
from store.vocabulary import Channel
from tui.texts import Texts
from tui.widgets.feed_line import CHANNEL_MARKS


class LetterPreview(Static):
    """Head and text of one delivery; longer texts are read on the delivery's own screen."""

    DEFAULT_CSS = """
    LetterPreview { height: 9; border-top: solid $primary; padding: 0 1; background: $surface; display: none; }
    LetterPreview.-shown { display: block; }
    .-tall LetterPreview { height: 16; }
    """

    def show(self, card: DeliveryCard, texts: Texts) -> None:
        """Show a delivery. Text from outside is cleaned and never markup."""
        row = card.row
        to = clean_line(card.to) if row.channel is Channel.EMAIL else clean_line(row.recipient_name)
        head = f"{CHANNEL_MARKS[row.channel]} {texts('delivery.to')}: {to}"
        self.update(
            Content.assemble(
                (head, "$text-muted"),
                "\n",
                (clean_line(row.subject), "bold"),
                "\n\n",
                clean_text(card.text).strip(),
            )
        )
