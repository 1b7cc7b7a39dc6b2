"""The shapes of what columns keep as JSON: `bot.storage.columns.CheckedJson` holds what is read against them.

What has more keys than these is of the shape, too: a newer version may have written it.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from bot.rulebook.decision import Flow, Following
from bot.rulebook.matched_key import MatchedKey

#: POSIX seconds of the years that a moment can have.
_Moment = Annotated[float, Meta(ge=0, le=253_402_300_799)]


class StoredGuard(Struct, frozen=True, gc=False):
    """What the loop guard remembers: `bot.conversation.loop_history.LoopState`."""

    is_silent: bool = False
    released: _Moment = 0.0


class StoredMemory(Struct, frozen=True, gc=False):
    """What a conversation brings to the next decision and has no column of its own for."""

    values: dict[str, str] | None = None
    uses: dict[str, tuple[float, ...]] | None = None
    flow: Flow | None = None
    language: str | None = None
    following: Following | None = None
    guarded: StoredGuard | None = None
    fetches: list[str] | None = None


class StoredDecision(Struct, frozen=True, gc=False):
    """Why a message was answered as it was: `bot.rulebook.decision.Decision.record`."""

    rule: str | None = None
    key: str | None = None
    matched: MatchedKey | None = None
    guard: str | None = None
    passed_by: list[str] | None = None
    withheld: list[str] | None = None
    marks: list[str] | None = None
    forwards: list[str] | None = None
    heard_as: str | None = None
    code: str | None = None
    version: str | None = None
    draft: str | None = None


class StoredTry(Struct, frozen=True, gc=False):
    """A try that failed."""

    at: datetime
    ms: int
    reason: str


#: Texts to be said: a list, or one by language.
Texts = list[str] | dict[str, list[str]]
