"""What `again` does: a text that no rule takes is heard as if it followed the words of the rule before."""

from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, Following
from bot.rulebook.rules import Rule, WhenKey
from bot.rulebook.simulate.match import Match, ReadMessage, first_match, read_message
from bot.text.consent import BY_LAW, HELP, REQUIRED
from bot.text.words import split_plain_words, split_units, split_words

#: Kinds of keys by which a rule takes a message not for its words.
_NOT_ITS_WORDS = frozenset({"anything", "looks_like"})
#: Whole messages that are never heard as anything but themselves.
_ALONE = frozenset((*REQUIRED, *BY_LAW, *HELP, ("start",), ("unstop",)))
#: Characters of words that another text may follow.
_LONGEST_WORDS = 160
#: What may stand between a keyword and what follows.
_BETWEEN = " \t\r\n:,;.!?-–—"


def heard_again(
    book: Book, message: ReadMessage, state: ConversationState, match: Match
) -> tuple[ReadMessage, Match] | None:
    """The message as it is heard behind the words before it, and the rule for it; None where it stands alone."""
    following = state.following
    if following is None or (match.key is not None and match.key.kind != "anything"):
        return None
    seconds = message.now.timestamp()
    if not following.at <= seconds <= following.until or _is_asked(state, seconds):
        return None
    if message.look is not None or message.words in _ALONE or not split_plain_words(message.heard.text):
        return None
    if state.opted_out or state.handed_over or message.carrier_effect(book):
        return None
    text = f"{following.words} {message.heard.text}"
    heard = read_message(replace(message.heard, text=text), message.now)
    found = first_match(book, heard, state)
    rule, key = found.rule, found.key
    if rule is None or key is None or key.kind in _NOT_ITS_WORDS or rule.opt_out or rule.opt_in:
        return None
    return heard, found


def _is_asked(state: ConversationState, seconds: float) -> bool:
    """Whether a question waits for an answer."""
    flow = state.flow
    return flow is not None and (flow.until is None or seconds <= flow.until)


def following(rule: Rule, key: WhenKey | None, message: ReadMessage) -> Following | None:
    """What the next text may follow; None where the rule was not matched by words that stand before others."""
    words = _leading(key, message) if rule.again and key is not None else ""
    if not words or rule.again is None:
        return None
    seconds = message.now.timestamp()
    return Following(rule=rule.name, words=words, at=seconds, until=seconds + rule.again)


def renewed(following: Following | None, rule: Rule, message: ReadMessage) -> Following | None:
    """The same, from now on, after a rule that asks has its answers."""
    if following is None or rule.again is None or following.rule != rule.name:
        return following
    seconds = message.now.timestamp()
    return replace(following, at=seconds, until=seconds + rule.again)


def _leading(key: WhenKey, message: ReadMessage) -> str:
    """The words of a key; of a pattern, what it finds before its first named group."""
    if key.kind in {"exact", "keyword", "fuzzy"}:
        return key.text.strip()
    words = key.pattern.before_groups(message.heard.text).strip() if key.pattern is not None else ""
    return words if len(words) <= _LONGEST_WORDS and split_words(words) else ""


def rest_of(key: WhenKey, message: ReadMessage) -> str:
    """What a message has behind its keyword."""
    if key.kind not in {"keyword", "fuzzy"}:
        return ""
    text = message.heard.text
    units = split_units(message.words)
    count = len(key.words)
    if len(units) <= count:
        return ""
    wanted = units[count:]
    for at, character in enumerate(text):
        if not character.isspace() and split_units(split_words(text[at:])) == wanted:
            return text[at:].lstrip(_BETWEEN).rstrip()
    return " ".join(message.words[count:])
