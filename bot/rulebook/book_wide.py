"""What all rule files of a book share: it is whole once the last of them has been read."""

from bot.rulebook.named_hours import Closure, NamedHours


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

    @property
    def usual_language(self) -> str | None:
        """The one that a conversation is in before anything says which; None: no file names any."""
        return self.languages[0] if self.languages else None
