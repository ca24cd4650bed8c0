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

CHANNEL_MARKS = {Channel.EMAIL: "✉", Channel.INTERFACE: "●"}
STATE_MARKS = {
    DeliveryState.PENDING: "…",
    DeliveryState.SENDING: "→",
    DeliveryState.HELD: "‖",
    DeliveryState.SENT: "✓",
    DeliveryState.DEAD: "✗",
    DeliveryState.CANCELLED: "–",
}
"""Each state has a sign of its own: a colour alone says nothing on a monochrome terminal."""
COLOURS = {
    DeliveryState.PENDING: "accent",
    DeliveryState.SENDING: "accent",
    DeliveryState.HELD: "warning",
    DeliveryState.SENT: "success",
    DeliveryState.DEAD: "error",
    DeliveryState.CANCELLED: "secondary",
}
STATE_WIDTH = 12
WIDE = 86
"""Cells from which on a line says the state in words, not by a sign alone."""
WIDEST = 120
"""Cells from which on there is room for the kind of event as well."""
_ALARMING = frozenset({DeliveryState.DEAD, DeliveryState.HELD})


def subject_alone(row: FeedRow) -> str:
    """The subject without the object's number before it, which has a column of its own."""
    return clean_line(row.subject).removeprefix(clean_line(row.object_number)).lstrip(" :—-")


def feed_line(row: FeedRow, width: int, base: Style, console: "ConsoleApp") -> Strip:
    """The line as a strip of exactly `width` cells. Text from outside is cleaned and never markup."""
    wide = width >= WIDE
    texts = console.texts
    coloured = base + Style(color=console.colour(COLOURS[row.state]))
    number = (clean_line(row.object_number), 9 if wide else 7, base + Style(bold=True))
    at = row.created_at.astimezone(console.zone).strftime("%H:%M:%S" if wide else "%H:%M")
    when = (at, len(at), base + Style(dim=True))
    mark = (STATE_MARKS[row.state], 1, coloured)
    channel = (CHANNEL_MARKS[row.channel], 1, base)
    who = (clean_line(row.recipient_name or row.recipient_address), 18 if wide else 14, base)
    alarming = coloured if row.state in _ALARMING else base
    if wide:
        event = (clean_line(texts.get(f"event.{row.event_type}", row.event_type)), 20, base)
        state = (f"{STATE_MARKS[row.state]} {texts.get(f'state.{row.state.word}', row.state.word)}", STATE_WIDTH + 2)
        before = [when, number, event] if width >= WIDEST else [when, number]
        after = [channel, who, (*state, coloured)]
    else:
        before, after = [mark, when, number], [channel, who]
    taken = sum(size + 1 for _, size, _ in (*before, *after))
    segments: list[Segment] = []
    for text, size, style in (*before, (subject_alone(row), max(0, width - taken - 1), alarming), *after):
        segments += [Segment(fitted(text, size), style), Segment(" ", base)]
    return Strip(segments).adjust_cell_length(width, base)


def fitted(text: str, size: int) -> str:
    """A text in exactly `size` cells; what is cut off ends in `…`."""
    fitted = set_cell_size(text, size)
    return fitted if not size or fitted.rstrip() == text.rstrip() else set_cell_size(text, size - 1) + "…"
