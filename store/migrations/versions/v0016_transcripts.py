"""What was said to the mail server in an attempt, of which it is kept, and when a connection failed last with a delivery in hand.

Revision: 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # The default stays: with it neither engine rewrites a table of millions of rows.
    op.add_column("attempt", sa.Column("transcript", sa.String(), nullable=False, server_default=""))
    op.add_column(
        "sending_parameters", sa.Column("transcripts", sa.String(), nullable=False, server_default="failures")
    )
    op.create_table(
        "connection_failure",
        sa.Column("delivery_id", BIG_KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("error_class", sa.String(), nullable=False),
        sa.Column("transcript", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("delivery_id"),
    )


def downgrade() -> None:
    op.drop_table("connection_failure")
    op.drop_column("sending_parameters", "transcripts")
    op.drop_column("attempt", "transcript")
