"""Writes what a rule says and saves: templates, with the names that they can use, become texts."""

import hashlib
from collections.abc import Mapping

from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.day_names import hours_in
from bot.rulebook.decision import ConversationState
from bot.rulebook.expectations import LONGEST_VALUE
from bot.rulebook.rules import Choice, Question, Rule, WhenKey
from bot.rulebook.simulate.match import ReadMessage, why_not
from bot.rulebook.simulate.table_rows import ROW, groups_of, matched_row
from bot.rulebook.templates import Template, WrongTemplate
from bot.text.languages import in_language

#: Characters that ACS takes in one message.
LONGEST_REPLY = 2_048

Names = Mapping[str, object]
#: The language of the texts: no template can use this name.
_SPOKEN = "the conversation's language"


class Renderer:
    """Writes the texts of one decision, and marks what went wrong with them."""

    def __init__(self, book: Book, codes: Mapping[str, str | None]) -> None:
        self._book = book
        #: By pool, the code that the peer is given; None where all are.
        self.codes = codes
        #: For a person to look at: templates that failed, replies that were cut.
        self.marks: list[str] = []

    def names(
        self,
        rule: Rule,
        message: ReadMessage,
        state: ConversationState,
        *,
        key: WhenKey | None = None,
        answers: Mapping[str, str] | None = None,
        groups: Mapping[str, str] | None = None,
    ) -> Names:
        """What templates can use; on one name, the later in this list wins.

        `groups` are those of an earlier message, of a rule that has asked since.
        """
        names: dict[str, object] = {**state.values, **answers} if answers else {**state.values}
        names.update(rule.values)
        language = state.language or self._usual(rule)
        if rule.values_by_language:
            for name, texts in rule.values_by_language.items():
                names[name] = in_language(texts, language, self._usual(rule)) or next(
                    iter(texts.values()), ""
                )
        names[_SPOKEN] = language
        if key is not None and key.pattern is not None and key.pattern.numbers:
            names.update(key.pattern.values(message.heard.text))
        elif key is not None and (rule.again or rule.lookup):
            names.update(groups_of(rule, message))
        elif groups:
            names.update(groups)
        if key is not None and key.table is not None:
            names[ROW] = matched_row(key, message)
        names["message"] = message.heard.text
        names["words"] = list(message.words)
        names["from"] = message.heard.sender
        names["to"] = message.heard.recipient
        names["rule"] = rule.name
        names["now"] = message.now.astimezone(rule.zone).replace(microsecond=0)
        if self._book.languages or "language" not in names:
            names["language"] = language
        if rule.writes_hours:
            hours = self._book.book_wide.hours
            names["hours"] = {name: hours_in(each.text, language) for name, each in hours.items()}
        if rule.writes_help:
            names["help"] = self._help(message, state, language, self._usual(rule))
        return names

    def language(self, rule: Rule, state: ConversationState) -> str | None:
        """The one that a conversation is in: what was said of it, or else the default of the rule's file, or book."""
        return state.language or self._usual(rule)

    def _usual(self, rule: Rule) -> str | None:
        return rule.languages[0] if rule.languages else self._book.book_wide.usual_language

    def _help(
        self, message: ReadMessage, state: ConversationState, language: str | None, usual: str | None
    ) -> str:
        """A line of each rule that has one and would answer this peer now."""
        lines = [
            template.constant
            for rule in self._book.helps
            if rule.help
            and (not rule.conditional or why_not(rule, message.heard, state, message.now) is None)
            for template in rule.help.spoken(language, usual).templates
        ]
        return "\n".join(dict.fromkeys(line for line in lines if line))

    def replies(
        self, rule: Rule, choices: tuple[Choice, ...], message: ReadMessage, names: Names
    ) -> tuple[str, ...]:
        """Write the messages of a reply; one that comes out empty is left out."""
        written: list[str] = []
        for at, choice in enumerate(choices):
            templates = (self._spoken(rule, choice, names) if choice.by_language else choice).templates
            if len(templates) > 1:
                templates = (_choose(templates, f"{message.heard.id}\0{rule.name}\0{at}"),)
            if templates and (text := self.write(templates[0], names).strip()):
                written.append(text)
        return tuple(written)

    def by_language(
        self, rule: Rule, choices: tuple[Choice, ...], message: ReadMessage, names: Names
    ) -> dict[str, tuple[str, ...]]:
        """The messages of a reply that is given later, in each language of the book; empty where all say the same."""
        if not any(choice.by_language for choice in choices) and not rule.values_by_language:
            return {}
        return {
            language: self.replies(rule, choices, message, self._names_in(rule, names, language))
            for language in self._book.spoken
        }

    def _names_in(self, rule: Rule, names: Names, language: str) -> Names:
        """The same names in another language."""
        changed: dict[str, object] = {_SPOKEN: language}
        if names.get("language") == names.get(_SPOKEN):  # else it is a value of the author's
            changed["language"] = language
        for name, texts in rule.values_by_language.items():
            if names.get(name) in texts.values():  # else a named group hides it
                changed[name] = in_language(texts, language, self._usual(rule)) or next(iter(texts.values()))
        if "hours" in names and rule.writes_hours:
            hours = self._book.book_wide.hours
            changed["hours"] = {name: hours_in(each.text, language) for name, each in hours.items()}
        return {**names, **changed}

    def _spoken(self, rule: Rule, choice: Choice, names: Names) -> Choice:
        """A message in the conversation's language."""
        if not choice.by_language:
            return choice
        language = names.get(_SPOKEN)
        return choice.spoken(language if isinstance(language, str) else None, self._usual(rule))

    def question(
        self, rule: Rule, question: Question, message: ReadMessage, names: Names, *, again: bool = False
    ) -> tuple[str, ...]:
        """Write a question; `again` after an answer that it can't take."""
        choice = question.otherwise if again and question.otherwise else question.question
        return self.replies(rule, (choice,), message, names)

    def write(self, template: Template, names: Names) -> str:
        """Write one template; empty when it fails."""
        try:
            text = template.write(names)
        except WrongTemplate as error:
            self.marks.append(f"a template failed: {error}")
            return ""
        if len(text) > LONGEST_REPLY:
            self.marks.append(f"a reply was cut at {LONGEST_REPLY:,} characters")
            return text[:LONGEST_REPLY]
        return text

    def apply(self, rule: Rule, state: ConversationState, names: Names) -> ConversationState:
        """The state with what the rule saves, tags and hands over."""
        after = self._save(rule, state, names) if rule.saves else state
        if rule.tag or rule.untag:
            tags = tuple(dict.fromkeys(tag for tag in (*after.tags, *rule.tag) if tag not in rule.untag))
            if tags != after.tags:
                after = replace(after, tags=tags)
        if rule.handover and not after.handed_over:
            after = replace(after, handed_over=True)
        return after

    def _save(self, rule: Rule, state: ConversationState, names: Names) -> ConversationState:
        values = dict(state.values)
        for name, template in rule.saves:
            value = self.write(template, names).strip()[:LONGEST_VALUE]
            if value:
                values[name] = value
            else:
                values.pop(name, None)
        return state if values == state.values else replace(state, values=values)


def _choose(templates: tuple[Template, ...], seed: str) -> Template:
    """Of several templates always the same for one message id: an event that comes again must not change it."""
    digest = hashlib.blake2b(seed.encode("utf-8", "replace"), digest_size=8).digest()
    return templates[int.from_bytes(digest, "big") % len(templates)]
