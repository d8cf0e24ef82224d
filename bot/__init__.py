"""The service: conversations, their storage and the ways people reach them."""
