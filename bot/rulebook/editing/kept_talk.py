"""A talk that was tried, as a test of the rule file."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.rulebook.book import Book
from bot.rulebook.editing.rule_blocks import append_item
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.fetch import Fetched
from bot.rulebook.files.book_wide import all_choices
from bot.rulebook.files.quotes import Written
from bot.rulebook.simulate.phone_context import PhoneContext
from bot.rulebook.simulate.try_message import TriedTurn

_UNKNOWABLE = (
    "A test begins with a person whom the bot doesn't know, so this talk can't be one: take the tags, the saved values"
    " and the mark away, or have the talk begin with the messages that set them."
)


def keep_talk(
    text: str,
    book: Book,
    turns: Sequence[TriedTurn],
    setting: PhoneContext,
    fetched: Mapping[int, Fetched],
    at: str | None,
    pause: timedelta | None = None,
) -> str:
    """The file's text with the talk as its last test; `at` is when it plays, None: at the usual time.

    `pause`: how long after each message the next one comes; None: as in any test.

    Raises `CannotSplice` with a sentence for what no test can say.
    """
    if not turns:
        raise CannotSplice("Text it first: a talk of no message is no test.")
    if setting.knows_something:
        raise CannotSplice(_UNKNOWABLE)
    steps = [_step(book, turn, fetched.get(place)) for place, turn in enumerate(turns)]
    if pause is not None:
        steps[1:] = [{**step, "after": f"{pause.total_seconds():.0f}s"} for step in steps[1:]]
    around: dict[str, Written] = {
        name: value
        for name, value in (
            ("at", at),
            ("from", setting.sender),
            ("to", setting.recipient),
            ("language", setting.language),
        )
        if value
    }
    test = {**around, "talk": steps} if len(steps) > 1 else {"hear": steps[0]["hear"], **around, **steps[0]}
    return append_item(text, "tests", test)


def _step(book: Book, turn: TriedTurn, fetched: Fetched | None) -> dict[str, Written]:
    step: dict[str, Written] = {"hear": turn.heard}
    if fetched is not None and turn.fetch is not None:
        step["fetched"] = _written(fetched.value) if fetched.kind == "value" else fetched.kind
    if turn.replies and _varies(book, turn):
        step["rule"] = turn.rule or ""
    elif len(turn.replies) == 1:
        step["say"] = turn.replies[0]
    else:
        step["say"] = list(turn.replies)
    return step


def _varies(book: Book, turn: TriedTurn) -> bool:
    """Whether a reply may be one of several things, be it as a question: which of them, no test can expect."""
    rule = next((each for each in book.rules if each.name == turn.rule), None)
    return rule is not None and any(
        template.constant is None or template.constant.strip() in turn.replies
        for choice in all_choices(rule)
        for _, spoken in choice.variants()
        if len(spoken.templates) > 1
        for template in spoken.templates
    )


def _written(value: object) -> Written:
    """What a service answered, as far as it can be written in a test."""
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _written(each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [_written(each) for each in value]
    raise CannotSplice(
        "What the service answered holds an empty value or a decimal number, which a form can't write into a test;"
        " write this test in the text."
    )
