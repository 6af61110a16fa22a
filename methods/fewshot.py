"""Former place of what methods of texts share: files written for an earlier layout import from here."""

from benchmark.isolation import isolated
from methods.texts._encode import Tokens, encoder_of, pooled
from methods.texts._linear import fitted
from methods.texts._training import Tuning
from methods.texts._updates import singular_values, singular_values_of

__all__ = ["Tokens", "Tuning", "encoder_of", "fitted", "isolated", "pooled", "singular_values", "singular_values_of"]
