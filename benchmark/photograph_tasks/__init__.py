"""What tasks on photographs share: their preset and metrics, and the base of their classes."""
