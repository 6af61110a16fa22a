"""A run says what carried it, where it ran last and how often it was sent out. Runs of before do not."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_COLUMNS = {"engine": sa.String(), "node": sa.String(), "tries": sa.Integer()}


def upgrade() -> None:
    with op.batch_alter_table("run") as table:
        for name, kind in _COLUMNS.items():
            table.add_column(sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("run") as table:
        for name in _COLUMNS:
            table.drop_column(name)
