"""Rules: from which status, which teams, words of their own, how often, and in which hours.

Revision: 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

EMPTY_LIST, EMPTY_OBJECT = sa.text("'[]'"), sa.text("'{}'")
WITH_DEFAULT = {
    "rule": {
        "texts": (sa.JSON(), EMPTY_OBJECT),
        "from_status": (sa.JSON(), EMPTY_LIST),
        "teams": (sa.JSON(), EMPTY_LIST),
        "working_hours": (sa.Boolean(), sa.false()),
    },
    "company": {"working_hours": (sa.JSON(), EMPTY_OBJECT)},
}


def upgrade() -> None:
    for table, columns in WITH_DEFAULT.items():
        with op.batch_alter_table(table) as batch:
            for name, (kind, value) in columns.items():
                batch.add_column(sa.Column(name, kind, nullable=False, server_default=value))
        with op.batch_alter_table(table) as batch:
            # The defaults served the rows that were there; new ones are written whole.
            for name, (kind, _) in columns.items():
                batch.alter_column(name, existing_type=kind, existing_nullable=False, server_default=None)
    op.add_column("rule", sa.Column("once_minutes", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("rule") as batch:
        for name in (*WITH_DEFAULT["rule"], "once_minutes"):
            batch.drop_column(name)
    with op.batch_alter_table("company") as batch:
        batch.drop_column("working_hours")
