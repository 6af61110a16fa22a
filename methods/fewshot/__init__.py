"""What the methods of few-shot fine-tuning share: encoder and tokens, one training loop, the size of what was learned."""

from methods.fewshot.encode import Tokens, encoder_of, isolated, pooled
from methods.fewshot.linear import fitted
from methods.fewshot.training import Tuning
from methods.fewshot.updates import singular_values, singular_values_of

__all__ = [
    "Tokens",
    "Tuning",
    "encoder_of",
    "fitted",
    "isolated",
    "pooled",
    "singular_values",
    "singular_values_of",
]
