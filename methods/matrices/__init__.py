"""Methods for matrix completion."""
