"""From a message to a decision: a pure function of the book, the message, the conversation and the time."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.decision import Decision, Flow, Heard, Standing
from bot.rulebook.numbers import CARRIER_WORDS, carrier_effect
from bot.rulebook.patterns import encode
from bot.rulebook.rules import Choice, Key, Rule
from bot.rulebook.templates import Template, WrongTemplate
from bot.text.words import split_words

__all__ = ["Decision", "Flow", "Heard", "Standing", "decide"]

#: What ACS takes in one message.
LONGEST_REPLY = 2_048
#: What a conversation may keep under one name.
_LONGEST_VALUE = 1_000


def decide(book: Book, heard: Heard, standing: Standing, now: datetime) -> Decision:
    """Say what the book answers; never raises, changes nothing, and gives the same for the same."""
    words = split_words(heard.text)
    rule, key = first_match(book, words, heard, standing, now)
    if (
        rule is not None
        and rule.plain is not None
        and not standing.opted_out
        and not standing.handed_over
        and words not in CARRIER_WORDS
    ):
        return Decision(rule=rule.name, replies=rule.plain, after=standing, key=key.label if key else None)
    return _Deciding(book, heard, standing, now, words).decide(rule, key)


def first_match(
    book: Book, words: tuple[str, ...], heard: Heard, standing: Standing, now: datetime
) -> tuple[Rule | None, Key | None]:
    """The first rule of the book that is for this message, and the key that matched."""
    index = book.index
    for entry in index.candidates(words, heard.text):
        rule, key = index.entries[entry]
        if not rule.conditional or why_not(rule, heard, standing, now) is None:
            return rule, key
    return None, None


def why_not(rule: Rule, heard: Heard, standing: Standing, now: datetime) -> str | None:
    """The condition that keeps a rule from a message that one of its keys matches."""
    if rule.numbers and heard.recipient not in rule.numbers:
        return f"its file serves {', '.join(sorted(rule.numbers))}, and the message came to {heard.recipient}"
    return rule.only.why_not(heard, standing, now) if rule.only else None


class _Deciding:
    """One decision that is more than a constant reply."""

    def __init__(
        self, book: Book, heard: Heard, standing: Standing, now: datetime, words: tuple[str, ...]
    ) -> None:
        self._heard = heard
        self._standing = standing
        self._now = now
        self._words = words
        self._marks: list[str] = []
        #: Where the carrier answers this message, what that does to the peer's consent.
        self._carrier = (
            carrier_effect(book.numbers, heard.recipient, words) if words in CARRIER_WORDS else None
        )

    def decide(self, rule: Rule | None, key: Key | None) -> Decision:
        standing = self._standing
        opted_out = self._opted_out(rule)
        after = standing if opted_out == standing.opted_out else replace(standing, opted_out=opted_out)
        replies: tuple[str, ...] = ()
        if rule is not None:
            names = self._names(rule, key)
            replies = self._replies(rule, names)
            after = self._changed(after, rule, names)
        silence = self._silence(opted_out)
        if rule is not None and rule.limit and replies and silence is None:
            seconds = self._now.timestamp()
            recent = rule.limit.recent(standing.uses.get(rule.name, ()), seconds)
            if len(recent) < rule.limit.count:
                after = replace(after, uses={**after.uses, rule.name: (*recent, seconds)})
            elif opted_out == standing.opted_out:
                silence = "limit"
        silent = silence is not None
        return Decision(
            rule=rule.name if rule else None,
            replies=() if silent else replies,
            withheld=replies if silent else (),
            silence=silence if replies or self._carrier else None,
            exempt=bool(replies) and not silent and opted_out != standing.opted_out,
            after=after,
            key=key.label if key else None,
            marks=tuple(self._marks),
        )

    def _opted_out(self, rule: Rule | None) -> bool:
        """Only an opt-in undoes an opt-out; what the carrier answered holds whatever the rules say."""
        if self._carrier == "out":
            return True
        if self._carrier == "in":
            return False
        if rule is not None and (rule.opt_out or rule.opt_in):
            return rule.opt_out
        return self._standing.opted_out

    def _silence(self, opted_out: bool) -> str | None:
        if self._carrier:
            return "carrier answers"
        if opted_out != self._standing.opted_out:
            return None  # this reply confirms the very change
        if opted_out:
            return "opted out"
        if self._standing.handed_over:
            return "handed over"
        return None

    def _names(self, rule: Rule, key: Key | None) -> Mapping[str, object]:
        """What templates can use; on one name, the later in this list wins."""
        names: dict[str, object] = dict(self._standing.values)
        names.update(rule.values)
        if key is not None and key.pattern is not None and key.pattern.groups:
            names.update(key.pattern.values(encode(self._heard.text)))
        names["message"] = self._heard.text
        names["words"] = list(self._words)
        names["from"] = self._heard.sender
        names["to"] = self._heard.recipient
        names["rule"] = rule.name
        names["now"] = self._now.astimezone(rule.zone).replace(microsecond=0)
        return names

    def _replies(self, rule: Rule, names: Mapping[str, object]) -> tuple[str, ...]:
        written = [self._write(self._choose(rule, choice, at), names) for at, choice in enumerate(rule.reply)]
        return tuple(text for text in written if text.strip())

    def _choose(self, rule: Rule, choice: Choice, at: int) -> Template:
        """Of several, always the same for one message id: an event that comes again must not flip it."""
        templates = choice.templates
        if len(templates) == 1:
            return templates[0]
        seed = f"{self._heard.id}\0{rule.name}\0{at}".encode("utf-8", "replace")
        digest = hashlib.blake2b(seed, digest_size=8).digest()
        return templates[int.from_bytes(digest, "big") % len(templates)]

    def _write(self, template: Template, names: Mapping[str, object]) -> str:
        try:
            text = template.write(names)
        except WrongTemplate as error:
            self._marks.append(f"a template failed: {error}")
            return ""
        if len(text) > LONGEST_REPLY:
            self._marks.append(f"a reply was cut at {LONGEST_REPLY:,} characters")
            return text[:LONGEST_REPLY]
        return text

    def _changed(self, after: Standing, rule: Rule, names: Mapping[str, object]) -> Standing:
        """The standing with what the rule saves, tags and hands over."""
        if rule.saves:
            values = dict(after.values)
            for name, template in rule.saves:
                value = self._write(template, names).strip()[:_LONGEST_VALUE]
                if value:
                    values[name] = value
                else:
                    values.pop(name, None)
            if values != after.values:
                after = replace(after, values=values)
        if rule.tag or rule.untag:
            tags = tuple(dict.fromkeys(tag for tag in (*after.tags, *rule.tag) if tag not in rule.untag))
            if tags != after.tags:
                after = replace(after, tags=tags)
        if rule.handover and not after.handed_over:
            after = replace(after, handed_over=True)
        return after
