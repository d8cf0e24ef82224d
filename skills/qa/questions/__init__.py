"""Questions written by a language model about any text, for a reader to learn from."""
