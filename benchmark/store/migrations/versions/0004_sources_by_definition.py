"""Hashes of what a run depends on count definitions and fields of the preset. Runs of the known code keep their place."""

from benchmark.store.migrations.carrying import carry

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    carry(revision, 0, 1)


def downgrade() -> None:
    carry(revision, 1, 0)
