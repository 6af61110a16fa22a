"""Former place of the network of methods of features: files written for an earlier layout import from here."""

from methods.features._training import Recipe, linear, network, train

__all__ = ["Recipe", "linear", "network", "train"]
