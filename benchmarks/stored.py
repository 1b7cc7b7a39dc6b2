"""No benchmark: a bot's SQLite file with messages of the past in it."""

from pathlib import Path

from contestants import AcsStandIn, BotProcess, free_port
from past import EACH, write_past

__all__ = ["EACH", "fill"]


def fill(folder: Path, messages: int, *, state: str = "delivered", each: int = EACH, at: str) -> Path:
    """A new database in a folder; `at` is a time of UTC, to the microsecond, and `each` the messages of a person."""
    folder.mkdir(parents=True)
    acs = AcsStandIn()
    bot = BotProcess(folder / "schema", free_port(), acs.connection_string)
    bot.close()
    acs.close()
    file = folder / "schema" / "bot.db"
    write_past(file, messages, state=state, each=each, at=at)
    return file
