"""Tables of the work: events, decisions, notifications, deliveries, attempts, deadlines, dispatchers."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlmodel import Column, Field

from store.tables.row import Row
from store.types import BigKey, UtcMicros


def _partial(name: str, *columns: str, where: str) -> Index:
    """An index of some rows. A query must say its condition to the letter to use it."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


HELD_BY_STORM = "state = 2 AND reason IN ('storm_object', 'storm_recipient')"
"""Letters above a limit. The query must say it to the letter to use the index."""


class EventRow(Row, table=True):
    """An accepted event. `data` is the event merged with what was last seen of its object: planning needs no more."""

    __tablename__: Any = "event"
    __table_args__ = (
        UniqueConstraint("source", "external_id", name="uq_event_source_external_id"),
        Index("ix_event_object", "object_type", "object_id"),
        Index("ix_event_number", "object_number"),
        Index("ix_event_external_id", "external_id"),
        Index(
            "ix_event_unplanned",
            "id",
            sqlite_where=text("planned_at IS NULL"),
            postgresql_where=text("planned_at IS NULL"),
        ),
        _partial("ix_event_urgent", "id", where="planned_at IS NULL AND event_type = 'deadline'"),
    )
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    source: str
    external_id: str
    object_type: str
    event_type: str
    object_id: str
    object_number: str
    title: str
    at: datetime = Field(sa_type=UtcMicros)
    accepted_at: datetime = Field(sa_type=UtcMicros)
    planned_at: datetime | None = Field(default=None, sa_type=UtcMicros)
    data: dict[str, Any] = Field(sa_type=JSON)


class ObjectRow(Row, table=True):
    """What was last seen of an object of the desk."""

    __tablename__: Any = "object"
    __table_args__ = (
        UniqueConstraint("type", "external_id", name="uq_object_type_external_id"),
        Index("ix_object_status", "type", "status", "status_since"),
    )
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    type: str
    external_id: str
    number: str
    status: str
    status_since: datetime = Field(sa_type=UtcMicros)
    seen_at: datetime = Field(sa_type=UtcMicros)
    data: dict[str, Any] = Field(sa_type=JSON)


class DeadlineRow(Row, table=True):
    """A clock an object runs against, as `store.deadlines.Deadline` says. Times are µs since the epoch.

    `next_at` is when the clock is to look at it: the next threshold, at once after a change, never when nothing is to
    come. A tick costs what is due, not what exists.
    """

    __tablename__: Any = "deadline"
    __table_args__ = (
        UniqueConstraint("object_key", "kind", name="uq_deadline_object_kind"),
        _partial("ix_deadline_next", "next_at", where="next_at IS NOT NULL"),
        _partial("ix_deadline_open", "state", "expires", "id", where="state < 2"),
        _partial("ix_deadline_schedule", "object_type", "kind", "id", where="state < 2"),
    )
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    object_key: int = Field(sa_column=Column(BigKey, ForeignKey("object.id", ondelete="CASCADE"), nullable=False))
    object_type: str
    kind: str
    started: int = Field(sa_type=BigInteger)
    due: int = Field(sa_type=BigInteger)
    since: int = Field(sa_type=BigInteger)
    expires: int = Field(sa_type=BigInteger)
    state: int
    stopped_at: int | None = Field(default=None, sa_type=BigInteger)
    pauses: list[list[int]] = Field(default_factory=list, sa_type=JSON)
    acknowledged_at: int | None = Field(default=None, sa_type=BigInteger)
    acknowledged_by: str = ""
    next_at: int | None = Field(default=None, sa_type=BigInteger)


class FiredThresholdRow(Row, table=True):
    """The ledger of thresholds that were reached: unique, so that two clocks do no harm.

    `due` is the due time the desk gave; `outcome` is that of `dispatch.thresholds`; `reached_at` in µs.
    """

    __tablename__: Any = "fired_threshold"
    object_key: int = Field(sa_column=Column(BigKey, ForeignKey("object.id", ondelete="CASCADE"), primary_key=True))
    threshold: str = Field(primary_key=True)
    due: datetime = Field(sa_column=Column(UtcMicros, primary_key=True))
    fired_at: datetime = Field(sa_type=UtcMicros)
    reached_at: int = Field(sa_type=BigInteger)
    outcome: str


class ScheduleRow(Row, table=True):
    """What the deadlines of a kind are scheduled by; while something is added, by what, and up to which id."""

    __tablename__: Any = "clock_schedule"
    object_type: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    marks: list[str] = Field(sa_type=JSON)
    pending: list[str] = Field(sa_type=JSON)
    after_id: int | None = Field(default=None, sa_type=BigInteger)


class WatermarkRow(Row, table=True):
    """Up to when rules that wait for days in a status have been looked at."""

    __tablename__: Any = "clock_watermark"
    threshold: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcMicros)


class DecisionRow(Row, table=True):
    """Why a rule, or a recipient of a rule, was taken or left out. `recipient` is empty for the rule itself.

    Rules in a row that were left out for one reason share a row, their codes a line each (`store.decisions`).
    """

    __tablename__: Any = "decision"
    __table_args__ = (
        Index(
            "ix_decision_unregistered",
            "recipient",
            "event_id",
            sqlite_where=text("reason = 'unregistered'"),
            postgresql_where=text("reason = 'unregistered'"),
        ),
    )
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    event_id: int = Field(
        sa_column=Column(BigKey, ForeignKey("event.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    rule_code: str
    recipient: str = ""
    taken: bool
    reason: str
    params: dict[str, str] = Field(default_factory=dict, sa_type=JSON)


class RuleDayRow(Row, table=True):
    """What a rule did on a day; the counts are those of `store.rule_stats.RuleCount`, days are since the epoch, in UTC.

    `last_at` is when it last told anybody on that day.
    """

    __tablename__: Any = "rule_day"
    rule_code: str = Field(primary_key=True)
    day: int = Field(primary_key=True)
    matched: int
    fired: int
    notifications: int
    unaddressed: int
    shadowed: int
    shadowed_by: str
    last_at: datetime | None = Field(default=None, sa_type=UtcMicros)


class NotificationRow(Row, table=True):
    """What is said, rendered once per event, rule and language."""

    __tablename__: Any = "notification"
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    event_id: int = Field(
        sa_column=Column(BigKey, ForeignKey("event.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    rule_code: str
    language: str
    subject: str
    text: str
    html: str


class DeliveryRow(Row, table=True):
    """One notification for one recipient over one channel.

    `next_at` says when a new or failed one is due; one that is claimed is due on no day that comes
    (`store.outbox.CLAIMED_AT`).
    """

    __tablename__: Any = "delivery"
    __table_args__ = (
        _partial("ix_delivery_due", "lane", "next_at", "state", where="state < 2"),
        _partial("ix_delivery_held", "id", "reason", where="state = 2"),
        _partial("ix_delivery_dead", "id", where="state = 4"),
        _partial("ix_delivery_cancelled", "id", where="state = 5"),
        Index(
            "ix_delivery_storm",
            "recipient_address",
            sqlite_where=text(HELD_BY_STORM),
            postgresql_where=text(HELD_BY_STORM),
        ),
        Index(
            "ix_delivery_digest",
            "digest_id",
            sqlite_where=text("digest_id IS NOT NULL"),
            postgresql_where=text("digest_id IS NOT NULL"),
        ),
    )
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    notification_id: int = Field(
        sa_column=Column(BigKey, ForeignKey("notification.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    event_id: int = Field(
        sa_column=Column(BigKey, ForeignKey("event.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    channel: str
    recipient_name: str
    recipient_address: str
    state: int
    reason: str = ""
    attempts: int = 0
    next_at: datetime = Field(sa_type=UtcMicros)
    claimed_by: str | None = None
    created_at: datetime = Field(sa_type=UtcMicros)
    sent_at: datetime | None = Field(default=None, sa_type=UtcMicros)
    connection: str = ""
    answer: str = ""
    lane: int = Field(default=1, sa_type=SmallInteger, sa_column_kwargs={"server_default": "1"})
    digest_id: int | None = Field(default=None, sa_type=BigKey)
    """The delivery that told of this one together with others."""


class AttemptRow(Row, table=True):
    """One try at a delivery."""

    __tablename__: Any = "attempt"
    id: int | None = Field(default=None, sa_type=BigKey, primary_key=True)
    delivery_id: int = Field(
        sa_column=Column(BigKey, ForeignKey("delivery.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    at: datetime = Field(sa_type=UtcMicros)
    connection: str
    outcome: str
    code: int | None = None
    answer: str = ""
    error_class: str = ""
    transcript: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Of a failed one what was said, a line each; of one that was sent the answer is enough."""


class ConnectionFailureRow(Row, table=True):
    """The last time a connection failed with a delivery in hand, which is no attempt at the delivery.

    One row for each delivery, whatever the outage lasts.
    """

    __tablename__: Any = "connection_failure"
    delivery_id: int = Field(
        sa_column=Column(BigKey, ForeignKey("delivery.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)
    )
    at: datetime = Field(sa_type=UtcMicros)
    connection: str
    code: int | None = None
    answer: str
    error_class: str
    transcript: str


class DispatcherRow(Row, table=True):
    """A dispatcher and its heartbeat."""

    __tablename__: Any = "dispatcher"
    id: str = Field(primary_key=True)
    host: str
    pid: int
    started_at: datetime = Field(sa_type=UtcMicros)
    seen_at: datetime = Field(sa_type=UtcMicros)


class LetterCountRow(Row, table=True):
    """How many letters were made for somebody, or for somebody about one object, in a window and the one before it.

    One row for each, whatever the flood: a batch of letters costs one statement (`store.storms`).
    `key` is a hash of what is counted, `started` the minute the window began, since 1970.
    """

    __tablename__: Any = "letter_count"
    key: int = Field(sa_column=Column(BigKey, primary_key=True, autoincrement=False))
    started: int
    letters: int
    letters_before: int


class LetterRateRow(Row, table=True):
    """How many letters got into a state (sent, held, dead) within a minute since 1970 (`store.rates`).

    `shard` is who counted: dispatchers on one store do not wait for each other's rows.
    """

    __tablename__: Any = "letter_rate"
    minute: int = Field(primary_key=True)
    state: int = Field(primary_key=True)
    shard: int = Field(primary_key=True)
    letters: int


class RowCountRow(Row, table=True):
    """How many rows `delivery` and `event` have, in parts whose sum counts.

    The database counts by itself, by triggers (migration 0014): so it is right whoever writes, and after every commit.
    On PostgreSQL each connection counts in a part of its own, so that nobody waits for another's commit.
    """

    __tablename__: Any = "row_count"
    name: str = Field(primary_key=True)
    shard: int = Field(primary_key=True)
    rows: int = Field(sa_type=BigInteger)


class StormRow(Row, table=True):
    """What holds during a storm: until when letters are gathered, or let through.

    `kind` is `digest` (`key` is a recipient's address, letters are gathered), `object` or `recipient` (let through).
    """

    __tablename__: Any = "storm"
    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    until: datetime = Field(sa_type=UtcMicros)
