"""The rule book that comes with the bot."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.rulebook.decision import ConversationState
from bot.rulebook.files.loader import load_folder
from tests.support.books import NOW, hear

BOOK = load_folder(Path("rules")).book


def test_it_has_no_findings() -> None:
    assert load_folder(Path("rules")).findings == ()


@pytest.mark.parametrize(
    ("text", "rule", "reply"),
    [
        ("Hours?", "hours", "Corner Books is open Mon-Sat 9-18."),
        ("Where is my order no. 12345?", "order-status", "Got it: we are looking up no. 12345"),
        ("order", "order-again", "Text ORDER and the number"),
        ("how much is Emma", "price", "Text us the title"),
        ("where are you", "address", "Corner Books, 12 Mill Lane."),
        ("Thx!", "thanks", ""),
        ("🙏", "thanks", ""),
        ("HELP", "help", "Corner Books: text HOURS"),
        ("endurance", "anything-else", "Sorry, we didn't get that."),
        ("stop it", "leave-me-alone", "Reply STOP to get no more messages."),
        ("", "anything-else", "Sorry"),
    ],
)
def test_it_answers(text: str, rule: str, reply: str) -> None:
    assert BOOK is not None
    decision = hear(BOOK, text)
    assert decision.rule == rule
    assert decision.replies[0].startswith(reply)


@pytest.mark.parametrize(
    "word",
    [
        *["STOP", "stop", "Quit.", "END", "REVOKE", "Opt Out", "opt-out", "OPTOUT", "CANCEL", "UNSUBSCRIBE"],
        *["STOPALL", "Stop all", "REMOVE"],
    ],
)
def test_it_takes_every_word_that_revokes_consent(word: str) -> None:
    assert BOOK is not None
    decision = hear(BOOK, word)
    assert decision.after.opted_out
    assert decision.exempt
    back = hear(BOOK, "Unstop", decision.after, at=NOW + timedelta(minutes=1))
    assert not back.after.opted_out


def test_it_remembers_an_order() -> None:
    assert BOOK is not None
    after = hear(BOOK, "order 12345", ConversationState()).after
    assert hear(BOOK, "order", after).replies == ("No. 12345 is with us.",)
