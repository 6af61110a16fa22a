"""Methods for pictures and other linear inverse problems."""
