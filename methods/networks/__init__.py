"""What three or more methods share: networks, and the small things around them."""

from methods.networks.average import RunningAverage
from methods.networks.channels import channel_count, from_channels, to_channels
from methods.networks.unet import UNet, unet

__all__ = ["RunningAverage", "UNet", "channel_count", "from_channels", "to_channels", "unet"]
