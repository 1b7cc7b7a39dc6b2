"""How a form calls what a rule file names by its keys."""

from collections.abc import Mapping
from typing import Final

from bot.rulebook.cards.control import Option


def options(named: Mapping[str, str]) -> tuple[Option, ...]:
    """Values to choose, by the words for them."""
    return tuple(Option(value=value, label=label) for value, label in named.items())


KINDS: Final = {
    "keyword": "begins with",
    "contains": "has anywhere in it",
    "exact": "is exactly",
    "all_words": "has every one of these words",
    "fuzzy": "begins with, even mistyped",
    "pattern": "matches the pattern",
    "table": "begins with a key of the table",
    "exact_table": "is a key of the table",
    "looks_like": "looks like",
}
LOOKS: Final = {
    "opt_out": "a wish to get no more messages",
    "reaction": "a reaction, as “Liked …”",
    "auto_reply": "an automatic answer",
}
#: What a choice says at first, by key.
YES_NO: Final = {"true": "yes", "false": "no"}
ONLY: Final = {
    "open": "while we are open",
    "closed": "while we are closed",
    "hours": "in these hours",
    "dates": "on these days",
    "language": "in the language",
    "from": "from numbers that begin with",
    "to": "to our number",
    "first_time": "their very first message",
    "tagged": "who have the tag",
    "not_tagged": "who lack the tag",
    "opted_out": "who have opted out",
}
ONLY_HINTS: Final = {
    "hours": "such as Mon-Fri 9-12, 13-18",
    "dates": "such as 24-26 December, of every year, or 24-26 December 2026",
    "from": "such as +33",
    "to": "such as +15555550100",
    "language": "such as es",
}
KEYS: Final = {
    "name": "Name",
    "enabled": "Turned on",
    "when": "When somebody’s text",
    "only": "Only",
    "limit": "At most",
    "reply": "Answer",
    "ask": "Ask",
    "expires": "Give up asking after",
    "tries": "Ask again at most",
    "cancel": "Words that end the questions",
    "set": "Remember",
    "tag": "Tag the conversation",
    "untag": "Take the tag away",
    "opt_out": "Opt them out",
    "opt_in": "Opt them in again",
    "handover": "Hand over to a person",
    "forward": "Pass the message on to",
    "lookup": "Look up in a table",
    "code": "Give a code",
    "record": "Keep as an answer",
    "once": "Of several from one person",
    "fetch": "Ask a web service",
    "later": "Say later",
    "again": "Hear what follows as its continuation, for",
    "help": "Line in the help text",
    "language": "Switch to the language",
    "max_segments": "Longest answer, in SMS",
}
ONCE: Final = {"first": "the first counts", "replace": "the last counts"}
EXPECTED: Final = {
    "text": "anything",
    "yes_no": "yes or no",
    "number": "a number",
    "date": "a day",
    "one_of": "one of these",
    "pattern": "what matches a pattern",
}
ORDERS: Final = {"dmy": "day, then month", "mdy": "month, then day"}
LANGUAGES: Final = {
    "en": "English", "es": "Spanish", "fr": "French", "de": "German", "it": "Italian", "pt": "Portuguese",
    "nl": "Dutch", "pl": "Polish", "ru": "Russian", "uk": "Ukrainian", "ar": "Arabic", "tr": "Turkish",
    "zh": "Chinese", "ja": "Japanese", "ko": "Korean", "vi": "Vietnamese", "tl": "Tagalog", "ht": "Haitian Creole",
    "hi": "Hindi", "el": "Greek", "ro": "Romanian", "sv": "Swedish", "da": "Danish", "no": "Norwegian",
}  # fmt: skip


def language_name(code: str) -> str:
    """`Spanish` for `es`; a code that has no name here stays."""
    return LANGUAGES.get(code, code)
