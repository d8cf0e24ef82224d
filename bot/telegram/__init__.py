"""The conversation on Telegram: the only package that imports python-telegram-bot."""
