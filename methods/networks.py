"""Former place of networks that methods for pictures share: files written for an earlier layout import from here."""

from methods.images._average import RunningAverage
from methods.images._channels import channel_count, from_channels, to_channels
from methods.images._fitting import Fitting
from methods.images._hourglass import Hourglass, draw_input, hourglass
from methods.images._unet import UNet, unet
from methods.images._weights import Weights

__all__ = [
    "Fitting",
    "Hourglass",
    "RunningAverage",
    "UNet",
    "Weights",
    "channel_count",
    "draw_input",
    "from_channels",
    "hourglass",
    "to_channels",
    "unet",
]
