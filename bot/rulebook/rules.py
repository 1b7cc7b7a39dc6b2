"""A rule as it was read: what it listens for, and what it does."""

from collections.abc import Iterator, Mapping
from datetime import tzinfo

import msgspec

from bot.rulebook.book_wide import BookWide
from bot.rulebook.conditions import Limit, Only
from bot.rulebook.data_table import DataTable
from bot.rulebook.decision import Once
from bot.rulebook.expectations import Expectation
from bot.rulebook.fetch import SecretName
from bot.rulebook.hours import Hours
from bot.rulebook.matched_key import KeyKind, MatchedKey
from bot.rulebook.patterns import Pattern
from bot.rulebook.source import Scalar, SourcePlace
from bot.rulebook.templates import Template
from bot.text.languages import in_language
from bot.text.words import split_units, split_words


class WhenKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One alternative of a rule's `when`."""

    kind: KeyKind
    #: As the author wrote it.
    text: str
    place: SourcePlace
    #: Those of scripts without spaces are cut into their characters.
    words: tuple[str, ...] = ()
    #: Where words were cut: each word, as what must stand side by side.
    runs: tuple[tuple[str, ...], ...] | None = None
    #: The words with their symbols, where the key has some: `c++`.
    rich: tuple[str, ...] | None = None
    pattern: Pattern | None = None
    #: The one in which its words are; None: they are of none, or of several alike.
    language: str | None = None
    #: The rows whose keys are listened for, under the name that is the key's text.
    table: DataTable | None = None

    def row_number(self, text: str) -> int | None:
        """The row of its table that a message is about."""
        if self.table is None:
            return None
        return self.table.find(split_units(split_words(text)), text, whole=self.kind == "exact_table")

    def names(self, words: tuple[str, ...]) -> bool:
        """Whether these are the words that it listens for."""
        return words in self.table.by_words if self.table is not None else self.words == words

    @property
    def matched(self) -> MatchedKey:
        """The key as a decision names it."""
        return MatchedKey(self.kind, self.text)

    @property
    def label(self) -> str:
        """For people, as in `keyword "hours"`."""
        return self.matched.label


class Choice(msgspec.Struct, frozen=True, gc=False):
    """One message of a reply, in one language or in several: of several templates, one is taken for a message id.

    What a file says to people is a Choice wherever it stands.
    """

    #: In the default language; none: in this language nothing is said here.
    templates: tuple[Template, ...]
    #: Where each stands in the file.
    texts: tuple[Scalar, ...]
    #: By language, the default among them; empty: the same for all.
    by_language: Mapping[str, "Choice"] = {}

    def spoken(self, language: str | None, usual: str | None = None) -> "Choice":
        """It in a language, or else in the usual one, or in the file's default."""
        return in_language(self.by_language, language, usual) or self if self.by_language else self

    def variants(self) -> Iterator[tuple[str | None, "Choice"]]:
        """It in each language; None stands for all of them."""
        yield from self.by_language.items() or [(None, self)]


class Question(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One question of an `ask`."""

    #: The name under which the answer is saved.
    save: str
    question: Choice
    expect: Expectation
    #: What is said to an answer that cannot be taken; None: the question again.
    otherwise: Choice | None
    place: SourcePlace


class Ask(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Questions, put one at a time; the answer is the peer's next message."""

    questions: tuple[Question, ...]
    #: Seconds without a word from the peer after which the talk is over.
    expires: float
    #: How often one question may get an answer that it cannot take before the talk is over.
    tries: int
    #: Words that end the talk, as whole messages.
    cancel: frozenset[tuple[str, ...]]
    cancelled: tuple[Choice, ...]

    def question(self, save: str) -> Question | None:
        """The question whose answer is saved under a name."""
        return next((each for each in self.questions if each.save == save), None)

    def next_after(self, answers: Mapping[str, str]) -> Question | None:
        """The first question without an answer."""
        return next((each for each in self.questions if each.save not in answers), None)


class Code(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The code that a rule gives each peer."""

    #: What gives it: `Book.code_pools` has the pool, once the files are read.
    pool: str
    #: The name under which it is saved.
    save: str
    #: The list of codes, and where it is named; None: they are made up.
    file: Scalar | None
    #: The characters of a code that is made up.
    random: int
    #: What is said once all are given.
    missing: tuple[Choice, ...]
    place: SourcePlace


#: The body of a request: texts are templates, everything else is as it is written.
JsonTemplate = Template | list["JsonTemplate"] | dict[str, "JsonTemplate"] | str | int | float | bool | None


class Fetch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a rule asks another service before it replies."""

    method: str
    #: Scheme and host are constant; every value in what follows is percent-encoded.
    url: Template
    host: str
    json: JsonTemplate | None = None
    headers: tuple[tuple[str, tuple[Template | SecretName, ...]], ...] = ()
    #: The name under which the rule's templates have the answer.
    save: str | None = None
    #: Seconds for all tries together.
    timeout: float
    #: Seconds for which an answer serves the same request again.
    keep: float = 0.0
    #: What is said where there is no such thing, and where there is no usable answer.
    missing: tuple[Choice, ...] = ()
    otherwise: tuple[Choice, ...] = ()
    place: SourcePlace


class Later(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that a rule says a while after its reply."""

    #: Seconds.
    after: float
    #: The hours in which it may be said, by the peer's own clock.
    between: Hours
    reply: tuple[Choice, ...]
    unless_answered: bool = False


class Handover(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That a person takes the conversation over."""

    #: A team or a person; None: whoever looks first.
    to: str | None = None
    urgent: bool = False
    #: Seconds without a word of a person's after which the bot goes on; None: until it is handed back.
    back_after: float | None = None
    #: What the peer is told then.
    back_reply: tuple[Choice, ...] = ()


class Lookup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row that a rule looks up before it says anything."""

    #: None: the table has a mistake.
    table: DataTable | None
    key: Template
    #: The name of the row in the rule's templates.
    save: str
    #: What is said instead where there is no such row; empty: the rule goes on without it.
    missing: tuple[Choice, ...] = ()


class FileSettings(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a file says for all its rules."""

    #: The numbers that it serves; empty means all.
    numbers: frozenset[str]
    #: Constants for templates.
    values: Mapping[str, object]
    zone: tzinfo
    #: How many segments a reply may cost before `bot rules check` warns.
    max_segments: int
    #: Constants that differ by language.
    values_by_language: Mapping[str, Mapping[str, str]] = {}
    #: Those of its texts, the default first; empty: those of the book.
    languages: tuple[str, ...] = ()
    #: What it shares with the book's other files.
    book_wide: BookWide
    #: The CSV files by the names that the file gives them; None: one that has a mistake.
    tables: Mapping[str, DataTable | None] = {}


class Rule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the bot does about the messages that it listens for."""

    name: str
    file: str
    line: int
    #: Where its name stands.
    place: SourcePlace
    #: A short text of its `when`, for people.
    when: str
    keys: tuple[WhenKey, ...]
    #: The numbers that its file serves; empty means all.
    numbers: frozenset[str]
    #: The file's constants.
    values: Mapping[str, object]
    zone: tzinfo
    reply: tuple[Choice, ...] = ()
    opt_out: bool = False
    opt_in: bool = False
    handover: Handover | None = None
    #: Names and what is saved under them.
    saves: tuple[tuple[str, Template], ...] = ()
    tag: tuple[str, ...] = ()
    untag: tuple[str, ...] = ()
    ask: Ask | None = None
    code: Code | None = None
    #: Names and what a row of answers keeps under them.
    record: tuple[tuple[str, Template], ...] = ()
    #: Which of several rows of one peer is kept; None: all of them.
    once: Once | None = None
    #: URLs that the message is posted to.
    forward: tuple[str, ...] = ()
    #: What is asked of another service before the reply.
    fetch: Fetch | None = None
    #: What is said later.
    later: tuple[Later, ...] = ()
    #: Its line in `{{ help }}`.
    help: Choice | None = None
    #: The file's constants that differ by language.
    values_by_language: Mapping[str, Mapping[str, str]] = {}
    #: Those of its file's texts, the default first; empty: those of the book.
    languages: tuple[str, ...] = ()
    #: The one that the conversation is in from now on.
    language: str | None = None
    #: The languages, as `language.es`, that its condition and its action name, and where.
    languages_named: tuple[tuple[str, SourcePlace], ...] = ()
    #: One of its templates writes `{{ hours.NAME }}`.
    writes_hours: bool = False
    #: One of its templates writes `{{ help }}`.
    writes_help: bool = False
    max_segments: int = 3
    lookup: Lookup | None = None
    #: Seconds in which a text that no rule takes is heard as if it followed the words of this rule.
    again: float | None = None
    #: Read and checked, and never matched, when False.
    enabled: bool = True
    only: Only | None = None
    limit: Limit | None = None
    #: It says and saves something, and asks, counts and waits for nothing: decided the short way.
    only_says: bool = False
    #: The replies, where they are the same for every message and the rule does nothing else.
    plain: tuple[str, ...] | None = None

    @property
    def keeps_answers(self) -> bool:
        """Whether it makes rows of answers."""
        return bool(self.ask or self.record)

    @property
    def missing(self) -> tuple[Choice, ...]:
        """What is said where the row that it looks up is not there."""
        return self.lookup.missing if self.lookup is not None else ()

    @property
    def conditional(self) -> bool:
        """Whether it may let a message pass on to later rules although a key matches."""
        return self.only is not None or bool(self.numbers)
