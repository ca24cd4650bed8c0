"""The full-text index of deliveries, which each engine keeps in its own way, and how far it has come.

Neither keeps the texts a second time: SQLite's table is an index and nothing else, PostgreSQL's has the words. It is
made by statements, because no table of SQLAlchemy's can say it.
"""

from typing import Any, cast

from sqlalchemy import DDL, BigInteger, MetaData, Table, event
from sqlmodel import Field

from store.tables.row import Row

_OPTIONS = "content='', detail='none', columnsize=0, tokenize=\"ascii tokenchars '-._@/:+=~!^&#'\""
MERGED_BY_US = (("automerge", 0), ("crisismerge", 64))
"""SQLite puts parts of the index together where they become many, up to half a second in the transaction of whoever
writes then; `store.search_index.merge` does so in small steps instead."""
ON_SQLITE = (
    f"CREATE VIRTUAL TABLE delivery_search USING fts5(words, {_OPTIONS})",
    *(
        f"INSERT INTO delivery_search (delivery_search, rank) VALUES ('{name}', {value})"  # noqa: S608
        for name, value in MERGED_BY_US
    ),
)
ON_SERVER = (
    "CREATE TABLE delivery_search (id BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
    "CREATE INDEX ix_delivery_search_words ON delivery_search USING gin (words)",
)


class SearchStateRow(Row, table=True):
    """One row: the deliveries from `low` to `high` are in the index; none are while `low` is above `high`."""

    __tablename__: Any = "search_state"
    id: int = Field(primary_key=True)
    low: int = Field(sa_type=BigInteger)
    high: int = Field(sa_type=BigInteger)


INDEX = Table("delivery_search", MetaData())
"""The index; its key is called `id`, on SQLite `rowid`, and what it holds `words`."""
_state = cast("Table", getattr(SearchStateRow, "__table__"))  # noqa: B009 - made by SQLModel's metaclass
for _dialect, _statements in (("sqlite", ON_SQLITE), ("postgresql", ON_SERVER)):
    for _statement in _statements:
        event.listen(_state, "after_create", DDL(_statement).execute_if(dialect=_dialect))
