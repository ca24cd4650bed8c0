"""The full-text index of deliveries, still empty, and views of their list.

Revision: 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_OPTIONS = "content='', detail='none', columnsize=0, tokenize=\"ascii tokenchars '-._@/:+=~!^&#'\""
_ON_SQLITE = (f"CREATE VIRTUAL TABLE delivery_search USING fts5(words, {_OPTIONS})",)
_ON_SERVER = (
    "CREATE TABLE delivery_search (id BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
    "CREATE INDEX ix_delivery_search_words ON delivery_search USING gin (words)",
    "LOCK TABLE delivery IN SHARE MODE",  # whoever is writing ends first: the newest id is then the newest for good
)


def upgrade() -> None:
    op.create_table(
        "search_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for statement in _ON_SERVER if op.get_bind().dialect.name == "postgresql" else _ON_SQLITE:
        op.execute(statement)
    # The index begins after the newest delivery; what is older is put in from there downwards.
    op.execute(
        "INSERT INTO search_state (id, low, high) SELECT 1, coalesce(max(id), 0) + 1, coalesce(max(id), 0) FROM delivery"
    )
    op.create_table(
        "delivery_view",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("filter", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )


def downgrade() -> None:
    op.drop_table("delivery_view")
    op.execute("DROP TABLE delivery_search")
    op.drop_table("search_state")
