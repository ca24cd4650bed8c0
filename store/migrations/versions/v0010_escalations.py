"""Repeats of escalations, when each was switched on, the working calendar, and how deadlines run.

Revision: 0010.
"""

import time
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _columns() -> dict[str, list[sa.Column[Any]]]:
    return {
        "rule": [
            sa.Column("working_time", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("repeat_minutes", sa.Integer(), nullable=True),
            sa.Column("repeat_times", sa.Integer(), nullable=True),
            sa.Column("repeat_until_status_change", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("armed_at", sa.BigInteger(), nullable=False, server_default="0"),
        ],
        "company": [
            sa.Column("holidays", sa.String(), nullable=False, server_default=""),
            sa.Column("special_days", sa.JSON(), nullable=False, server_default="{}"),
        ],
    }


def upgrade() -> None:
    for table, columns in _columns().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.add_column(column)
        with op.batch_alter_table(table) as batch:
            # The defaults served the rows that were there; from now on they are written whole.
            for column in columns:
                if column.server_default is not None:
                    batch.alter_column(column.name, existing_type=column.type, server_default=None)
    connection = op.get_bind()
    # An escalation goes on where the clock stopped: what fell into the time of the upgrade is told after it.
    looked = connection.execute(sa.text("SELECT min(at) FROM clock_watermark")).scalar()
    armed = looked if looked is not None else time.time_ns() // 1000
    connection.execute(sa.text("UPDATE rule SET armed_at = :armed WHERE event_type = 'deadline'"), {"armed": armed})
    op.create_table(
        "deadline_settings",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("statuses", sa.JSON(), nullable=False),
        sa.Column("pause", sa.String(), nullable=False),
        sa.Column("catch_up", sa.String(), nullable=False),
        sa.Column("catch_up_days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("deadline_settings")
    for table, columns in _columns().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column.name)
