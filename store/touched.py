"""Which deliveries people have done something with: read from the audit, which names them all.

For panes: a letter that is dead or sent does not change by itself, so it is not looked at again, but what one person
does with it all are to see at once.
"""

from typing import cast

from sqlalchemy import Connection, func, select

from store import tables

MOST = 100
"""Entries read at once."""


def newest_in(connection: Connection) -> int:
    """The number of the newest entry of the audit; 0 where there is none."""
    return connection.execute(select(func.coalesce(func.max(tables.audit.c.id), 0))).scalar_one()


def touched_in(connection: Connection, after: int) -> tuple[list[int], int]:
    """Deliveries that were acknowledged, moved or sent to another address since an entry of the audit.

    Returns:
        Their ids, each once and smallest first, and the entry to go on after: call again until it is the same.
    """
    a = tables.audit
    query = select(a.c.id, a.c.what, a.c.after).where(a.c.id > after).order_by(a.c.id).limit(MOST)
    found: set[int] = set()
    for row in connection.execute(query):
        after = row.id
        if row.what.startswith("deliveries:"):
            names = cast("list[str]", row.after["ids"] if row.after and "ids" in row.after else [])
            found.update(int(name[1:]) for name in names)
    return sorted(found), after
