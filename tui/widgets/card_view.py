"""A card: labels on the left, values on the right, text from outside shown as it is."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from store.sanitise import clean_line

Line = tuple[str, str | Content, str]
"""Label, value and style of the value (a theme variable such as `$text-error`, or empty).

`$text-muted` stands for a colour that depends on the background, which a style in a text cannot be: `dim` can.
"""


class CardView(Vertical):
    """Shows lines of a card; long labels and values wrap."""

    DEFAULT_CSS = """
    CardView { height: auto; padding: 0 1; }
    CardView Horizontal { height: auto; }
    CardView .card-label { width: 40%; max-width: 34; padding-right: 2; color: $text-muted; height: auto; }
    CardView .card-value { width: 1fr; height: auto; }
    """

    def __init__(self, lines: Sequence[Line], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._card_lines = tuple(lines)

    def compose(self) -> ComposeResult:
        for label, value, style in self._card_lines:
            with Horizontal():
                yield Static(Content(label), classes="card-label")
                yield Static(_shown(value, style), classes="card-value")

    async def show(self, lines: Sequence[Line]) -> None:
        """Show these lines instead; nothing is repainted when they are the same."""
        if tuple(lines) != self._card_lines:
            self._card_lines = tuple(lines)
            await self.recompose()


def _shown(value: str | Content, style: str) -> Content:
    if isinstance(value, Content):
        return value
    text = "\n".join(clean_line(part) for part in value.splitlines()) or "—"
    return Content.styled(text, style) if style else Content(text)
