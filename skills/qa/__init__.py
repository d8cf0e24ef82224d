"""Extractive question answering: a question and its contexts in, a span of the context out."""
