"""The trail of changed settings, and the revision that tells dispatchers to read them anew."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    and_,
    cast,
    func,
    insert,
    or_,
    select,
    update,
)

from store import tables
from store.engine import Store

REVISION_KEY = "settings_revision"
Values = dict[str, Any]
"""Fields by name, as JSON knows them."""
SECRET_CHANGED = "changed"  # noqa: S105 - the word that stands for a secret
"""What the trail says of a secret: that it was changed, never what it is or was."""
_reverted: ContextVar[int | None] = ContextVar("reverted", default=None)


@dataclass(frozen=True, slots=True)
class AuditCard:
    """One change of the settings.

    Attributes:
        id: Grows with time.
        what: The settings that were changed, e.g. `company`, `mail.connections:main`, `rule:CODE`.
        before: The fields that were changed, as they were; `None` when the thing was added.
        after: The same fields as they became, and secrets as "changed"; `None` when the thing was deleted.
        reverts: The entry this one took back.
        reverted_by: The newest entry that took this one back.
    """

    id: int
    at: datetime
    who: str
    what: str
    before: Values | None
    after: Values | None
    reverts: int | None = None
    reverted_by: int | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """A word an entry must have somewhere, in any of these meanings.

    Attributes:
        texts: What may stand in it.
        whats: Settings it may be about, each with what belongs to it.
        fields: Fields it may have changed, each as the kind of setting and its name.
    """

    texts: tuple[str, ...]
    whats: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()


def record(
    connection: Connection,
    at: datetime,
    who: str,
    what: str,
    before: Values | None,
    after: Values | None,
) -> None:
    """Write an audit entry and count the settings revision up. Secrets must come as the word "changed"."""
    record_deed(connection, at, who, what, before, after)
    meta = tables.meta
    # Counted in the store: two processes that count at the same time must not come to the same number.
    more = cast(cast(meta.c.value, BigInteger) + 1, String)
    if not connection.execute(update(meta).where(meta.c.key == REVISION_KEY).values(value=more)).rowcount:
        connection.execute(insert(meta).values(key=REVISION_KEY, value="1"))


def record_deed(
    connection: Connection, at: datetime, who: str, what: str, before: Values | None, after: Values | None
) -> None:
    """Write an audit entry of what changes no setting: no dispatcher need read them anew for it."""
    entry = {"at": at, "who": who, "what": what, "before": before, "after": after, "reverts": _reverted.get()}
    connection.execute(insert(tables.audit).values(**entry))


@contextmanager
def reverting(entry_id: int) -> Generator[None]:
    """What is recorded meanwhile says that it takes this entry back. What saves settings need not know of it."""
    token = _reverted.set(entry_id)
    try:
        yield
    finally:
        _reverted.reset(token)


def page(
    store: Store,
    *,
    what: str = "",
    who: str = "",
    words: Sequence[Word] = (),
    before_id: int | None = None,
    limit: int = 200,
) -> list[AuditCard]:
    """Entries, newest first.

    Args:
        store: Where they are.
        what: Only these settings and what belongs to them: `rule` has `rule:request.added.client.email` as well.
        who: Only changes of this person.
        words: Only entries that have all of them.
        before_id: Only entries older than this one (keyset paging).
        limit: How many.
    """
    a = tables.audit
    query = select(a).order_by(a.c.id.desc()).limit(limit)
    if what:
        query = query.where(_about(what))
    if who:
        query = query.where(a.c.who == who)
    if before_id is not None:
        query = query.where(a.c.id < before_id)
    for word in words:
        query = query.where(_has(word))
    with store.read() as connection:
        return cards_in(connection, list(connection.execute(query)))


def entry_in(connection: Connection, entry_id: int) -> AuditCard | None:
    """One entry, within a transaction; `None` when there is none of that number."""
    rows = connection.execute(select(tables.audit).where(tables.audit.c.id == entry_id)).all()
    return next(iter(cards_in(connection, rows)), None)


def later_in(connection: Connection, entry_id: int, kind: str) -> list[AuditCard]:
    """Entries about things of a kind, e.g. `mail.connections`, that came after an entry, oldest first."""
    a = tables.audit
    after = (a.c.id > entry_id, a.c.what.startswith(f"{kind}:", autoescape=True))
    return [_card(row, None) for row in connection.execute(select(a).where(*after).order_by(a.c.id))]


def cards_in(connection: Connection, rows: Sequence[Row[Any]]) -> list[AuditCard]:
    """The cards of rows, each with the entry that took it back."""
    a = tables.audit
    ids = [row.id for row in rows]
    taken_back = select(a.c.reverts, func.max(a.c.id)).where(a.c.reverts.in_(ids)).group_by(a.c.reverts)
    by = {row[0]: row[1] for row in connection.execute(taken_back)} if ids else {}
    return [_card(row, by.get(row.id)) for row in rows]


def _card(row: Row[Any], reverted_by: int | None) -> AuditCard:
    return AuditCard(row.id, row.at, row.who, row.what, row.before, row.after, row.reverts, reverted_by)


def _has(word: Word) -> ColumnElement[bool]:
    a = tables.audit
    # SQLite folds the case of ASCII only: a text is tried as typed, capitalised, in lower and in upper case.
    spellings = {form for text in word.texts for form in (text, text.lower(), text.capitalize(), text.upper())}
    columns = (a.c.who, a.c.what, cast(a.c.before, String), cast(a.c.after, String))
    found = [column.contains(spelling, autoescape=True) for column in columns for spelling in spellings]
    for kind, name in word.fields:
        changed = [column.contains(f'"{name}":', autoescape=True) for column in columns[2:]]
        found.append(and_(_about(kind), or_(*changed)))
    return or_(*map(_about, word.whats), *found)


def _about(what: str) -> ColumnElement[bool]:
    """The setting itself, and what belongs to it."""
    column = tables.audit.c.what
    return or_(column == what, *(column.startswith(f"{what}{mark}", autoescape=True) for mark in ":."))


def revision_in(connection: Connection) -> int:
    """The settings revision; 0 before the first change."""
    return int(connection.execute(_revision()).scalar_one_or_none() or 0)


@cache
def _revision() -> Select[str]:
    """Asked all the time, so it is built once."""
    return select(tables.meta.c.value).where(tables.meta.c.key == REVISION_KEY)


def hold_revision_in(connection: Connection) -> int:
    """The settings revision, which stays until the transaction ends: who changes settings waits for it.

    For whoever writes what follows from settings it has read before.
    """
    return int(connection.execute(_revision().with_for_update(read=True)).scalar_one_or_none() or 0)


def settings_revision(store: Store) -> int:
    """The settings revision of an open store."""
    with store.read() as connection:
        return revision_in(connection)
