"""What three or more methods share: networks, and the small things around them."""

from methods.networks.average import RunningAverage
from methods.networks.channels import channel_count, from_channels, to_channels
from methods.networks.fitting import Fitting
from methods.networks.hourglass import Hourglass, draw_input, hourglass
from methods.networks.unet import UNet, unet
from methods.networks.weights import Weights

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
