"""What a message looks like beyond its words: a wish to be left alone, or a text that a phone wrote by itself."""

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
#: Texts that were looked at lately, as people text the same few words; a longer text is hardly heard twice.
_KEPT: dict[str, Look | None] = {}
_UNKNOWN = object()
_MOST_KEPT, _LONGEST_KEPT = 8_192, 320


def look_of(text: str, words: tuple[str, ...] | None = None) -> Look | None:
    """What a message looks like; `words` are its own, where they have been split."""
    kept = _KEPT.get(text, _UNKNOWN)
    if kept is not _UNKNOWN:
        return kept  # type: ignore[return-value]  # what is kept is a look
    look = _look(text, split_words(text) if words is None else words)
    if len(text) <= _LONGEST_KEPT:
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        _KEPT[text] = look
    return look


def _look(text: str, words: tuple[str, ...]) -> Look | None:
    if not words:
        return None
    is_ascii = text.isascii()
    if (not is_ascii or words[0] in reactions.SIGNS) and read_reaction(text):
        return "reaction"
    if (not is_ascii or not auto_replies.SIGNS.isdisjoint(words)) and is_auto_reply(text):
        return "auto_reply"
    return "opt_out" if looks_like_opt_out(words, text) else None
