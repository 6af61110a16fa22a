"""Methods for spectral reconstruction."""
