"""The hash of the secret of who handed in a submission; empty where there was none yet."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("submission") as table:
        table.add_column(sa.Column("token", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("submission") as table:
        table.alter_column("token", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("submission") as table:
        table.drop_column("token")
