"""Taking events in: what is acknowledged here survives a power cut."""

from collections.abc import Sequence
from dataclasses import dataclass

from dispatch import traces
from dispatch.cloudevents import Incoming, Rejected, read_events
from store.engine import Store
from store.events import accept_in

CHUNK = 500
"""Events in one transaction."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one event: `outcome` is `accepted`, `duplicate` or `rejected` (with `reason`)."""

    line: int
    source: str
    id: str
    outcome: str
    reason: str = ""


def accept(store: Store, incoming: Sequence[Incoming]) -> list[Receipt]:
    """Store events in order; each chunk is durable before the next begins."""
    receipts: list[Receipt] = []
    for start in range(0, len(incoming), CHUNK):
        chunk = incoming[start : start + CHUNK]
        events = [one.event for one in chunk]
        fresh = store.write(lambda connection, events=events: accept_in(connection, store.clock(), events))
        if traces.wanted():
            traces.accepted(store, [event for event, new in zip(events, fresh, strict=True) if new])
        receipts += [
            Receipt(one.line, one.event.source, one.event.external_id, "accepted" if new else "duplicate")
            for one, new in zip(chunk, fresh, strict=True)
        ]
    return receipts


def emit(store: Store, text: str) -> list[Receipt]:
    """Read and store events from a text; receipts come in the order of the lines."""
    parsed = read_events(text)
    receipts = accept(store, [one for one in parsed if isinstance(one, Incoming)])
    receipts += [Receipt(one.line, "", "", "rejected", one.reason) for one in parsed if isinstance(one, Rejected)]
    return sorted(receipts, key=lambda receipt: receipt.line)
