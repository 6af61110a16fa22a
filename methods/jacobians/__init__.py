"""Methods that say how the Jacobian of a denoiser acts."""
