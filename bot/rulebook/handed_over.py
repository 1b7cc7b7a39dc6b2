"""To whom a conversation was handed over, and when it goes back to the bot: values only."""

from typing import Final

import msgspec

from bot.text.languages import in_language

#: Characters of the name of a team or a person.
LONGEST_TO: Final = 64


class HandedOver(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision that hands over says of it."""

    #: A team or a person, as the file names them; None: whoever looks first.
    to: str | None = None
    urgent: bool = False
    #: Seconds without a word of a person's after which the bot goes on; None: until somebody hands it back.
    back_after: float | None = None
    #: What the peer is told then.
    texts: tuple[str, ...] = ()
    #: The same by language, where they differ.
    by_language: dict[str, tuple[str, ...]] = {}

    def spoken(self, language: str | None) -> tuple[str, ...]:
        """The texts in a language."""
        found = in_language(self.by_language, language)
        return self.texts if found is None else found
