"""Former place of what methods of features share: files written for an earlier layout import from here."""

from methods.features._losses import nuclear_gap, supervised_contrast
from methods.features._training import Recipe, train

__all__ = ["Recipe", "nuclear_gap", "supervised_contrast", "train"]
