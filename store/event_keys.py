"""Keys of events that were removed: an event that is emitted again is the one that was told of, and no news.

A desk emits again after a fault of its own, or all it has after its database was put back. To accept a removed event
anew would tell people of last year's requests, and what an event says of its age is the sender's word. So its key stays
when the event goes: a hash of 63 bits, some 16 bytes of a table with nothing else in it, against the 7,600 that a
letter takes. With a hundred million of them, the chance that any of as many new events is taken for one of them is one
in a thousand.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from sqlalchemy import Connection

from store import bulk, tables

Pair = tuple[str, str]
"""Source and id of an event."""
_BITS = 2**63 - 1


def key_of(source: str, external_id: str) -> int:
    """The key of an event; stays the same in every version, because it is in stores."""
    digest = blake2b(f"{source}\n{external_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") & _BITS


def remember_in(connection: Connection, pairs: Iterable[Pair]) -> None:
    """Keep the keys of events that are being removed."""
    rows = [(key_of(*pair),) for pair in pairs]
    bulk.insert_rows(connection, tables.event_key, ("key",), sorted(rows), "ON CONFLICT DO NOTHING")


def removed_in(connection: Connection, pairs: Sequence[Pair]) -> set[Pair]:
    """Those that were accepted once and are removed by now."""
    keys = {key_of(*pair): pair for pair in pairs}
    return {keys[key] for (key,) in bulk.known_keys(connection, tables.event_key, ("key",), [(key,) for key in keys])}
