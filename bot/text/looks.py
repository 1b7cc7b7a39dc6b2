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
#: The words and the looks of texts that were read lately, as people text the same few words; a longer text is hardly
#: heard twice.
_KEPT: dict[str, tuple[tuple[str, ...], Look | None]] = {}
_MOST_KEPT, _LONGEST_KEPT = 8_192, 320


def look_of(text: str, words: tuple[str, ...] | None = None) -> Look | None:
    """What a message looks like; `words` are its own, where they have been split."""
    return _read(text, words)[1]


def read_text(text: str) -> tuple[tuple[str, ...], Look | None]:
    """A message's words, and what it looks like beyond them."""
    return _KEPT.get(text) or _read(text, None)


def _read(text: str, words: tuple[str, ...] | None) -> tuple[tuple[str, ...], Look | None]:
    kept = _KEPT.get(text)
    if kept is not None:
        return kept
    if words is None:
        words = split_words(text)
    read = words, _look(text, words)
    if len(text) <= _LONGEST_KEPT:
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        _KEPT[text] = read
    return read


def _look(text: str, words: tuple[str, ...]) -> Look | None:
    if not words:
        return None
    is_ascii = text.isascii()
    if (not is_ascii or words[0] in reactions.SIGNS) and read_reaction(text):
        return "reaction"
    if (not is_ascii or not auto_replies.SIGNS.isdisjoint(words)) and is_auto_reply(text):
        return "auto_reply"
    return "opt_out" if looks_like_opt_out(words, text) else None
