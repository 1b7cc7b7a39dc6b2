"""A candidate rule book is played whole conversations, and what it would say otherwise is listed."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState
from bot.rulebook.simulate.replay import AnsweredMessage, PersonAction, Replay
from tests.support.books import NOW, HeardMessage, book_of, decide

OLD = book_of(
    "name: hours, when: {keyword: hours}, reply: We open at 9.",
    "name: name, when: {pattern: 'i am (?P<who>[a-z]+)'}, set: {who: '{{ who }}'}, reply: Hello.",
    "name: who, when: {keyword: who}, reply: 'You are {{ who }}.'",
    "name: agent, when: {keyword: agent}, handover: true, reply: One moment.",
)


def history(book: Book, *conversations: list[str]) -> Iterator[AnsweredMessage]:
    for number, texts in enumerate(conversations):
        standing = ConversationState()
        for at, text in enumerate(texts):
            heard = HeardMessage(
                id=f"{number}-{at}", text=text, sender=f"+1555555020{number}", recipient="+15555550100"
            )
            when = NOW + timedelta(days=number, minutes=at)
            decision = decide(book, heard, standing, when)
            standing = msgspec.structs.replace(decision.after, known=True)
            yield AnsweredMessage(
                conversation_id=f"c{number}",
                message_id=f"m{number}-{at}",
                heard=heard,
                at=when,
                rule=decision.rule,
                said=decision.replies,
            )


def test_the_same_book_changes_nothing() -> None:
    replay = Replay(OLD)
    assert [
        replay.take(past) for past in history(OLD, ["hours", "i am ann", "who", "x"], ["agent", "hours"])
    ] == [None] * 6
    assert (replay.result().messages, replay.result().changed, replay.result().rules) == (6, 0, ())


def test_changes_are_grouped_by_the_rule_that_brings_them() -> None:
    new = book_of(
        "name: hours, when: {keyword: [hours, x]}, reply: We open at 10.",
        "name: name, when: {pattern: 'i am (?P<who>[a-z]+)'}, set: {who: '{{ who | upcase }}'}, reply: Hello.",
        "name: who, when: {keyword: who}, reply: 'You are {{ who }}.'",
    )
    replay = Replay(new)
    for past in history(OLD, ["hours", "i am ann", "who", "x"], ["agent"]):
        replay.take(past)
    result = replay.result()
    assert [(group.rule, group.count) for group in result.rules] == [("hours", 2), (None, 1), ("who", 1)]
    assert (result.version, result.messages, result.changed) == (new.version, 5, 4)
    change = result.rules[2].changes[0]
    assert (change.said_then, change.says, change.heard) == (("You are ann.",), ("You are ANN.",), "who")
    assert (result.rules[1].changes[0].rule_then, result.rules[1].changes[0].rule) == ("agent", None)


def test_older_messages_of_a_conversation_count_for_what_they_saved_alone() -> None:
    replay = Replay(
        book_of("name: hours, when: {keyword: hours}, reply: New."), since=NOW + timedelta(hours=1)
    )
    changes = [replay.take(past) for past in history(OLD, ["hours"], ["hours"])]
    assert [change is not None for change in changes] == [False, True]
    assert replay.result().messages == 1


def test_a_conversation_that_a_person_handed_back_is_the_bots_again() -> None:
    pasts = list(history(OLD, ["agent", "hours"]))
    answered = msgspec.structs.replace(pasts[1], said=("We open at 9.",))
    replay = Replay(OLD)
    assert [replay.take(past) for past in (pasts[0], answered)] == [None, None]


def test_compared_with_a_book_what_that_one_says_now_counts_and_not_what_was_said_then() -> None:
    now, candidate = (
        book_of("when: {keyword: hours}, reply: Open."),
        book_of("when: {keyword: hours}, reply: Shut."),
    )
    past = AnsweredMessage(
        conversation_id="c",
        message_id="m",
        heard=HeardMessage(id="m", text="hours", sender="+15555550101", recipient="+15555550100"),
        at=NOW,
        rule="old",
        said=("Long ago.",),
    )
    same = Replay(now, compared_with=now)
    assert same.take(past) is None
    change = Replay(candidate, compared_with=now).take(past)
    assert change is not None
    assert (change.said_then, change.says, change.rule_then) == (("Open.",), ("Shut.",), "r0")


def test_a_tag_that_a_person_gave_counts_from_then_on() -> None:
    book = book_of(
        "when: {keyword: hours}, only: {tagged: vip}, reply: Always.", "when: anything, reply: Shut."
    )
    replay = Replay(book)
    says = []
    for number, deeds in enumerate(
        [(), (PersonAction("tag", "vip"),), (), (PersonAction("untag", "vip"), PersonAction("reply"))]
    ):
        heard = HeardMessage(id=str(number), text="hours", sender="+15555550101", recipient="+15555550100")
        past = AnsweredMessage(
            conversation_id="c", message_id=str(number), heard=heard, at=NOW, rule=None, said=(), deeds=deeds
        )
        change = replay.take(past)
        assert change is not None
        says.append(change.says)
    assert says == [("Shut.",), ("Always.",), ("Always.",), ("Shut.",)]
