"""The databases and the bot that the tests of `tests/conversation` have, too."""

from tests.conversation.conftest import bot, database, database_url, databases, logs, writer

__all__ = ["bot", "database", "database_url", "databases", "logs", "writer"]
