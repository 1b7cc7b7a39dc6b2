"""Words as rules compare them."""

import string
import unicodedata

_ASCII = {ord(each): " " for each in string.punctuation} | {ord(each): each.lower() for each in string.ascii_uppercase}


def split_words(text: str) -> tuple[str, ...]:
    """Split a text into its words: NFKC, case folded, without punctuation."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).casefold()
    return tuple(text.translate(_ASCII).split())
