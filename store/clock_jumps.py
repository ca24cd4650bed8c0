"""What is to be done when the clock of a machine is put back: what waits for a moment would wait so much longer.

Retries, digests and new letters wait for a span of time, which is kept as the moment it ends. That moment moves with
the clock. What is due by the clock itself (working hours, deadlines, silent mode, mutes) stays where it is.
"""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, Connection, case, insert, select, text, type_coerce, update

from store import tables
from store.outbox import DUE
from store.types import to_micros
from store.vocabulary import DeliveryState
from store.working_hours import WORKING_HOURS

TOLERATED = timedelta(minutes=1)
"""Clocks of machines may differ by so much."""
ONCE_WITHIN = timedelta(seconds=10)
"""Dispatchers of one machine notice a jump within a second of each other."""


def put_back_in(connection: Connection, now: datetime, by: timedelta, host: str) -> bool:
    """Move what waits, once for all dispatchers of a machine; gives whether it was this one that did."""
    m, key = tables.meta, f"clock_put_back:{host}"
    last = connection.execute(select(m.c.value).where(m.c.key == key).with_for_update()).scalar_one_or_none()
    if last is None:
        connection.execute(insert(m).values(key=key, value=str(to_micros(now))))
    elif timedelta() <= now - _moment(last, now) < ONCE_WITHIN:
        return False
    else:
        connection.execute(update(m).where(m.c.key == key).values(value=str(to_micros(now))))
    d, s, deadline = tables.delivery, tables.storm, tables.deadline
    waiting = (DUE, d.c.state == DeliveryState.PENDING.value, d.c.next_at > now, d.c.reason != WORKING_HOURS)
    connection.execute(update(d).where(*waiting).values(next_at=_sooner(d.c.next_at, now, by)))
    connection.execute(update(s).where(s.c.until > now).values(until=_sooner(s.c.until, now, by)))
    # What an event wanted looked at at once would be looked at when the clock is there again.
    at = to_micros(now)
    at_once = (text("next_at IS NOT NULL"), deadline.c.next_at > at, deadline.c.next_at <= to_micros(now + by))
    connection.execute(update(deadline).where(*at_once).values(next_at=at))
    return True


def from_the_future_in(connection: Connection, now: datetime) -> timedelta | None:
    """By how much the clock was put back while nobody looked, as far as the newest delivery tells; else `None`."""
    d = tables.delivery
    newest = connection.execute(select(d.c.created_at).order_by(d.c.id.desc()).limit(1)).scalar_one_or_none()
    return newest - now if newest is not None and newest - now > TOLERATED else None


def _sooner(column: ColumnElement[datetime], now: datetime, by: timedelta) -> ColumnElement[int]:
    moment, at = type_coerce(column, BigInteger), to_micros(now)
    span = by // timedelta(microseconds=1)
    return case((moment - span > at, moment - span), else_=at)


def _moment(micros: str, now: datetime) -> datetime:
    return now + timedelta(microseconds=int(micros) - to_micros(now))
