"""What the methods of spectral reconstruction share."""

from methods.spectral.system import System

__all__ = ["System"]
