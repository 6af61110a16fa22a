"""Methods for video retrieval."""
