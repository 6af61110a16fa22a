"""Diffusion priors: what they are, how they are loaded, which ones are shipped."""
