"""Methods that learn features."""
