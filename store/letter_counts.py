"""How many letters were made lately, for whoever one asks: a sliding window out of two counts.

A row holds the letters of the window that runs and of the one before; of those before, as much counts as of their
window still lies within the last minutes. One statement counts a whole batch and gives what there was, so several
dispatchers count together and a restart forgets nothing. Counting the deliveries themselves would need an index on
the recipient, which costs each letter more than this does.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete

from store import bulk, tables
from store.types import to_micros

MINUTE = 60_000_000
_COLUMNS = ("key", "started", "letters", "letters_before")


def key_of(*words: str) -> int:
    """The key for what is counted, the same in every process."""
    return int.from_bytes(hashlib.blake2b("\0".join(words).encode(), digest_size=8).digest(), "big", signed=True)


def count_in(connection: Connection, now: datetime, minutes: int, made: Mapping[int, int]) -> dict[int, int]:
    """Count letters by key, within a transaction; gives how many of each key there were in the window before them."""
    at = to_micros(now) / MINUTE
    started = int(at) // minutes * minutes
    # In one order, so that two dispatchers that count the same wait for each other and do not block each other.
    rows = [(key, started, made[key], 0) for key in sorted(made)]
    found = bulk.merge_rows(connection, tables.letter_count, _COLUMNS, rows, _merge(minutes))
    return {
        key: int(before * min(1.0, max(0.0, 1 - (at - begun) / minutes))) + letters - made[key]
        for key, begun, letters, before in found
    }


def forget_in(connection: Connection, before: datetime) -> int:
    """Take away counts whose window began before a moment; gives how many."""
    table = tables.letter_count
    return connection.execute(delete(table).where(table.c.started < to_micros(before) // MINUTE)).rowcount


def _merge(minutes: int) -> str:
    """What becomes of a row that is there: it goes on, moves on by a window, or begins anew.

    A clock that is somewhat slow goes on in the window that another one has begun.
    """
    same = f"letter_count.started >= excluded.started AND letter_count.started <= excluded.started + {minutes}"
    past = f"letter_count.started >= excluded.started - {minutes} AND letter_count.started < excluded.started"
    return f"""
        ON CONFLICT (key) DO UPDATE SET
            letters_before = CASE WHEN {same} THEN letter_count.letters_before
                                  WHEN {past} THEN letter_count.letters ELSE 0 END,
            letters = CASE WHEN {same} THEN letter_count.letters ELSE 0 END + excluded.letters,
            started = CASE WHEN {same} THEN letter_count.started ELSE excluded.started END
        RETURNING {", ".join(_COLUMNS)}
    """
