"""What would happen to a message, and why: the answer of `bot rules try` and of `POST /api/try`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

from bot.rulebook.background import give_way
from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.fetch import Fetched, FetchRequest
from bot.rulebook.follow_up import FollowUp
from bot.rulebook.simulate.explain import explain
from bot.rulebook.simulate.loop_guard import USUAL_CAPS, Caps, Rehearsal
from bot.rulebook.simulate.sample_codes import complete_with_samples, decide_with_samples
from bot.text.moments import well_inside
from bot.text.numbers import normalise_number

#: Numbers that belong to nobody.
SOME_PEER = "+15555550101"
_SOME_NUMBER = "+15555550100"
_NEW_PERSON = ConversationState()
#: Between two messages of a talk that is tried.
TRIED_PAUSE = timedelta(seconds=1)


class TryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The rule that answers, the replies that would be sent, and the reasons."""

    rule: str | None
    replies: tuple[str, ...]
    why: tuple[str, ...]
    #: What would be asked of another service before the reply.
    fetch: str | None = None


class TriedTurn(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a talk that was tried, and what came of it."""

    heard: str
    rule: str | None
    #: What matched, as in `keyword "hours"`.
    key: str | None
    replies: tuple[str, ...]
    #: The guard that kept the bot silent.
    silence: str | None
    why: tuple[str, ...]
    #: What would be asked of another service; and whether its answer is not given yet.
    fetch: FetchRequest | None = None
    awaits_answer: bool = False
    #: What is said later, each with its time.
    later: tuple[FollowUp, ...] = ()
    #: What is known of the peer from then on.
    after: ConversationState = _NEW_PERSON


def play(
    book: Book,
    texts: Sequence[str],
    *,
    sender: str | None = None,
    recipient: str | None = None,
    at: datetime,
    file: str | None = None,
    caps: Caps = USUAL_CAPS,
    fetched: Mapping[int, Fetched] | None = None,
    standing: ConversationState = _NEW_PERSON,
    pause: timedelta = TRIED_PAUSE,
) -> tuple[TriedTurn, ...]:
    """Play a talk from its beginning, with a pause between two messages and the loop guard; changes nothing.

    Without a recipient, it is the first number that `file`, or any file, names. `fetched` is what came for a message,
    by its place in the talk; `standing` is what is known of the peer when it begins.
    """
    number = normalise_number(recipient) if recipient else usual_number(book, file)
    peer = normalise_number(sender) if sender else SOME_PEER
    turns: list[TriedTurn] = []
    rehearsal = Rehearsal(caps)
    for position, text in enumerate(texts):
        give_way()
        now = at.astimezone(UTC) + pause * position
        heard = HeardMessage(id=f"try:{position}:{text}", text=text, sender=peer, recipient=number)
        decided = decide_with_samples(book, heard, standing, now)
        whole = complete_with_samples(book, decided, heard, (fetched or {}).get(position), now)
        decision = rehearsal.guard(standing, whole, text, now)
        turns.append(
            TriedTurn(
                heard=text,
                rule=decision.rule,
                key=decision.key.label if decision.key else None,
                replies=decision.replies,
                silence=decision.held_back_by,
                why=explain(book, heard, standing, now, decision),
                fetch=decided.fetch,
                awaits_answer=decision.fetch is not None,
                later=decision.later,
                after=decision.after,
            )
        )
        standing = msgspec.structs.replace(decision.after, known=True)
    return tuple(turns)


def answer(
    book: Book,
    text: str,
    sender: str | None = None,
    recipient: str | None = None,
    at: datetime | None = None,
    fetched: Fetched | None = None,
    language: str | None = None,
) -> TryAnswer:
    """Decide on a text as if a new peer had sent it, now or at a time; changes nothing.

    Without a recipient, it is our first number that a rule file names; `language` is that of the conversation. Nothing
    is fetched; `fetched` is what came.
    """
    if at is not None and at.tzinfo is None:
        raise ValueError("a time needs its zone")
    number = normalise_number(recipient) if recipient else usual_number(book)
    peer = normalise_number(sender) if sender else SOME_PEER
    # The same text always gets the same of several replies, as a message id would see to.
    heard = HeardMessage(id=f"try:{text}", text=text, sender=peer, recipient=number)
    standing = ConversationState(language=language)
    now = well_inside(at) if at else datetime.now(UTC)
    decision = decide_with_samples(book, heard, standing, now)
    whole = complete_with_samples(book, decision, heard, fetched, now)
    return TryAnswer(
        rule=whole.rule,
        replies=whole.replies,
        why=explain(book, heard, standing, now, whole),
        fetch=decision.fetch.url if decision.fetch else None,
    )


def usual_number(book: Book, file: str | None = None) -> str:
    """The number that a message comes to when nobody says: the first that this file, or any, serves."""
    for rule in book.rules:
        if rule.numbers and file in {None, rule.file}:
            return next(number for number in book.numbers if number in rule.numbers)
    return next(iter(book.numbers), _SOME_NUMBER)


def zone_of(book: Book, file: str | None = None) -> tzinfo:
    """The time zone of a file's rules, or else of the book's first."""
    rules = (*book.rules, *book.disabled)
    mine = next((rule.zone for rule in rules if rule.file == file), None)
    return mine or (rules[0].zone if rules else UTC)
