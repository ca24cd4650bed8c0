"""Open deadlines by state and when they expire, for the list of them.

Revision: 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NAME, OPEN = "ix_deadline_open", sa.text("state < 2")


def upgrade() -> None:
    op.drop_index(NAME, table_name="deadline")
    op.create_index(NAME, "deadline", ["state", "expires", "id"], sqlite_where=OPEN, postgresql_where=OPEN)


def downgrade() -> None:
    op.drop_index(NAME, table_name="deadline")
    op.create_index(NAME, "deadline", ["expires"], sqlite_where=OPEN, postgresql_where=OPEN)
