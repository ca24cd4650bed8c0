"""The audit in columns: when, who, what, which fields."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from rich.style import Style
from textual.binding import BindingType

from store.audit import AuditCard
from store.sanitise import clean_line
from tui.spoken import binding
from tui.widgets.audit_words import AuditWords
from tui.widgets.column_list import WIDE, ColumnList
from tui.widgets.delivery_list import short_time

REVERT, REVERTED = "↶", "×"
"""Signs of an entry that takes another back, and of one that was taken back."""
COLUMNS = ("mark", "time", "who", "what", "fields")


def widths(width: int) -> dict[str, int]:
    """The width of each column on so many cells; the fields have what is left."""
    fixed = {"mark": 1, "time": 5, "who": 9} if width < WIDE else {"mark": 1, "time": 14, "who": 14}
    left = max(0, width - sum(fixed.values()) - len(COLUMNS))
    return {**fixed, "what": left // 2, "fields": left - left // 2}


@dataclass(frozen=True, slots=True)
class AuditLine:
    """An entry, and its words."""

    card: AuditCard
    what: str
    fields: str

    @property
    def id(self) -> int:
        """The number of the entry."""
        return self.card.id

    @property
    def at(self) -> datetime:
        """When it was."""
        return self.card.at


def audit_line(card: AuditCard, words: AuditWords) -> AuditLine:
    """An entry with its words."""
    return AuditLine(card, words.what(card), words.summary(card))


class AuditList(ColumnList[AuditLine]):
    """Entries that match a filter, newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding("enter", "open", "audit.open"),
    ]

    @staticmethod
    def widths(width: int) -> dict[str, int]:
        """The fields have what is left."""
        return widths(width)

    def painted(self, row: AuditLine, width: int, base: Style) -> dict[str, tuple[str, Style]]:
        """One that was taken back is pale."""
        console, card = self.console, row.card
        mark = REVERTED if card.reverted_by else REVERT if card.reverts else " "
        quiet = base + Style(dim=True)
        done = quiet if card.reverted_by else base
        return {
            "mark": (mark, base + Style(color=console.colour("warning"))),
            "time": (short_time(card.at, console.clock(), console.zone, wide=width >= WIDE), quiet),
            "who": (clean_line(card.who), done),
            "what": (row.what, done + Style(bold=not card.reverted_by)),
            "fields": (row.fields, done),
        }
