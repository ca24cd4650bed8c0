"""The audit says which entry a change took back.

Revision: 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("reverts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
    op.create_index("ix_audit_reverts", "audit", ["reverts"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_audit_reverts", "audit")
    with op.batch_alter_table("audit") as batch:
        batch.drop_column("reverts")
