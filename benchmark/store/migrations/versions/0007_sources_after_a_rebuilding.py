"""Methods share code that stood several times, and a budget counts the processor's seconds. Runs of both keep their place."""

from benchmark.store.migrations.carrying import carry

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    carry(revision, 0, 1)


def downgrade() -> None:
    carry(revision, 1, 0)
