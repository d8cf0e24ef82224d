"""Finding the passages that may hold an answer."""
