"""The full-text index of deliveries: what it holds, how it is filled, how it is asked.

It is filled in steps by the dispatcher, behind the letters: so accepting and sending pay nothing. What is not in it yet
is looked through instead (`store.delivery_walk`). A store that had deliveries before is gone through from the newest.

Each word stands in the index with the number of its block of ids before it, `3d=принтер`: so all words that begin with
`принт` are looked up in one block at a time, and a word that every letter has costs no more than a block. Without that,
both engines would gather a million ids first to give the newest two hundred.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, func, select

from store import bulk, tables
from store.delivery_traits import DeliveryQuery, Traits
from store.engine import Store
from store.search_words import MOST_TEXT, MOST_WORD, chunks, key, plain, words

BLOCK = 16_384
"""Ids that share the number before their words. It is in the index: to change it is to fill the index anew."""
STEP = 500
"""Letters that are put into the index at a time: some tens of milliseconds."""
MERGE_PAGES = 16
"""Pages that are put together at a time: 1 ms, 12 ms at most, in the index of a million letters."""
Ways = tuple[tuple[str, ...], ...]
"""Ways to have something, each some words that are all there; a word ends with `*` where it may go on."""
GAP = timedelta(seconds=60)
"""So long an id that is missing is waited for: on a server, who has it may commit later than who has the next one."""
_WORD, _PERSON, _RULE, _TYPE, _EVENT, _NUMBER = "=~!^&#"
"""What a word in the index is one of."""


@dataclass(frozen=True, slots=True)
class Covered:
    """The deliveries that are in the index: from `low` to `high`, where there are any."""

    low: int
    high: int

    def edge(self, at: int, end: int) -> tuple[bool, int]:
        """Whether an id is in the index, and up to where, going on to `end`, that is so."""
        inside = self.low <= at <= self.high
        if at <= end:
            ahead = [self.high] if inside else [self.low - 1] if self.high >= self.low > at else []
            return inside, min([end, *ahead])
        ahead = [self.low] if inside else [self.high + 1] if self.low <= self.high < at else []
        return inside, max([end, *ahead])


@dataclass(frozen=True, slots=True)
class Terms:
    """What to ask the index for.

    Attributes:
        wanted: Of each of them one way must be there.
        unwanted: None of these may be.
        exact: Whether that is all that was asked of texts, people, rules and objects, to the letter.
    """

    wanted: tuple[Ways, ...]
    unwanted: Ways
    exact: bool


def terms(query: DeliveryQuery, logins: Mapping[str, frozenset[str]]) -> Terms:
    """What of a query the index can tell."""
    wanted = list(_ways(query, logins))
    unwanted = [way for ways in _ways(query.without, logins) for way in ways]
    exact = _is_exact(query, logins)
    if not _is_exact(query.without, logins):
        return Terms(tuple(wanted), (), exact=False)
    return Terms(tuple(wanted), tuple(unwanted), exact)


def _ways(traits: Traits, logins: Mapping[str, frozenset[str]]) -> Iterator[Ways]:
    """For each word, and for each kind that is asked for, the ways in which a letter may have it."""
    addresses = {address for one in traits.people for address in logins.get(one, ())}
    groups: list[Ways] = [(_beginnings(_WORD, word),) for word in traits.words]
    groups.append(tuple((f"{_TYPE}{key(one)}",) for one in traits.types))
    groups.append(tuple((f"{_EVENT}{key(one)}",) for one in traits.events))
    groups.append(tuple((f"{_NUMBER}{key(one)}",) for one in traits.numbers))
    groups.append(tuple(_beginnings(_PERSON, one) for one in (*traits.people, *sorted(addresses))))
    groups.append(tuple(_beginnings(_RULE, one) for one in traits.rules))
    return (ways for ways in groups if ways and all(ways))  # what has no letter in it asks for nothing


def _beginnings(mark: str, text: str) -> tuple[str, ...]:
    return tuple(f"{mark}{chunk[:MOST_WORD]}*" for chunk in chunks(text))


def _is_exact(traits: Traits, logins: Mapping[str, frozenset[str]]) -> bool:
    """Whether the index tells all: not what stands in a row, nor where a long word ends, nor an address to its end."""
    in_a_row = any(" " in plain(one) for one in (*traits.words, *traits.rules))
    asked = (*traits.words, *traits.rules, *traits.people)
    short = all(len(chunks(one)) > 0 and all(len(chunk) <= MOST_WORD for chunk in chunks(one)) for one in asked)
    return short and not in_a_row and not any(logins.get(one) for one in traits.people)


def covered(connection: Connection) -> Covered:
    """What the index holds now."""
    s = tables.search_state
    row = connection.execute(select(s.c.low, s.c.high)).one()
    return Covered(row.low, row.high)


def find(connection: Connection, blocks: Iterable[int], ways: Sequence[Ways]) -> list[int]:
    """Those of some blocks that have, of each of the ways, one; in no order."""
    on_server = connection.dialect.name == "postgresql"
    all_of, any_of = (" & ", " | ") if on_server else (" AND ", " OR ")

    def leaf(block: int, word: str) -> str:
        text, may_go_on = f"{block:x}{word.removesuffix('*')}", word.endswith("*")
        if on_server:
            return f"'{text}':*" if may_go_on else f"'{text}'"
        return f'"{text}" *' if may_go_on else f'"{text}"'

    def branch(block: int) -> str:
        groups = (any_of.join(f"({all_of.join(leaf(block, word) for word in way)})" for way in one) for one in ways)
        return all_of.join(f"({group})" for group in groups)

    asked = any_of.join(f"({branch(block)})" for block in blocks)
    statement = (
        "SELECT id FROM delivery_search WHERE words @@ CAST(%s AS tsquery)"
        if on_server
        else "SELECT rowid FROM delivery_search WHERE delivery_search MATCH ?"
    )
    return [row[0] for row in connection.exec_driver_sql(statement, (asked,))]


def step(store: Store, limit: int = STEP, *, tolerated: int = 0) -> int:
    """Put some deliveries into the index, those that are new first; gives how many.

    Args:
        store: The store.
        limit: So many at most.
        tolerated: Nothing is done while no more than so many new ones are missing, unless that is 0.
    """
    with store.read() as connection:
        before = covered(connection)
        if tolerated and _newest(connection) - before.high <= tolerated:
            return 0
        new = _settled(connection, store, before.high, _rows(connection, before.high, limit, up=True))
        old = _rows(connection, before.low, limit - len(new), up=False)
        entries = [(row.id, _entry(row)) for row in (*new, *old)]
    if not entries:
        return 0
    after = Covered(old[-1].id if old else min(before.low, new[0].id), new[-1].id if new else before.high)
    return len(entries) if store.write(lambda connection: _add(connection, before, after, entries)) else 0


def _newest(connection: Connection) -> int:
    return connection.execute(select(func.max(tables.delivery.c.id))).scalar() or 0


def entries_of(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """The words that deliveries have in the index, or would have: what `forget_in` is to be handed.

    On a server they are empty, because they are not needed there. They stay the same as long as a delivery is there.
    """
    if connection.dialect.name == "postgresql":
        return dict.fromkeys(ids, "")
    query = _query().where(bulk.among(connection, tables.delivery.c.id, ids))
    return {row.id: _entry(row) for row in connection.execute(query)}


def forget_in(connection: Connection, entries: Mapping[int, str]) -> None:
    """Take deliveries out of the index, within the transaction in which they are deleted.

    Their words are read beforehand (`entries_of`), since to make them takes longer than all that is written.
    """
    now = _locked(connection)
    kept = [one for one in entries if now.low <= one <= now.high]
    if not kept:
        return
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DELETE FROM delivery_search WHERE id = ANY(%s)", (kept,))
        return
    rows = [("delete", one, entries[one]) for one in kept]
    bulk.insert_rows(connection, tables.delivery_search, ("delivery_search", "rowid", "words"), rows)


def merge(store: Store) -> bool:
    """Have SQLite put parts of the index together, some pages of it; gives whether there is more to do. Blocking.

    After each `step`, until there is none: a search asks every part. What was deleted leaves the file with it.
    """
    if store.engine.dialect.name == "postgresql":
        return False  # the server does it by itself
    return store.write(merge_in)


def merge_in(connection: Connection) -> bool:
    """Like `merge`, within a transaction."""
    if connection.dialect.name == "postgresql":
        return False
    count = "SELECT total_changes()"
    before = connection.exec_driver_sql(count).scalar_one()
    statement = "INSERT INTO delivery_search (delivery_search, rank) VALUES ('merge', ?)"
    connection.exec_driver_sql(statement, (MERGE_PAGES,))
    # As its manual has it: a merge that found nothing to do changes but the row of the command itself.
    return connection.exec_driver_sql(count).scalar_one() - before > 1


def _add(connection: Connection, before: Covered, after: Covered, entries: Sequence[tuple[int, str]]) -> bool:
    """Write entries, unless another dispatcher was quicker."""
    if _locked(connection) != before:
        return False
    s, d = tables.search_state, tables.delivery
    # What the housekeeping has removed since it was read must not come back.
    there = {
        row[0]
        for row in bulk.fetch_rows(
            connection, select(d.c.id).where(bulk.among(connection, d.c.id, [one for one, _ in entries]))
        )
    }
    name = "id" if connection.dialect.name == "postgresql" else "rowid"
    bulk.insert_rows(connection, tables.delivery_search, (name, "words"), [one for one in entries if one[0] in there])
    connection.execute(s.update().values(low=after.low, high=after.high))
    return True


def _locked(connection: Connection) -> Covered:
    """What the index holds, which stays so until the transaction ends."""
    s = tables.search_state
    row = connection.execute(select(s.c.low, s.c.high).with_for_update()).one()
    return Covered(row.low, row.high)


def _query() -> Any:
    d, n, e = tables.delivery, tables.notification, tables.event
    return (
        select(
            d.c.id, d.c.created_at, d.c.recipient_name, d.c.recipient_address, n.c.rule_code, n.c.subject,
            func.substr(n.c.text, 1, MOST_TEXT).label("text"), e.c.object_type, e.c.event_type, e.c.object_number,
            e.c.object_id,
        )
        .join(n, n.c.id == d.c.notification_id)
        .join(e, e.c.id == d.c.event_id)
    )  # fmt: skip


def _rows(connection: Connection, beyond: int, limit: int, *, up: bool) -> list[Row[Any]]:
    """The next deliveries above or below an id, with what is searched of them."""
    d = tables.delivery
    query = select(d.c.id).where(d.c.id > beyond if up else d.c.id < beyond)
    ids = connection.execute(query.order_by(d.c.id if up else d.c.id.desc()).limit(limit)).scalars().all()
    if not ids:
        return []
    found: dict[int, Row[Any]] = {row.id: row for row in connection.execute(_query().where(d.c.id.in_(ids)))}
    return [found[one] for one in ids]


def _settled(connection: Connection, store: Store, after: int, rows: list[Row[Any]]) -> list[Row[Any]]:
    """New deliveries up to the first missing one that may still come."""
    if connection.dialect.name != "postgresql":
        return rows  # one writes at a time, and numbers what it writes one after the other
    young = store.clock() - GAP
    for place, row in enumerate(rows):
        if row.id != after + 1 and row.created_at > young:
            return rows[:place]
        after = row.id
    return rows


def _entry(row: Row[Any]) -> str:
    """The words of a delivery as they are in the index."""
    block = f"{row.id // BLOCK:x}"
    who = _few(row.recipient_name) | _few(row.recipient_address)
    found = (
        (_WORD, words((row.subject, row.text, row.object_number)) | who),
        (_PERSON, who),
        (_RULE, _few(row.rule_code)),
        (_TYPE, (key(row.object_type),)),
        (_EVENT, (key(row.event_type),)),
        (_NUMBER, {key(row.object_number), key(row.object_id)}),
    )
    return " ".join(f"'{block}{mark}" + f"' '{block}{mark}".join(some) + "'" for mark, some in found if some)


@lru_cache(maxsize=8192)
def _few(text: str) -> frozenset[str]:
    """The words of a name, an address or a code: the same come again and again."""
    return frozenset(words((text,)))
