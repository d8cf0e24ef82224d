"""Reading files: one module for each format family, from bytes to text and sections.

Runs in the worker process for every format that a stranger could make hostile. Nothing here
knows of sessions, of the network or of the environment, and nothing imports a model: the
worker must start in a fraction of a second.
"""
