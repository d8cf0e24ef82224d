"""Everyday documents with questions as people type them, written for this project; see :mod:`.texts`."""
