"""Replies that a language model makes up, for what the documents are not asked about."""
