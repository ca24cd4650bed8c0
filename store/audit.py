"""The trail of changed settings, and the revision that tells dispatchers to read them anew."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, String, cast, insert, select, update

from store import tables
from store.engine import Store

REVISION_KEY = "settings_revision"


def record(
    connection: Connection,
    at: datetime,
    who: str,
    what: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    """Write an audit entry and count the settings revision up. Secrets must come as the word "changed"."""
    connection.execute(insert(tables.audit).values(at=at, who=who, what=what, before=before, after=after))
    meta = tables.meta
    # Counted in the store: two processes that count at the same time must not come to the same number.
    more = cast(cast(meta.c.value, BigInteger) + 1, String)
    if not connection.execute(update(meta).where(meta.c.key == REVISION_KEY).values(value=more)).rowcount:
        connection.execute(insert(meta).values(key=REVISION_KEY, value="1"))


def revision_in(connection: Connection) -> int:
    """The settings revision; 0 before the first change."""
    value = connection.execute(
        select(tables.meta.c.value).where(tables.meta.c.key == REVISION_KEY)
    ).scalar_one_or_none()
    return int(value or 0)


def settings_revision(store: Store) -> int:
    """The settings revision of an open store."""
    with store.read() as connection:
        return revision_in(connection)
