"""One delivery as one line: time, object, what happened, channel, recipient, state."""

from typing import TYPE_CHECKING

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from store.cards import FeedRow
from store.sanitise import clean_line
from store.vocabulary import Channel, DeliveryState

if TYPE_CHECKING:
    from tui.app import ConsoleApp

MARKS = {Channel.EMAIL: "✉", Channel.INTERFACE: "●"}
COLOURS = {
    DeliveryState.PENDING: "accent",
    DeliveryState.SENDING: "accent",
    DeliveryState.HELD: "warning",
    DeliveryState.SENT: "success",
    DeliveryState.DEAD: "error",
    DeliveryState.CANCELLED: "secondary",
}
STATE_WIDTH = 10
WIDE = 90


def feed_line(row: FeedRow, width: int, base: Style, console: "ConsoleApp", *, here: bool) -> Strip:
    """The line as a strip of exactly `width` cells. Text from outside is cleaned and never markup."""
    texts = console.texts
    when = row.created_at.astimezone(console.zone).strftime("%H:%M:%S")
    event = texts.get(f"event.{row.event_type}", row.event_type)
    state = texts.get(f"state.{row.state.word}", row.state.word)
    wide = width >= WIDE
    number_width, event_width, name_width = (10, 20, 22) if wide else (9, 0, 16)
    subject = clean_line(row.subject).removeprefix(clean_line(row.object_number)).lstrip(" :—-")
    rest = width - (
        8 + 1 + number_width + 1 + event_width + (1 if event_width else 0) + 2 + name_width + 1 + STATE_WIDTH + 1
    )
    muted = base + Style(dim=True)
    cells = [
        (when, 8, muted),
        (clean_line(row.object_number), number_width, base + Style(bold=True)),
        *([(clean_line(event), event_width, base)] if event_width else []),
        (subject, max(0, rest - 1), base),
        (MARKS[row.channel], 1, base),
        (clean_line(row.recipient_name or row.recipient_address), name_width, base),
        (state, STATE_WIDTH, base + Style(color=console.colour(COLOURS[row.state]))),
    ]
    segments: list[Segment] = []
    for text, size, style in cells:
        segments += [Segment(set_cell_size(text, size), style), Segment(" ", base)]
    strip = Strip(segments).adjust_cell_length(width, base)
    return strip.apply_style(Style(reverse=True)) if here else strip
