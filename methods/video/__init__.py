"""What the methods of video retrieval share: encoders, augmentation, orders of differentiation, losses, training, embedding."""

from methods.video.embedding import Features, embed
from methods.video.encoders import Encoder, encoder_named, seeded
from methods.video.losses import Byol, Joint, info_nce, vicreg
from methods.video.orders import Orders, differentiate
from methods.video.training import Recipe, embedded, load, pretrain

__all__ = [
    "Byol",
    "Encoder",
    "Features",
    "Joint",
    "Orders",
    "Recipe",
    "differentiate",
    "embed",
    "embedded",
    "encoder_named",
    "info_nce",
    "load",
    "pretrain",
    "seeded",
    "vicreg",
]
