"""What a submission says of itself, and which runs came with it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_EMPTY = ("kind", "method", "task", "preset", "contact", "content")
_NULL = ("link", "licence", "description", "hardware")  # link is there since 0001


def upgrade() -> None:
    with op.batch_alter_table("submission") as table:
        for name in _EMPTY:
            table.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        for name in _NULL[1:]:
            table.add_column(sa.Column(name, sa.String(), nullable=True))
        table.add_column(sa.Column("version", sa.Integer(), nullable=True))
        table.add_column(sa.Column("seeds", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("seconds", sa.Double(), nullable=True))
        table.add_column(sa.Column("near", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("changed", sa.DateTime(), nullable=False, server_default="1970-01-01 00:00:00"))
    op.execute("UPDATE submission SET changed = received")
    with op.batch_alter_table("submission") as table:
        for name in (*_EMPTY, "seeds", "near", "changed"):
            table.alter_column(name, server_default=None)
    with op.batch_alter_table("run") as table:
        table.add_column(sa.Column("submission_id", sa.Integer(), nullable=True))
        table.create_foreign_key("fk_run_submission_id_submission", "submission", ["submission_id"], ["id"])
        table.create_index("ix_run_submission_id", ["submission_id"])


def downgrade() -> None:
    op.execute("DELETE FROM run WHERE submission_id IS NOT NULL")
    with op.batch_alter_table("run") as table:
        table.drop_index("ix_run_submission_id")
        table.drop_constraint("fk_run_submission_id_submission", type_="foreignkey")
        table.drop_column("submission_id")
    with op.batch_alter_table("submission") as table:
        for name in (*_EMPTY, *_NULL[1:], "version", "seeds", "seconds", "near", "changed"):
            table.drop_column(name)
