"""Problems may hold a diffusion prior, which changes no result of methods that ask for none. Their runs keep their place."""

from benchmark.store.migrations.carrying import carry

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    carry(revision, 0, 1)


def downgrade() -> None:
    carry(revision, 1, 0)
