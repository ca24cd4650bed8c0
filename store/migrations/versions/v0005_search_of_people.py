"""People are found by a folded key; those left out as unregistered are found by an index.

Revision: 0005.
"""

import sqlalchemy as sa
from alembic import op

from store.folding import search_key
from store.types import Sortable

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_PERSON = sa.table("person", *(sa.column(name) for name in ("id", "email", "name", "login", "head", "search")))
_TEAM = sa.table("team", sa.column("id"), sa.column("leader"))
CHUNK = 1000


def upgrade() -> None:
    with op.batch_alter_table("person") as batch:
        batch.add_column(sa.Column("search", Sortable, nullable=False, server_default=""))
    _fill(op.get_bind())
    with op.batch_alter_table("person") as batch:
        # The default served the rows that were there; new ones are written whole.
        batch.alter_column("search", existing_type=Sortable, existing_nullable=False, server_default=None)
    op.create_index("ix_person_search", "person", ["search"], unique=False)
    unregistered = sa.text("reason = 'unregistered'")
    op.create_index(
        "ix_decision_unregistered",
        "decision",
        ["recipient", "event_id"],
        unique=False,
        sqlite_where=unregistered,
        postgresql_where=unregistered,
    )


def _fill(connection: sa.Connection) -> None:
    """Give everybody their key; heads and leaders are addresses in lower case from here on, as people's own are."""
    change = sa.update(_PERSON).where(_PERSON.c.id == sa.bindparam("key"))
    change = change.values(search=sa.bindparam("found"), head=sa.bindparam("boss"))
    rows = connection.execute(sa.select(_PERSON.c.id, _PERSON.c.email, _PERSON.c.name, _PERSON.c.login, _PERSON.c.head))
    keys = [
        {"key": row.id, "found": search_key(row.email, row.name, row.login), "boss": row.head and row.head.lower()}
        for row in rows
    ]
    for start in range(0, len(keys), CHUNK):
        connection.execute(change, keys[start : start + CHUNK])
    lead = sa.update(_TEAM).where(_TEAM.c.id == sa.bindparam("key")).values(leader=sa.bindparam("boss"))
    leaders = connection.execute(sa.select(_TEAM.c.id, _TEAM.c.leader).where(_TEAM.c.leader.is_not(None))).all()
    if leaders:
        connection.execute(lead, [{"key": row.id, "boss": row.leader.lower()} for row in leaders])


def downgrade() -> None:
    op.drop_index("ix_decision_unregistered", table_name="decision")
    op.drop_index("ix_person_search", table_name="person")
    with op.batch_alter_table("person") as batch:
        batch.drop_column("search")
