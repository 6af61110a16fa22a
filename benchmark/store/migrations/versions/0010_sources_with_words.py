"""Priors of latents, prompts, training slices and traits change no number of the runs before them. They keep their place."""

from benchmark.store.migrations.carrying import carry

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    carry(revision, 0, 1)


def downgrade() -> None:
    carry(revision, 1, 0)
