"""What the methods of subspace clustering share: training and sampling of denoising networks, bases from clusters."""

from methods.subspaces.diffusion import Edm, answer, generate, noise_levels, train

__all__ = ["Edm", "answer", "generate", "noise_levels", "train"]
