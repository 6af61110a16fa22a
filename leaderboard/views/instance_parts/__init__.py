"""Parts of the instance page."""
