"""Who does something: each act of a person, in whatever history, bears one of these."""

from typing import Final

from msgspec import Struct


class Actor(Struct, frozen=True):
    """A person of the console, or whoever shows a token."""

    #: As histories show it, and go on to show it after the person was removed.
    name: str
    #: That of the row in `people`; None for whoever shows a token.
    id: str | None = None

    @property
    def key(self) -> str:
        """Whose it is, of what is kept for each person: drafts, what was read."""
        return self.id or self.name

    def __str__(self) -> str:
        return self.name


#: Who acts with the admin's token and says no name.
ADMIN: Final = Actor("admin")
#: The bot itself: a conversation that goes back to it when nobody spoke for long.
BOT: Final = Actor("bot")
