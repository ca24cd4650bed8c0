"""Tables of what operators do with deliveries: acknowledgements, mutes, and what was moved by hand."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlmodel import Column, Field

from store.tables.row import Row
from store.types import BigKey, UtcMicros


def _open(name: str, column: str, where: str) -> Index:
    return Index(name, column, sqlite_where=text(where), postgresql_where=text(where))


class AcknowledgementRow(Row, table=True):
    """Who has seen to a delivery. A table of its own, so that deliveries are not widened by what few of them have."""

    __tablename__: Any = "acknowledgement"
    delivery_id: int = Field(sa_column=Column(BigKey, ForeignKey("delivery.id", ondelete="CASCADE"), primary_key=True))
    at: datetime = Field(sa_type=UtcMicros)
    who: str
    note: str


class MuteRow(Row, table=True):
    """What is not told for a time; `left_out` counts the notifications it kept back."""

    __tablename__: Any = "mute"
    __table_args__ = (_open("ix_mute_open", "until", "ended_at IS NULL"),)
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    kind: str
    key: str
    since: datetime = Field(sa_type=UtcMicros)
    until: datetime = Field(sa_type=UtcMicros)
    reason: str
    who: str
    ended_at: datetime | None = Field(default=None, sa_type=UtcMicros)
    ended_by: str = ""
    left_out: int = Field(default=0, sa_type=BigInteger)


class LetterMoveRow(Row, table=True):
    """Letters sent again or withdrawn by hand, all at once or so many a minute; `until` is when the last is due."""

    __tablename__: Any = "letter_move"
    __table_args__ = (_open("ix_letter_move_open", "until", "undone_at IS NULL"),)
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    at: datetime = Field(sa_type=UtcMicros)
    who: str
    deed: str
    letters: int
    per_minute: int | None = None
    until: datetime = Field(sa_type=UtcMicros)
    undone_at: datetime | None = Field(default=None, sa_type=UtcMicros)
    undone_by: str = ""


class MovedLetterRow(Row, table=True):
    """A letter as it was before it was moved by hand; `due` is the `next_at` it was given."""

    __tablename__: Any = "moved_letter"
    move_id: int = Field(sa_column=Column(BigKey, ForeignKey("letter_move.id", ondelete="CASCADE"), primary_key=True))
    delivery_id: int = Field(
        sa_column=Column(BigKey, ForeignKey("delivery.id", ondelete="CASCADE"), primary_key=True, index=True)
    )
    state: int
    reason: str
    attempts: int
    next_at: datetime = Field(sa_type=UtcMicros)
    due: datetime = Field(sa_type=UtcMicros)
