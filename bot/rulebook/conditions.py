"""Conditions of a rule: `only` passes messages on to later rules; `limit` keeps the rule silent."""

from datetime import datetime, tzinfo

import msgspec

from bot.rulebook.book_wide import BookWide
from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.findings import listed
from bot.rulebook.hours import Dates, Hours
from bot.text.languages import main_language


class Only(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All of what is given must hold; of a list, one."""

    zone: tzinfo
    hours: tuple[Hours, ...] = ()
    dates: tuple[Dates, ...] = ()
    #: Beginnings of the peer's number.
    sender: tuple[str, ...] = ()
    #: Our numbers.
    recipient: tuple[str, ...] = ()
    first_time: bool | None = None
    tagged: tuple[str, ...] = ()
    not_tagged: tuple[str, ...] = ()
    opted_out: bool | None = None
    #: Where the hours that are named stand.
    book_wide: BookWide
    #: Names of hours that are open, or closed.
    open: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    #: Of the conversation, and what counts for one before anything says which: None: the book's default.
    languages: tuple[str, ...] = ()
    usual_language: str | None = None

    @property
    def is_for_opted_out_alone(self) -> bool:
        """Whether it holds for everybody who has opted out, and for nobody else."""
        others = (self.hours, self.dates, self.sender, self.recipient, self.tagged, self.not_tagged, self.open,
                  self.closed, self.languages)  # fmt: skip
        return bool(self.opted_out) and not any(others) and self.first_time is None

    def why_not(self, heard: HeardMessage, standing: ConversationState, now: datetime) -> str | None:
        """What does not hold, to be read after "but"; None when all does."""
        return self._why_not_now(now) or self._why_not_them(heard) or self._why_not_standing(standing)

    def _why_not_now(self, now: datetime) -> str | None:
        if self.open or self.closed:
            reason = self._why_not_open(now)
            if reason:
                return reason
        if not self.hours and not self.dates:
            return None
        local = now.astimezone(self.zone)
        if self.hours and not any(each.hold(local) for each in self.hours):
            return f"only in the hours {_any_of(self.hours)}, and it is {local:%a %H:%M}"
        if self.dates and not any(each.hold(local) for each in self.dates):
            return f"only on {_any_of(self.dates)}, and it is {local:%Y-%m-%d}"
        return None

    def _why_not_open(self, now: datetime) -> str | None:
        known = self.book_wide.hours
        for named, wanted, word in ((self.open, True, "open"), (self.closed, False, "closed")):
            if named and not any(known[each].is_open(now) == wanted for each in named):
                first = known[named[0]]
                names = listed(named)
                return f"only while {names} is {word} ({first.text}), and it is {first.said(now)}"
        return None

    def _why_not_them(self, heard: HeardMessage) -> str | None:
        if self.sender and not heard.sender.startswith(self.sender):
            return f"only from {listed(self.sender)}, and it came from {heard.sender}"
        if self.recipient and heard.recipient not in self.recipient:
            return f"only to {listed(self.recipient)}, and it came to {heard.recipient}"
        return None

    def _why_not_standing(self, standing: ConversationState) -> str | None:
        if self.first_time is not None and self.first_time == standing.known:
            return "only to a peer's first message" if self.first_time else "not to a peer's first message"
        if self.opted_out is not None and self.opted_out != standing.opted_out:
            return f"only when the peer {'has' if self.opted_out else 'has not'} opted out"
        if self.tagged and not any(tag in standing.tags for tag in self.tagged):
            return f"only when tagged {listed(self.tagged)}"
        if self.languages:
            language = standing.language or self.usual_language or self.book_wide.usual_language
            if not any(_is_in(language, each) for each in self.languages):
                wanted = listed(self.languages)
                return f"only in the language {wanted}, and the conversation is in {language or 'none'}"
        unwanted = [tag for tag in self.not_tagged if tag in standing.tags]
        if unwanted:
            return f"not when tagged {listed(unwanted)}"
        return None


class Limit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The most replies that a rule gives in a number of seconds."""

    count: int
    seconds: float

    def recent(self, uses: tuple[float, ...], now: float) -> tuple[float, ...]:
        """The uses that still count."""
        return tuple(each for each in uses if each > now - self.seconds)


def _is_in(language: str | None, wanted: str) -> bool:
    """Whether a language is one that is wanted: `pt-BR` is `pt`, too."""
    return language is not None and wanted in {language, main_language(language)}


def _any_of(spans: tuple[Hours, ...] | tuple[Dates, ...]) -> str:
    return listed([each.text for each in spans])
