"""From a message to a decision: a pure function of the book, the message, the conversation and the time."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.decision import (
    MAY_BE_AN_OPT_OUT,
    ConversationState,
    Decision,
    Flow,
    HeardMessage,
    HeldBack,
)
from bot.rulebook.expectations import LONGEST_VALUE, FreeText, Matching, OneOf, YesNo
from bot.rulebook.rules import Choice, Question, Rule, WhenKey
from bot.rulebook.sender_numbers import CARRIER_WORDS, carrier_effect
from bot.rulebook.templates import Template, WrongTemplate
from bot.text.consent import HELP
from bot.text.looks import UNWRITTEN, Look, look_of
from bot.text.numbers import is_phone_number
from bot.text.reactions import read_reaction
from bot.text.words import split_words

#: What ACS takes in one message.
LONGEST_REPLY = 2_048
#: Rules that are named as passed by.
_MOST_PASSED_BY = 10
_MAY_BE_AN_OPT_OUT = (MAY_BE_AN_OPT_OUT,)
#: Reactions that answer a question.
_THUMBS = frozenset({"\U0001f44d", "\U0001f44e"})


def decide(book: Book, heard: HeardMessage, standing: ConversationState, now: datetime) -> Decision:
    """Say what the book answers; never raises, changes nothing, and gives the same for the same.

    `now` is when the peer wrote the message, by their own time.
    """
    words = split_words(heard.text)
    look = look_of(heard.text, words)
    rule, key, passed_by = first_match(book, words, look, heard, standing, now)
    sender = heard.sender
    if sender in book.numbers or (sender[:1] != "+" and not is_phone_number(sender)):
        is_ours = sender in book.numbers
        return Decision(
            rule=rule.name if rule else None,
            replies=(),
            silence=HeldBack.OUR_OWN_NUMBER if is_ours else HeldBack.NOT_TO_BE_TEXTED,
            after=standing,
            key=key.label if key else None,
            forwards=rule.forward if rule and not is_ours and not rule.ask else (),
            passed_by=passed_by,
        )
    if (
        rule is not None
        and rule.plain is not None
        and not standing.opted_out
        and not standing.handed_over
        and standing.flow is None
        and words not in CARRIER_WORDS
    ):
        return Decision(
            rule=rule.name,
            replies=rule.plain,
            after=standing,
            key=key.label if key else None,
            marks=_MAY_BE_AN_OPT_OUT if look == "opt_out" else (),
            passed_by=passed_by,
        )
    return _Deciding(book, heard, standing, now, words, look).decide(rule, key, passed_by)


def first_match(
    book: Book,
    words: tuple[str, ...],
    look: Look | None,
    heard: HeardMessage,
    standing: ConversationState,
    now: datetime,
) -> tuple[Rule | None, WhenKey | None, tuple[str, ...]]:
    """The first rule of the book that is for this message, the key that matched, and what was passed by."""
    index = book.index
    passed_by: tuple[str, ...] = ()
    for entry in index.candidates(words, heard.text, look):
        rule, key = index.entries[entry]
        if not rule.conditional:
            return rule, key, passed_by
        reason = why_not(rule, heard, standing, now)
        if reason is None:
            return rule, key, passed_by
        if len(passed_by) < _MOST_PASSED_BY:
            passed_by = (*passed_by, f"{rule.name}: {reason}")
    return None, None, passed_by


def why_not(rule: Rule, heard: HeardMessage, standing: ConversationState, now: datetime) -> str | None:
    """The condition that keeps a rule from a message that one of its keys matches."""
    if rule.numbers and heard.recipient not in rule.numbers:
        return f"its file serves {', '.join(sorted(rule.numbers))}, and the message came to {heard.recipient}"
    return rule.only.why_not(heard, standing, now) if rule.only else None


class _Deciding:
    """One decision that is more than a constant reply."""

    def __init__(
        self,
        book: Book,
        heard: HeardMessage,
        standing: ConversationState,
        now: datetime,
        words: tuple[str, ...],
        look: Look | None,
    ) -> None:
        self._book = book
        self._heard = heard
        self._standing = standing
        self._now = now
        self._words = words
        self._look = look
        self._marks: list[str] = []
        #: Where the carrier answers this message, what that does to the peer's consent.
        self._carrier = (
            carrier_effect(book.numbers, heard.recipient, words) if words in CARRIER_WORDS else None
        )

    def decide(self, rule: Rule | None, key: WhenKey | None, passed_by: tuple[str, ...]) -> Decision:
        flow = self._standing.flow
        if flow is not None and (step := self._step(flow, rule, key)):
            return step
        standing = self._standing
        after, overtaken = (standing, False) if rule is None and not self._carrier else self._heeded(rule)
        opted_out = after.opted_out
        silence = self._silence(opted_out, overtaken=overtaken)
        replies: tuple[str, ...] = ()
        if rule is not None:
            names = self._names(rule, key)
            if rule.ask:
                replies = self._question(rule, rule.ask.questions[0], names)
            else:
                replies = self._replies(rule, rule.reply, names)
                if not overtaken:
                    after = self._changed(after, rule, names)
        if rule is not None and rule.limit and replies and silence is None:
            seconds = self._now.timestamp()
            recent = rule.limit.recent(standing.uses.get(rule.name, ()), seconds)
            if len(recent) < rule.limit.count:
                after = replace(after, uses={**after.uses, rule.name: (*recent, seconds)})
            elif opted_out == standing.opted_out:
                silence = HeldBack.LIMIT
        silent = silence is not None
        if rule is not None and rule.ask and not silent:
            awaits = rule.ask.questions[0].save
            after = replace(after, flow=Flow(rule=rule.name, awaits=awaits, touched=self._now.timestamp()))
        opts = rule is not None and (rule.opt_out or rule.opt_in)
        if not opts and not self._carrier and not opted_out and self._look == "opt_out":
            self._marks += _MAY_BE_AN_OPT_OUT
        return Decision(
            rule=rule.name if rule else None,
            replies=() if silent else replies,
            withheld=replies if silent else (),
            silence=silence if replies or self._carrier else None,
            exempt=bool(replies) and not silent and opted_out != standing.opted_out,
            after=after,
            key=key.label if key else None,
            marks=tuple(self._marks),
            forwards=rule.forward if rule and not rule.ask else (),
            passed_by=passed_by,
        )

    def _step(self, flow: Flow, rule: Rule | None, key: WhenKey | None) -> Decision | None:  # noqa: C901 - see issue 10
        """What the message does to a running `ask`; None when it is to be decided as any other.

        `rule` is the one that would answer it: an opt-out goes before every answer.
        """
        standing = self._standing
        asking = self._book.asks.get(flow.rule)
        ask = asking.ask if asking else None
        question = ask.question(flow.awaits) if ask else None
        if self._carrier or (rule is not None and rule.opt_out):
            return None
        seconds = self._now.timestamp()
        if seconds < flow.touched:
            return None  # it was written before the question was put, and the question waits
        if (
            asking is None
            or ask is None
            or question is None
            or seconds - flow.touched > ask.expires
            or standing.opted_out
            or standing.handed_over
        ):
            self._standing = replace(standing, flow=None)
            return None
        if self._look in UNWRITTEN and not self._agrees(asking, question, flow):
            return None  # nobody has written: the question waits
        if self._words in ask.cancel:
            names = self._names(asking, None, flow.answers)
            replies = self._replies(asking, ask.cancelled, names)
            after = replace(standing, flow=None)
            return self._stepped(asking, replies, after, f'cancel word "{" ".join(self._words)}"')
        gets_help = self._words in HELP and key is not None and key.kind != "anything"
        if gets_help and isinstance(question.expect, FreeText | Matching):
            return None  # help is given at any question, and the question waits
        today = self._now.astimezone(asking.zone).date()
        answer = question.expect.take(self._heard.text, self._words, today)
        if answer is None:
            if gets_help:
                return None
            if flow.misses + 1 >= ask.tries:
                self._standing = replace(standing, flow=None)
                return None
            names = self._names(asking, None, flow.answers)
            said = self._question(asking, question, names, again=True)
            moved = replace(flow, misses=flow.misses + 1, touched=seconds)
            return self._stepped(asking, said, replace(standing, flow=moved), f'no answer to "{flow.awaits}"')
        answers = {**flow.answers, **answer.more, question.save: answer.value}
        label = f'answer to "{flow.awaits}"'
        following = ask.next_after(answers)
        if following:
            said = self._question(asking, following, self._names(asking, None, answers))
            moved = Flow(rule=flow.rule, awaits=following.save, answers=answers, touched=seconds)
            return self._stepped(asking, said, replace(standing, flow=moved), label)
        done = replace(standing, flow=None, values={**standing.values, **answers})
        self._standing = done
        names = self._names(asking, None)
        replies = self._replies(asking, asking.reply, names)
        after = self._changed(done, asking, names)
        return self._stepped(asking, replies, after, label, forwards=asking.forward)

    def _agrees(self, rule: Rule, question: Question, flow: Flow) -> bool:
        """Whether a phone reports a thumb, up or down, on this very question; it is heard as that emoji."""
        reaction = read_reaction(self._heard.text)
        if (
            reaction is None
            or reaction.emoji not in _THUMBS
            or not isinstance(question.expect, YesNo | OneOf)
        ):
            return False
        names = self._names(rule, None, flow.answers)
        choices = (question.question, question.otherwise) if question.otherwise else (question.question,)
        asked = [self._write(template, names) for choice in choices for template in choice.templates]
        if not any(map(reaction.is_to, asked)):
            return False
        self._words = (reaction.emoji,)
        self._heard = replace(self._heard, text=reaction.emoji)
        return True

    def _stepped(
        self,
        rule: Rule,
        replies: tuple[str, ...],
        after: ConversationState,
        label: str,
        forwards: tuple[str, ...] = (),
    ) -> Decision:
        if self._look == "opt_out":
            self._marks += _MAY_BE_AN_OPT_OUT
        return Decision(
            rule=rule.name,
            replies=replies,
            after=after,
            key=label,
            marks=tuple(self._marks),
            forwards=forwards,
        )

    def _question(
        self, rule: Rule, question: Question, names: Mapping[str, object], *, again: bool = False
    ) -> tuple[str, ...]:
        choice = question.otherwise if again and question.otherwise else question.question
        return self._replies(rule, (choice,), names)

    def _wish(self, rule: Rule | None) -> bool | None:
        """Whether the message opts out (True) or in (False); None when it does neither.

        What the carrier answered holds whatever the rules say.
        """
        if self._carrier in {"out", "in"}:
            return self._carrier == "out"
        if rule is not None and (rule.opt_out or (rule.opt_in and not rule.ask)):
            return rule.opt_out
        return None

    def _heeded(self, rule: Rule | None) -> tuple[ConversationState, bool]:
        """The standing once an opt-out or opt-in is heeded, and whether one is not: a newer wish was there before it.

        Of two wishes at the same time the opt-out counts.
        """
        standing = self._standing
        wish, known = self._wish(rule), standing.consent_at
        if wish is None:
            return standing, False
        if known is not None and (self._now < known or (self._now == known and not wish)):
            return standing, wish != standing.opted_out
        after = standing if self._now == known else replace(standing, consent_at=self._now)
        if wish == standing.opted_out:
            return after, False
        # Whoever leaves is not asked on, and whoever comes back is not asked about what was then.
        return replace(after, opted_out=wish, flow=None), False

    def _silence(self, opted_out: bool, *, overtaken: bool) -> HeldBack | None:
        if self._carrier:
            return HeldBack.CARRIER_ANSWERS
        if overtaken:
            return HeldBack.OVERTAKEN
        if opted_out != self._standing.opted_out:
            return None  # this reply confirms the very change
        if opted_out:
            return HeldBack.OPTED_OUT
        if self._standing.handed_over:
            return HeldBack.HANDED_OVER
        return None

    def _names(
        self, rule: Rule, key: WhenKey | None, answers: Mapping[str, str] | None = None
    ) -> Mapping[str, object]:
        """What templates can use; on one name, the later in this list wins."""
        names: dict[str, object] = (
            {**self._standing.values, **answers} if answers else {**self._standing.values}
        )
        names.update(rule.values)
        if key is not None and key.pattern is not None and key.pattern.groups:
            names.update(key.pattern.values(self._heard.text))
        names["message"] = self._heard.text
        names["words"] = list(self._words)
        names["from"] = self._heard.sender
        names["to"] = self._heard.recipient
        names["rule"] = rule.name
        names["now"] = self._now.astimezone(rule.zone).replace(microsecond=0)
        if rule.writes_help:
            names["help"] = self._help()
        return names

    def _help(self) -> str:
        """A line of each rule that has one and would answer this peer now."""
        lines = [
            rule.help
            for rule in self._book.helps
            if rule.help
            and (not rule.conditional or why_not(rule, self._heard, self._standing, self._now) is None)
        ]
        return "\n".join(dict.fromkeys(lines))

    def _replies(
        self, rule: Rule, choices: tuple[Choice, ...], names: Mapping[str, object]
    ) -> tuple[str, ...]:
        written = [self._write(self._choose(rule, choice, at), names) for at, choice in enumerate(choices)]
        return tuple(stripped for text in written if (stripped := text.strip()))

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

    def _changed(
        self, after: ConversationState, rule: Rule, names: Mapping[str, object]
    ) -> ConversationState:
        """The standing with what the rule saves, tags and hands over."""
        if rule.saves:
            values = dict(after.values)
            for name, template in rule.saves:
                value = self._write(template, names).strip()[:LONGEST_VALUE]
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
