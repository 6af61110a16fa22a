"""One paper a module."""
