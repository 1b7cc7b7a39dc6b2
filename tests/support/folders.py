"""A folder for a bot that runs as a process, with rules in it."""

from collections.abc import Callable
from pathlib import Path

from tests.support.processes import Bot

RULES = """\
rules:
  - name: stop
    when: {exact: [stop]}
    opt_out: true
    reply: You are unsubscribed. Reply START to come back.
  - name: start
    when: {exact: [start]}
    opt_in: true
    reply: You are back.
  - name: hours
    when: {keyword: hours}
    reply: We are open 9-18.
  - name: order
    when: {pattern: 'order\\s+#?(?P<number>\\d{4,8})'}
    reply:
      - "Order {{ number }}: we are looking it up."
      - Reply HELP to talk to a person.
  - name: quiet
    when: {keyword: quiet}
    tag: [quiet]
  - name: anything-else
    when: anything
    reply: Say HOURS.
"""

DATABASES = ["sqlite", "postgresql"]

MakeBot = Callable[..., Bot]


def in_folder(folder: Path) -> Path:
    """The folder, with the rules of these tests in it."""
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "rules.yaml").write_text(RULES, "utf-8")
    return folder
