"""What all rule files of a book share: it is whole once the last of them has been read."""

from bot.rulebook.liquid_limits import LOOP
from bot.rulebook.named_hours import Closure, NamedHours

#: Templates with loops that are tried in a book: each may take a millisecond.
_MOST_LOOPS = 500


class BookWide:
    """Named hours and languages, handed to each rule while its file is read and filled after that."""

    def __init__(self) -> None:
        self.hours: dict[str, NamedHours] = {}
        #: Names of hours in conditions and templates.
        self.hours_used: set[str] = set()
        #: The closed days of each file.
        self.closures: dict[str, tuple[Closure, ...]] = {}
        #: Of all files, in their order; the first is the default.
        self.languages: tuple[str, ...] = ()
        self._loops_left = _MOST_LOOPS

    def tries(self, template: str) -> bool:
        """Whether a template is written once while it is read: of those with loops, so many alone."""
        if not LOOP.search(template):
            return True
        self._loops_left -= 1
        return self._loops_left >= 0

    @property
    def usual_language(self) -> str | None:
        """The one that a conversation is in before anything says which; None: no file names any."""
        return self.languages[0] if self.languages else None
