"""Seconds of a processor stand beside those on the wall, and `truncated` is a status of an instance."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_REASON = "'its time budget ended it after ' || steps || ' steps'"


def upgrade() -> None:
    op.execute(f"UPDATE instance SET status = 'truncated', error = {_REASON} WHERE truncated AND status = 'done'")
    with op.batch_alter_table("instance") as table:
        table.add_column(sa.Column("cpu_seconds", sa.Double(), nullable=True))
        table.drop_column("truncated")
        table.create_index("ix_instance_status", ["status"])


def downgrade() -> None:
    with op.batch_alter_table("instance") as table:
        table.drop_index("ix_instance_status")
        table.add_column(sa.Column("truncated", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.drop_column("cpu_seconds")
    op.execute("UPDATE instance SET truncated = (status = 'truncated')")
    op.execute("UPDATE instance SET status = 'done', error = NULL WHERE truncated")
    with op.batch_alter_table("instance") as table:
        table.alter_column("truncated", server_default=None)
