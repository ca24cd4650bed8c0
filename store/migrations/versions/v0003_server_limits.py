"""What was learned of each server's limits.

Revision: 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LIMITS = ("letters_limit", "connections_limit", "rate_limit")


def upgrade() -> None:
    for name in LIMITS:
        op.add_column("connection_health", sa.Column(name, sa.Integer(), nullable=True))
        op.add_column("connection_health", sa.Column(f"{name}_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("connection_health") as batch:
        for name in LIMITS:
            batch.drop_column(name)
            batch.drop_column(f"{name}_at")
