"""How long what is kept, what was removed, keys of removed events, and how large the store has been.

Revision: 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "retention",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("events_days", "audit_days", "most_megabytes")),
        sa.PrimaryKeyConstraint("id"),
    )
    # A store that is in use keeps what it has until somebody says otherwise: an upgrade removes nothing by itself.
    op.execute(
        "INSERT INTO retention (id, events_days, audit_days, most_megabytes)"
        " SELECT 1, CASE WHEN EXISTS (SELECT 1 FROM event) THEN 0 ELSE 365 END, 0, 0"
    )
    op.create_table(
        "housekeeping",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("held_until", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.JSON(), nullable=True) for name in ("run", "last_run", "last_check")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO housekeeping (id, holder, held_until) VALUES (1, '', 0)")
    op.create_table(
        "event_key",
        sa.Column("key", BIG_KEY, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "store_size",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    _merge_by(automerge=0, crisismerge=64)


def _merge_by(**options: int) -> None:
    """How SQLite merges parts of the search index within the transactions that write to it: hardly, and as it ships."""
    if op.get_bind().dialect.name == "sqlite":
        for name, value in options.items():
            op.execute(f"INSERT INTO delivery_search (delivery_search, rank) VALUES ('{name}', {value})")  # noqa: S608


def downgrade() -> None:
    _merge_by(automerge=4, crisismerge=16)
    for table in ("store_size", "event_key", "housekeeping", "retention"):
        op.drop_table(table)
