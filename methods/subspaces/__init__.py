"""Methods for mixtures of subspaces."""
