"""How long threads were ready and had no processor stands beside the seconds of an instance."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("instance") as table:
        table.add_column(sa.Column("queued", sa.Double(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("instance") as table:
        table.drop_column("queued")
