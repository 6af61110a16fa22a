"""Methods of local editing by a diffusion prior."""
