"""DeepPavlov components: text in, text out.

This package knows nothing of Redis, of Telegram or of the environment: whatever a
component needs arrives through its config. ``skills.dialog`` holds the plain data that
the service and the chain exchange; every other module is reached through a config.
"""
