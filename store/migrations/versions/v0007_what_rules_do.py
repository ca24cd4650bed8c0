"""What rules do, counted by day; views of their lists; the changes of one setting are found by an index.

Revision: 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# A decision with a recipient, or that nobody was in the roles, says that the rule matched.
_COUNT = """
INSERT INTO rule_day (rule_code, day, matched, fired, notifications, unaddressed, shadowed, shadowed_by, last_at)
SELECT rule_code, planned_at / 86400000000, count(*), sum(CASE WHEN told > 0 THEN 1 ELSE 0 END), sum(told),
       sum(CASE WHEN without_address = cards THEN 1 ELSE 0 END),
       sum(CASE WHEN already > 0 AND already + responsible = cards THEN 1 ELSE 0 END),
       '', max(CASE WHEN told > 0 THEN planned_at END)
FROM (
    SELECT d.rule_code AS rule_code, e.planned_at AS planned_at, count(*) AS cards,
           sum(CASE WHEN d.taken THEN 1 ELSE 0 END) AS told,
           sum(CASE WHEN d.reason IN ('no_address', 'bad_address') THEN 1 ELSE 0 END) AS without_address,
           sum(CASE WHEN d.reason = 'already_told' THEN 1 ELSE 0 END) AS already,
           sum(CASE WHEN d.reason = 'responsible_told' THEN 1 ELSE 0 END) AS responsible
    FROM decision AS d JOIN event AS e ON e.id = d.event_id
    WHERE e.planned_at > (SELECT max(planned_at) FROM event) - 90 * 86400000000
      AND d.rule_code <> '' AND (d.recipient <> '' OR d.reason = 'nobody_in_role')
    GROUP BY d.event_id, d.rule_code, e.planned_at
) AS matched
GROUP BY rule_code, planned_at / 86400000000
"""


def upgrade() -> None:
    op.create_table(
        "rule_day",
        sa.Column("rule_code", sa.String(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("matched", "fired", "notifications", "unaddressed", "shadowed")
        ),
        sa.Column("shadowed_by", sa.String(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("rule_code", "day"),
    )
    op.create_table(
        "rule_view",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("filter", sa.String(), nullable=False),
        sa.Column("sort", sa.String(), nullable=False),
        sa.Column("descending", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index("ix_audit_what", "audit", ["what"], unique=False)
    op.execute(_COUNT)


def downgrade() -> None:
    op.drop_index("ix_audit_what", "audit")
    op.drop_table("rule_view")
    op.drop_table("rule_day")
