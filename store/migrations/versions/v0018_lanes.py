"""Lanes of the outbox: urgent letters overtake, those of a flood go behind; events of the clock are planned first.

Revision: 0018.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None

_DUE, _URGENT = "state < 2", "planned_at IS NULL AND event_type = 'deadline'"


def upgrade() -> None:
    # The default stays: with it neither engine rewrites a table of millions of rows.
    op.add_column("delivery", sa.Column("lane", sa.SmallInteger(), nullable=False, server_default="1"))
    _index("ix_delivery_due", "delivery", ["lane", "next_at", "state"], _DUE, again=True)
    _index("ix_event_urgent", "event", ["id"], _URGENT)


def downgrade() -> None:
    op.drop_index("ix_event_urgent", "event")
    _index("ix_delivery_due", "delivery", ["next_at", "state"], _DUE, again=True)
    op.drop_column("delivery", "lane")


def _index(name: str, table: str, columns: list[str], where: str, *, again: bool = False) -> None:
    if again:
        op.drop_index(name, table)
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
