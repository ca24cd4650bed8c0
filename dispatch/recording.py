"""What was planned goes into the store: decisions, notifications, deliveries; some of them into the sender's hands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from store import bulk, decisions, rates, tables
from store.cards import DecisionCard, StormLimits
from store.events import StoredEvent
from store.outbox import CLAIMED_AT, Claimed
from store.storms import HOLD_OBJECT, Addressed, hold_in
from store.types import to_micros
from store.vocabulary import Channel, DeliveryState, Lane
from store.working_hours import WORKING_HOURS

if TYPE_CHECKING:
    from dispatch.planner import Draft, Note

BEHIND = "behind_others"
"""Why a letter waits that others overtake: who caused it causes many at once."""
_CLAIMED_AT = to_micros(CLAIMED_AT)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a sender takes at once: so many letters are born leased to it, and nobody need look for them.

    Attributes:
        owner: The name its leases carry.
        revision: Of the settings it goes by; with others in force, it takes nothing.
    """

    owner: str
    revision: int
    letters: int


@dataclass(slots=True)
class Recorded:
    """What came of a batch.

    Attributes:
        events: How many were ours to plan.
        handed: Letters born leased to whom made the offer.
        waiting: Letters that are due now and in nobody's hand.
    """

    events: int = 0
    handed: list[Claimed] = field(default_factory=list[Claimed])
    waiting: int = 0


def record(
    connection: Connection, now: datetime, drafts: "Sequence[Draft]", limits: StormLimits, offer: Offer | None
) -> Recorded:
    """Write what came of some events; within a transaction, in which they have been taken."""
    recorded = Recorded(len(drafts))
    decisions.record_in(connection, ((one.event.id, card) for one in drafts for card in one.decisions))
    notes = [(one.event, note) for one in drafts for note in one.notes]
    lanes = iter([lane for one in drafts for lane in one.lanes or (Lane.ORDINARY,) * one.letters])
    too_many, held = _too_many(connection, now, notes, limits), 0
    keys, at = bulk.reserve_ids(connection, tables.notification, len(notes)), to_micros(now)
    numbers = iter(bulk.reserve_ids(connection, tables.delivery, sum(len(note.recipients) for _, note in notes)))
    texts: list[tuple[Any, ...]] = []
    deliveries: list[tuple[Any, ...]] = []
    for key, (event, note) in zip(keys, notes, strict=True):
        code, channel = note.taken.rule.code, note.taken.rule.channel
        texts.append((key, event.id, code, note.language.value, note.subject, note.text, note.html))
        opens = note.taken.not_before
        later = to_micros(opens) if opens and to_micros(opens) > at else None
        for who, number in zip(note.recipients, numbers, strict=False):
            state, lane, reason, due, sent_at, owner = DeliveryState.PENDING, Lane.ORDINARY, "", at, None, None
            if channel is Channel.INTERFACE:
                # What is shown in the interface is delivered by the commit that makes it visible.
                state, sent_at = DeliveryState.SENT, at
            else:
                lane, storm = next(lanes), next(too_many)
                if later is not None:
                    due, reason = later, WORKING_HOURS
                if storm:
                    state, reason, held = DeliveryState.HELD, storm, held + 1
                elif later is None and offer is not None and len(recorded.handed) < offer.letters:
                    state, due, owner = DeliveryState.SENDING, _CLAIMED_AT, offer.owner
                    recorded.handed.append(
                        Claimed(
                            number, key, who.name, who.address, 0, note.subject, note.text, note.html,
                            event.object_type, event.object_id, now, lane, event.id, event.accepted_at,
                        )
                    )  # fmt: skip
                elif later is None:
                    reason, recorded.waiting = BEHIND if lane is Lane.BULK else "", recorded.waiting + 1
            deliveries.append(
                (
                    number, key, event.id, channel.value, who.name, who.address, state.value, lane.value, reason, 0,
                    due, at, sent_at, "", "", owner,
                )
            )  # fmt: skip
    columns = ("id", "event_id", "rule_code", "language", "subject", "text", "html")
    bulk.insert_rows(connection, tables.notification, columns, texts)
    columns = (
        "id", "notification_id", "event_id", "channel", "recipient_name", "recipient_address", "state", "lane",
        "reason", "attempts", "next_at", "created_at", "sent_at", "connection", "answer", "claimed_by",
    )  # fmt: skip
    bulk.insert_rows(connection, tables.delivery, columns, deliveries)
    rates.count_in(connection, now, {DeliveryState.HELD: held})
    return recorded


def _too_many(
    connection: Connection, now: datetime, notes: "Sequence[tuple[StoredEvent, Note]]", limits: StormLimits
) -> Iterator[str]:
    """For each letter in turn why it is one too many, empty where it is not; the why of those that are is written."""
    letters = [
        (event, note.taken.rule.code, who.address)
        for event, note in notes
        if note.taken.rule.channel is Channel.EMAIL
        for who in note.recipients
    ]
    addressed = [Addressed(event.object_type, event.object_id, address) for event, _, address in letters]
    reasons = hold_in(connection, now, limits, addressed)
    above = [
        (event.id, DecisionCard(code, address, taken=True, reason=reason, params=_limit(limits, reason)))
        for (event, code, address), reason in zip(letters, reasons, strict=True)
        if reason
    ]
    decisions.record_in(connection, above)
    return iter(reasons)


def _limit(limits: StormLimits, reason: str) -> dict[str, str]:
    by_object = reason == HOLD_OBJECT
    letters = limits.object_letters if by_object else limits.recipient_letters
    minutes = limits.object_minutes if by_object else limits.recipient_minutes
    return {"letters": str(letters), "minutes": str(minutes)}
