"""Training of the diffusion priors that the suite ships."""
