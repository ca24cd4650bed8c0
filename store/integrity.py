"""Whether the store is whole: checked when somebody asks for it, and what was found is kept for all consoles."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from store import tables
from store.backup import problems
from store.engine import Store

MOST_KEPT = 5
"""Problems that are kept; `vestnik verify` tells all."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a check has found: nothing, where the store is whole. `problems` are SQLite's own words.

    Attributes:
        at: When it ended.
        took_s: How long it took, in seconds.
    """

    at: datetime
    took_s: float
    problems: tuple[str, ...]


def check(store: Store, stopped: Callable[[], bool] = lambda: False) -> Check:
    """Check a store on SQLite, and keep what was found. Blocking: reads all of it, some 100 MB a second.

    Letters go on meanwhile; the log of what is written may grow until it is over. `stopped` as in `problems`.

    Raises:
        StoreUnreachableError: It is on PostgreSQL, which has tools of its own, or cannot be read, or was stopped.
    """
    begun = time.monotonic()
    found = problems(store.url, stopped)
    return keep(store, found, time.monotonic() - begun)


def keep(store: Store, found: list[str], took_s: float) -> Check:
    """Keep what a check has just found."""
    done = Check(store.clock(), round(took_s, 1), tuple(found[:MOST_KEPT]))
    values = {"at": done.at.isoformat(), "took_s": done.took_s, "problems": list(done.problems)}
    store.write(lambda connection: connection.execute(update(tables.housekeeping).values(last_check=values)).rowcount)
    return done


def last_in(connection: Connection) -> Check | None:
    """The last check; `None` where there was none."""
    values: dict[str, Any] | None = connection.execute(select(tables.housekeeping.c.last_check)).scalar_one()
    if values is None:
        return None
    return Check(datetime.fromisoformat(values["at"]), float(values["took_s"]), tuple(values["problems"]))
