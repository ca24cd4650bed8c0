"""Tables of the housekeeping: what is kept how long, what was removed, and how large the store has been."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Integer
from sqlmodel import Column, Field

from store.tables.row import Row
from store.types import BigKey


class RetentionRow(Row, table=True):
    """How long what is kept; one row. 0 means for ever, and no limit."""

    __tablename__: Any = "retention"
    id: int = Field(default=1, primary_key=True)
    events_days: int = 365
    audit_days: int = 0
    most_megabytes: int = 0


class HousekeepingRow(Row, table=True):
    """Who removes at present, what the run under way and the last one did, and the last check; one row.

    `held_until` is in µs. `run`, `last_run` are those of `store.housekeeping.Run`, `last_check` is that of
    `store.integrity.Check`, as JSON; `None` where there is none.
    """

    __tablename__: Any = "housekeeping"
    id: int = Field(default=1, primary_key=True)
    holder: str = ""
    held_until: int = Field(default=0, sa_type=BigInteger)
    run: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    last_run: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    last_check: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class EventKeyRow(Row, table=True):
    """The key of an event that was removed, so that it is not taken for a new one; a hash (`store.event_keys`)."""

    __tablename__: Any = "event_key"
    key: int = Field(sa_column=Column(BigKey, primary_key=True, autoincrement=False))


class StoreSizeRow(Row, table=True):
    """How large the store was on a day (since the epoch, in UTC), when it was last looked at, in bytes."""

    __tablename__: Any = "store_size"
    day: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    size: int = Field(sa_type=BigInteger)
    used: int = Field(sa_type=BigInteger)
