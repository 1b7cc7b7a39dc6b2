"""A new rule for a form to fill in: before the first one that takes everything, in the layout of its neighbours."""

from bot.rulebook.editing.rule_blocks import insert_rule, rules_of
from bot.rulebook.editing.source_tree import SourceNode, parse
from bot.rulebook.files.quotes import Written
from bot.text.lines import split_lines

_NAME = "new-rule"


def with_new_rule(text: str) -> tuple[str, int]:
    """The text with one more rule, and the rule's number; raises `CannotSplice`."""
    says_something = any(
        line.strip("\ufeff \t") and not line.lstrip().startswith("#") for line in split_lines(text)
    )
    rules = rules_of(parse(text)) if says_something else None
    items = rules.items if rules is not None else ()
    at = next((at for at, item in enumerate(items) if _takes_everything(item)), len(items))
    taken = {found.value for item in items if (found := item.find("name")) is not None}
    names = [_NAME, *(f"{_NAME}-{count}" for count in range(2, len(taken) + 3))]
    name = next(each for each in names if each not in taken)
    rule: dict[str, Written] = {"name": name, "when": {"keyword": []}, "reply": ""}
    return insert_rule(text, at, rule), at


def still_empty(rule: SourceNode) -> str:
    """A sentence on what a rule still needs before it can be read; empty: nothing that a form would begin with."""
    when, reply = rule.find("when"), rule.find("reply")
    wanted = []
    if when is not None and any(value.kind == "list" and not value.items for _, value in when.pairs):
        wanted.append("add the words that somebody texts")
    if reply is not None and reply.kind == "text" and not reply.value.strip():
        wanted.append("write the answer")
    return f"{' and '.join(wanted).capitalize()}." if wanted else ""


def _takes_everything(rule: SourceNode) -> bool:
    when = rule.find("when")
    return when is not None and when.value == "anything" and rule.find("only") is None
