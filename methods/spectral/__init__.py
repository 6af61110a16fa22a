"""What the methods of spectral reconstruction share."""

from methods.spectral.system import System, scaled

__all__ = ["System", "scaled"]
