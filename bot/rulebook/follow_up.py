"""What is to be said to a peer later."""

from datetime import datetime

import msgspec

from bot.text.languages import in_language


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """One text, or several, that leave at a time unless something comes in between."""

    due_at: datetime
    texts: tuple[str, ...]
    #: The same by language, where they differ: what is said is in the one that the conversation is in by then.
    by_language: dict[str, tuple[str, ...]] = {}
    #: A message of the peer's cancels it.
    unless_answered: bool = False
    #: Hours by the clock of these zones, outside of which it is not said.
    between: str
    zones: tuple[str, ...]

    def spoken(self, language: str | None) -> tuple[str, ...]:
        """The texts in a language."""
        found = in_language(self.by_language, language)
        return self.texts if found is None else found
