"""Methods for texts with few labels."""
