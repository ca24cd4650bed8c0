"""Connections: whom they trust, who they are to the server, and tokens that are pasted.

Revision: 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


WITH_DEFAULT = {
    "insecure": (sa.Boolean(), sa.false()),
    "client_cert": (sa.String(), ""),
    "client_key": (sa.String(), ""),
    "token_source": (sa.String(), "application"),
}
NULLABLE = {"access_token": sa.LargeBinary(), "access_token_source": sa.JSON(), "secret_expires": sa.Date()}


def upgrade() -> None:
    with op.batch_alter_table("mail_connection") as batch:
        for name, (kind, value) in WITH_DEFAULT.items():
            batch.add_column(sa.Column(name, kind, nullable=False, server_default=value))
        for name, kind in NULLABLE.items():
            batch.add_column(sa.Column(name, kind, nullable=True))
    with op.batch_alter_table("mail_connection") as batch:
        # The defaults served the rows that were there; new ones are written whole.
        for name, (kind, _) in WITH_DEFAULT.items():
            batch.alter_column(name, existing_type=kind, existing_nullable=False, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("mail_connection") as batch:
        for name in (*WITH_DEFAULT, *NULLABLE):
            batch.drop_column(name)
