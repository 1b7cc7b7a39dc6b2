"""The smallest book answers."""

from datetime import UTC, datetime

from bot.rulebook.deciding import decide
from bot.rulebook.decision import Heard, Standing
from bot.rulebook.loading import load_texts

BOOK = """
rules:
  - {name: hours, when: {keyword: [hours, open]}, reply: "Corner Books is open Mon-Sat 9-18."}
  - {name: else, when: anything, reply: ["Sorry?", "Say HOURS."]}
"""


def test_a_keyword_answers() -> None:
    """`Hours?` is the word `hours`."""
    book = load_texts({"shop.yaml": BOOK}).book
    assert book is not None
    standing = Standing()
    heard = Heard(id="1", text="Hours?", sender="+15555550101", recipient="+15555550100")
    decision = decide(book, heard, standing, datetime.now(UTC))
    assert (decision.rule, decision.replies) == ("hours", ("Corner Books is open Mon-Sat 9-18.",))
    assert decision.after is standing
