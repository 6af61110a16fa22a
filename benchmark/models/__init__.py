"""Mathematics that tasks and methods share: mixtures of subspaces, coding rates."""
