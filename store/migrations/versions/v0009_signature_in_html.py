"""The company's signature in HTML.

Revision: 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("company") as batch:
        batch.add_column(sa.Column("signature_html", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("company") as batch:
        # The default served the row that was there; from now on it is written whole.
        batch.alter_column("signature_html", existing_type=sa.String(), existing_nullable=False, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("company") as batch:
        batch.drop_column("signature_html")
