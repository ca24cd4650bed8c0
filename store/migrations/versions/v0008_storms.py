"""Limits against floods of letters: how many were made, what is held for it, and the digests that tell of them.

Revision: 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = {
    "ix_delivery_storm": ("recipient_address", "state = 2 AND reason IN ('storm_object', 'storm_recipient')"),
    "ix_delivery_digest": ("digest_id", "digest_id IS NOT NULL"),
}


def upgrade() -> None:
    op.create_table(
        "storm_limits",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("object_letters", sa.Integer(), nullable=False),
        sa.Column("object_minutes", sa.Integer(), nullable=False),
        sa.Column("recipient_letters", sa.Integer(), nullable=False),
        sa.Column("recipient_minutes", sa.Integer(), nullable=False),
        sa.Column("then", sa.String(), nullable=False),
        sa.Column("digest_minutes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "letter_count",
        sa.Column("key", BIG_KEY, nullable=False, autoincrement=False),
        sa.Column("started", sa.Integer(), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("letters_before", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "storm",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key"),
    )
    op.add_column("delivery", sa.Column("digest_id", BIG_KEY, nullable=True))
    for name, (column, where) in INDEXES.items():
        op.create_index(
            name, "delivery", [column], unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name="delivery")
    with op.batch_alter_table("delivery") as batch:
        batch.drop_column("digest_id")
    for table in ("storm", "letter_count", "storm_limits"):
        op.drop_table(table)
