"""Deadlines with pauses and acknowledgement, and the moment of their next threshold.

Revision: 0011.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OLD_PERCENTS = (25, 30)
NEW_INDEXES = {
    "ix_deadline_next": (["next_at"], "next_at IS NOT NULL"),
    "ix_deadline_open": (["expires"], "state < 2"),
    "ix_deadline_schedule": (["object_type", "kind", "id"], "state < 2"),
}


def _columns() -> dict[str, list[sa.Column[Any]]]:
    return {
        "deadline": [
            sa.Column("since", sa.BigInteger(), nullable=False, server_default="0"),
            sa.Column("expires", sa.BigInteger(), nullable=False, server_default="0"),
            sa.Column("state", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("stopped_at", sa.BigInteger(), nullable=True),
            sa.Column("pauses", sa.JSON(), nullable=False, server_default="[]"),
            sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
            sa.Column("acknowledged_by", sa.String(), nullable=False, server_default=""),
            sa.Column("next_at", sa.BigInteger(), nullable=True),
        ],
        "fired_threshold": [
            sa.Column("reached_at", sa.BigInteger(), nullable=False, server_default="0"),
            sa.Column("outcome", sa.String(), nullable=False, server_default="fired"),
        ],
    }


def upgrade() -> None:
    for name in ("due", *(f"left_{percent}" for percent in OLD_PERCENTS)):
        op.drop_index(f"ix_deadline_{name}", table_name="deadline")
    for table, columns in _columns().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.add_column(column)
    _carry_over()
    for table, columns in _columns().items():
        with op.batch_alter_table(table) as batch:
            # The defaults served the rows that were there; from now on they are written whole.
            for column in columns:
                if column.server_default is not None:
                    batch.alter_column(column.name, existing_type=column.type, server_default=None)
            if table == "deadline":
                batch.drop_column("running")
    for name, (columns, where) in NEW_INDEXES.items():
        op.create_index(name, "deadline", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_table(
        "clock_schedule",
        sa.Column("object_type", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.Column("pending", sa.JSON(), nullable=False),
        sa.Column("after_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("object_type", "kind"),
    )


def _carry_over() -> None:
    connection = op.get_bind()
    # The clock looks at each of them once.
    connection.execute(
        sa.text(
            "UPDATE deadline SET since = started, expires = due, next_at = CASE WHEN running THEN 0 END,"
            " state = CASE WHEN running THEN 0 WHEN (SELECT status FROM object WHERE object.id = object_key)"
            " IN ('deferred', 'waiting_client', 'planned') THEN 1 ELSE 3 END, stopped_at = CASE WHEN NOT running THEN"
            " (SELECT status_since FROM object WHERE object.id = object_key) END"
        )
    )
    connection.execute(sa.text("DELETE FROM clock_watermark WHERE threshold NOT LIKE '%:waiting:%'"))
    connection.execute(sa.text("UPDATE fired_threshold SET reached_at = fired_at"))


def downgrade() -> None:
    op.drop_table("clock_schedule")
    for name in NEW_INDEXES:
        op.drop_index(name, table_name="deadline")
    with op.batch_alter_table("deadline") as batch:
        batch.add_column(sa.Column("running", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE deadline SET running = (state = 0)")
    for table, columns in _columns().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column.name)
            if table == "deadline":
                batch.alter_column("running", existing_type=sa.Boolean(), server_default=None)
    running = sa.text("running")
    op.create_index(
        "ix_deadline_due", "deadline", ["object_type", "kind", "due"], sqlite_where=running, postgresql_where=running
    )
    for percent in OLD_PERCENTS:
        moment = sa.text(f"(due - (due - started) * {percent} / 100)")
        op.create_index(
            f"ix_deadline_left_{percent}", "deadline", ["object_type", "kind", moment],
            sqlite_where=running, postgresql_where=running,
        )  # fmt: skip
