"""A new wording is taken into the tests that fail by it, and nothing else is touched."""

from bot.rulebook.editing.acceptance import accepted
from bot.rulebook.files.loader import load_texts
from bot.rulebook.simulate.test_runner import run_tests

BOOK = """\
rules:
  - {name: hours, when: {keyword: hours}, reply: ["Open: 9-18.", "Sundays too."]}
  - {name: hi, when: {keyword: hi}, reply: "It's \\"us\\""}
  - {name: vote, when: {keyword: vote}, reply: {one_of: [Yes, No]}}

tests:
  - {hear: hours, say: ['Open 9-17.', Sundays too.]}  # the sign on the door
  - hear: hi
    say: Hi  # as ever
  - talk:
      - hear: hours
      - say: "Open 9-17."   # first
      - say: Sundays too.
      - {hear: hi, rule: hi, say: Hi}
  - {hear: hi, rule: hours, say: Hi}
  - {hear: vote, say: {one_of: [Perhaps, Maybe]}}
  - {hear: nobody, say: Hello}
"""


def test_only_the_wording_changes() -> None:
    book = load_texts({"f.yaml": BOOK}).book
    assert book is not None
    after = accepted({"f.yaml": BOOK}, run_tests(book).tests)["f.yaml"]
    assert after == (
        BOOK.replace("'Open 9-17.'", "'Open: 9-18.'")
        .replace("say: Hi  # as ever", 'say: It\'s "us"  # as ever')
        .replace('"Open 9-17."   # first', '"Open: 9-18."   # first')
        .replace("rule: hi, say: Hi}", 'rule: hi, say: It\'s "us"}')
    )
    again = load_texts({"f.yaml": after}).book
    assert again is not None
    failed = [test.line for test in run_tests(again).tests if test.failures]
    assert failed == [15, 16, 17]  # another rule, one of several, no rule
