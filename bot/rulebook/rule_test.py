"""A test of a rule file: what the peer texts, and what the bot must answer."""

from datetime import datetime, timedelta

import msgspec

from bot.rulebook.fetch import Fetched
from bot.rulebook.source import SourcePlace


class TestTurn(msgspec.Struct, kw_only=True):
    """One message of the peer, and what is expected of the bot."""

    hear: str
    line: int
    #: Where in its line it begins: a line may hold a whole talk.
    column: int
    #: One of these texts for each reply; None: any replies will do.
    say: list[tuple[str, ...]] | None = None
    #: The rule's name; None: any rule, or none, will do.
    rule: str | None = None
    rule_place: SourcePlace | None = None
    at: datetime | None = None
    after: timedelta | None = None
    #: What is fetched at this turn: a value, `missing` or `nothing`; None: the test says nothing of it.
    fetched: Fetched | None = None
    #: Nothing is heard: time passes, and what was to be said later is.
    waits: bool = False
    #: The code that the peer is given, `gone` where all are; None: the first of the list.
    code: str | None = None


class RuleTest(msgspec.Struct, frozen=True, kw_only=True):
    """A test: one turn, or a talk of several in one conversation."""

    file: str
    line: int
    start: datetime
    sender: str | None
    recipient: str | None
    turns: tuple[TestTurn, ...]
    #: The one that the conversation is in when it begins; None: nothing has said so.
    language: str | None = None
