"""Letters by the minute: how many were sent, put on hold and given up.

Counted in the transaction that does it, one row a minute, outcome and dispatcher. An index on the time of sending
would cost the settling as much and grow with every letter, and does not know when a letter was held or given up.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import Connection, delete, func, literal_column, select

from store import bulk, tables
from store.cards import Flow, Rates
from store.types import from_micros, to_micros
from store.vocabulary import DeliveryState

MINUTE = 60_000_000
"""In µs."""
KEPT_MINUTES = 2 * 24 * 60
"""More than the longest span that is shown."""
SHARDS = 1024
COUNTED: tuple[DeliveryState, ...] = (DeliveryState.SENT, DeliveryState.HELD, DeliveryState.DEAD)
_COLUMNS = ("minute", "state", "shard", "letters")
_ADD = "ON CONFLICT (minute, state, shard) DO UPDATE SET letters = letter_rate.letters + excluded.letters"


@dataclass(frozen=True, slots=True)
class Span:
    """So many minutes back, in steps of so many."""

    minutes: int
    step: int


SPANS = (Span(60, 1), Span(6 * 60, 10), Span(24 * 60, 60))
"""The last hour by the minute, six hours by ten minutes, the last day by the hour."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A step of a span: from when on, and what became of letters in it."""

    at: datetime
    flow: Flow


def count_in(connection: Connection, now: datetime, letters: Mapping[DeliveryState, int]) -> None:
    """Count letters that have just got into these states; other states than sent, held and dead are passed over."""
    minute, shard = to_micros(now) // MINUTE, os.getpid() % SHARDS
    rows = [(minute, state.value, shard, letters[state]) for state in COUNTED if letters.get(state)]
    bulk.insert_rows(connection, tables.letter_rate, _COLUMNS, rows, _ADD)


def slots_in(connection: Connection, now: datetime, zone: tzinfo, span: Span) -> list[Slot]:
    """All steps of a span, the present one last; they begin at whole steps of the clock in the zone."""
    r = tables.letter_rate
    shift = int((now.astimezone(zone).utcoffset() or timedelta()).total_seconds()) // 60
    last = (to_micros(now) // MINUTE + shift) // span.step
    count = span.minutes // span.step
    # Written out: PostgreSQL does not see that two parameters of the same value group by the same.
    step = (r.c.minute + literal_column(str(shift))) // literal_column(str(span.step))
    flows: dict[int, dict[int, int]] = {}
    since = (last - count + 1) * span.step - shift
    query = select(step.label("step"), r.c.state, func.sum(r.c.letters)).where(r.c.minute >= since)
    for place, state, letters in connection.execute(query.group_by(step, r.c.state)):
        flows.setdefault(place, {})[state] = int(letters)
    places = range(last - count + 1, last + 1)
    return [Slot(from_micros((place * span.step - shift) * MINUTE), _flow(flows.get(place, {}))) for place in places]


def rates_in(connection: Connection, now: datetime) -> Rates:
    """What became of letters within the last whole minute, and within the last hour."""
    r, minute = tables.letter_rate, to_micros(now) // MINUTE
    query = select(r.c.minute, r.c.state, func.sum(r.c.letters)).where(r.c.minute > minute - 60, r.c.minute <= minute)
    of_minute, of_hour = dict[int, int](), dict[int, int]()
    for at, state, letters in connection.execute(query.group_by(r.c.minute, r.c.state)):
        of_hour[state] = of_hour.get(state, 0) + int(letters)
        if at == minute - 1:
            of_minute[state] = int(letters)
    return Rates(_flow(of_minute), _flow(of_hour))


def prune_in(connection: Connection, now: datetime) -> None:
    """Delete what is too old to be shown."""
    r = tables.letter_rate
    connection.execute(delete(r).where(r.c.minute < to_micros(now) // MINUTE - KEPT_MINUTES))


def _flow(letters: Mapping[int, int]) -> Flow:
    return Flow(*(letters.get(state.value, 0) for state in COUNTED))
