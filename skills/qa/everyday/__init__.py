"""Everyday documents with questions as people type them, which a language model wrote for this project."""
