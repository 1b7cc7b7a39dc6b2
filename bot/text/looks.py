"""What a message looks like beyond its words: a wish to be left alone, or a text that a phone wrote by itself."""

from functools import lru_cache
from typing import Literal

from bot.text import auto_replies, reactions
from bot.text.auto_replies import is_auto_reply
from bot.text.consent import looks_like_opt_out
from bot.text.reactions import read_reaction
from bot.text.words import split_words

Look = Literal["opt_out", "reaction", "auto_reply"]

LOOKS: tuple[Look, ...] = ("opt_out", "reaction", "auto_reply")
#: Nobody wrote these: they answer no question and opt nobody out.
UNWRITTEN: frozenset[Look | None] = frozenset({"reaction", "auto_reply"})
#: A longer text is hardly heard twice.
_LONGEST_KEPT = 320


def look_of(text: str) -> Look | None:
    """What a message looks like; what was looked at lately is known."""
    return _kept(text) if len(text) <= _LONGEST_KEPT else _look(text)


def _look(text: str) -> Look | None:
    words = split_words(text)
    if not words:
        return None
    is_ascii = text.isascii()
    if (not is_ascii or words[0] in reactions.SIGNS) and read_reaction(text):
        return "reaction"
    if (not is_ascii or not auto_replies.SIGNS.isdisjoint(words)) and is_auto_reply(text):
        return "auto_reply"
    return "opt_out" if looks_like_opt_out(words, text) else None


_kept = lru_cache(maxsize=8_192)(_look)
