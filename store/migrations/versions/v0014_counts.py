"""Rows are counted by the database, letters by the minute; what is shown all the time is read from indexes alone.

Revision: 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COUNTED = ("delivery", "event")
_PARTS = {"ix_delivery_due": ("state < 2", ["next_at"], "state"), "ix_delivery_held": ("state = 2", ["id"], "reason")}
_FUNCTION = """
CREATE FUNCTION count_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE change bigint;
BEGIN
    SELECT count(*) INTO change FROM changed;
    IF TG_OP = 'DELETE' THEN change := -change; END IF;
    IF change <> 0 THEN
        INSERT INTO row_count (name, shard, rows) VALUES (TG_TABLE_NAME, mod(pg_backend_pid(), 1024), change)
        ON CONFLICT (name, shard) DO UPDATE SET rows = row_count.rows + excluded.rows;
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "letter_rate",
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("minute", "state", "shard", "letters")),
        sa.PrimaryKeyConstraint("minute", "state", "shard"),
    )
    op.create_table(
        "row_count",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "shard"),
    )
    on_server = op.get_bind().dialect.name == "postgresql"
    if on_server:
        op.execute(_FUNCTION)
    for table in COUNTED:
        # The triggers come first: making one waits for those who write, and then they wait for us.
        for statement in _on_server(table) if on_server else _on_sqlite(table):
            op.execute(statement)
        op.execute(f"INSERT INTO row_count (name, shard, rows) SELECT '{table}', 0, count(*) FROM {table}")  # noqa: S608
    for name, (where, columns, more) in _PARTS.items():
        _again(name, where, [*columns, more])
    cancelled = sa.text("state = 5")
    op.create_index("ix_delivery_cancelled", "delivery", ["id"], sqlite_where=cancelled, postgresql_where=cancelled)


def downgrade() -> None:
    op.drop_index("ix_delivery_cancelled", "delivery")
    for name, (where, columns, _) in _PARTS.items():
        _again(name, where, columns)
    on_server = op.get_bind().dialect.name == "postgresql"
    for table in COUNTED:
        for deed in ("insert", "delete"):
            op.execute(f"DROP TRIGGER count_{table}_{deed}" + (f" ON {table}" if on_server else ""))
    if on_server:
        op.execute("DROP FUNCTION count_rows()")
    op.drop_table("row_count")
    op.drop_table("letter_rate")


def _again(name: str, where: str, columns: list[str]) -> None:
    op.drop_index(name, "delivery")
    op.create_index(name, "delivery", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _on_server(table: str) -> list[str]:
    """Once a statement, however many rows."""
    return [
        f"CREATE TRIGGER count_{table}_{deed} AFTER {deed} ON {table} REFERENCING {which} TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION count_rows()"
        for deed, which in (("insert", "NEW"), ("delete", "OLD"))
    ]


def _on_sqlite(table: str) -> list[str]:
    return [
        f"CREATE TRIGGER count_{table}_{deed} AFTER {deed} ON {table} BEGIN"  # noqa: S608
        f" UPDATE row_count SET rows = rows {sign} 1 WHERE name = '{table}' AND shard = 0; END"
        for deed, sign in (("insert", "+"), ("delete", "-"))
    ]
