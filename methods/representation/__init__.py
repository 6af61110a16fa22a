"""What methods of representation share: one network and its training, and the losses that they train it by."""

from methods.representation.losses import nuclear_gap, supervised_contrast
from methods.representation.training import Recipe, train

__all__ = ["Recipe", "nuclear_gap", "supervised_contrast", "train"]
