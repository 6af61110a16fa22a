"""Where a run comes from, whether it studied parameters on test data, and when its runner was last alive."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("run") as table:
        table.add_column(sa.Column("origin", sa.String(), nullable=False, server_default="here"))
        table.add_column(sa.Column("on_test", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("runner", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("heartbeat", sa.DateTime(), nullable=False, server_default="1970-01-01 00:00:00"))
        table.drop_constraint("uq_run_digest", type_="unique")
        table.create_unique_constraint("uq_run_digest_origin", ["digest", "origin"])
    op.execute("UPDATE run SET heartbeat = COALESCE(finished, started)")
    with op.batch_alter_table("run") as table:
        for name in ("origin", "on_test", "runner", "heartbeat"):
            table.alter_column(name, server_default=None)


def downgrade() -> None:
    op.execute("DELETE FROM run WHERE origin <> 'here'")
    with op.batch_alter_table("run") as table:
        table.drop_constraint("uq_run_digest_origin", type_="unique")
        table.create_unique_constraint("uq_run_digest", ["digest"])
        for name in ("heartbeat", "runner", "on_test", "origin"):
            table.drop_column(name)
