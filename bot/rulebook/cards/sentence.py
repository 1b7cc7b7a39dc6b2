"""One sentence in plain words on what a rule does."""

import re
from collections.abc import Iterable, Sequence

from bot.rulebook.conditions import Only
from bot.rulebook.findings import listed
from bot.rulebook.rules import Choice, Rule, WhenKey
from bot.text.languages import language_code

_VALUE = re.compile(r"\{\{-?\s*([\w.]+)[^}]*\}\}")
_CASE = re.compile(r"\{%.*?%\}")
_MOST_NAMED = 4
_LONGEST = 70
_LISTENS = {
    "exact": "texts exactly",
    "keyword": "texts",
    "contains": "has in their text",
    "all_words": "has all of these words in their text:",
    "fuzzy": "texts, even mistyped,",
    "pattern": "texts what matches",
    "table": "begins with a key of the table",
    "exact_table": "texts a key of the table",
    "looks_like": "sends what looks like",
}
_LOOKS = {
    "opt_out": "a wish to get no more messages",
    "reaction": "a reaction",
    "auto_reply": "an automatic answer",
}


def say_rule(rule: Rule) -> str:
    """`Whoever texts hours or open hears “We are open 9-18.”`, with its conditions and all that it does."""
    deeds = list(_deeds(rule))
    done = "; ".join([_joined(deeds[:3]), *deeds[3:]]) if deeds else "hears nothing"
    only = _only(rule.only) if rule.only is not None else ""
    start = "Turned off: whoever" if not rule.enabled else "Whoever"
    return f"{start} {_listens(rule.keys)}{only} {done}."


def _listens(keys: Sequence[WhenKey]) -> str:
    kinds: dict[str, list[str]] = {}
    for key in keys:
        kinds.setdefault(key.kind, []).append(_LOOKS.get(key.text, key.text))
    if not kinds or "anything" in kinds:
        return "texts what no rule before this one takes"
    return ", or ".join(f"{_LISTENS.get(kind, kind)} {_or(texts)}" for kind, texts in kinds.items())


def _or(texts: Iterable[str]) -> str:
    all_ = list(texts)
    if len(all_) > _MOST_NAMED:
        return f"{', '.join(all_[: _MOST_NAMED - 1])} or one of {len(all_) - _MOST_NAMED + 1} others"
    return listed(all_)


def _only(only: Only) -> str:
    parts = [
        only.open and f"while {listed(only.open)} is open",
        only.closed and f"while {listed(only.closed)} is closed",
        only.hours and f"in the hours {listed([each.text for each in only.hours])}",
        only.dates and f"on {listed([each.text for each in only.dates])}",
        only.sender and f"from a number that begins with {listed(only.sender)}",
        only.recipient and f"to {listed(only.recipient)}",
        only.first_time is not None
        and ("for the first time" if only.first_time else "not for the first time"),
        only.tagged and f"and has the tag {listed(only.tagged)}",
        only.not_tagged and f"and lacks the tag {listed(only.not_tagged)}",
        only.languages and f"and is spoken to in {listed(only.languages)}",
        only.opted_out is not None and ("after opting out" if only.opted_out else "without having opted out"),
    ]
    told = [each for each in parts if each]
    return f", {', '.join(told)}," if told else ""


def _deeds(rule: Rule) -> Iterable[str]:
    count = len(rule.ask.questions) if rule.ask is not None else 0
    told = (
        rule.lookup and "has the row of a table looked up",
        rule.fetch and f"has {rule.fetch.host} asked",
        rule.code and "gets a code",
        count and f"is asked {'a question' if count == 1 else f'{count} questions'}",
        rule.reply and f"hears {_said(rule.reply)}",
        rule.opt_out and "gets no more messages",
        rule.opt_in and "gets messages again",
        rule.handover
        and f"is handed over to {rule.handover.to or 'a person'}{', urgently' * rule.handover.urgent}",
        rule.tag and f"gets the tag {listed(rule.tag, 'and')}",
        rule.untag and f"loses the tag {listed(rule.untag, 'and')}",
        rule.saves and f"has {listed([name for name, _ in rule.saves], 'and')} remembered",
        rule.record and "is counted among the answers",
        rule.language and f"is spoken to in {rule.language} from then on",
        rule.forward
        and f"has the message passed on to {len(rule.forward)} address{'es' * (len(rule.forward) > 1)}",
        rule.later and "hears more later",
    )
    return (each for each in told if isinstance(each, str))


def _said(reply: Sequence[Choice]) -> str:
    first = reply[0]
    languages = [code for code in first.by_language if language_code(code)]
    text = next((template.source for template in first.templates), "")
    text = plain_text(text).removesuffix(".")
    text = f"“{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}”"
    if len(first.templates) > 1:
        text = f"{text} or another of {len(first.templates)} wordings"
    if len(languages) > 1:
        text += f", in their own language ({', '.join(languages)})"
    return text if len(reply) == 1 else f"{text} and {len(reply) - 1} more"


def plain_text(template: str) -> str:
    """A template as a person reads it: the names of its values in brackets, its cases left out."""
    text = _VALUE.sub(lambda found: f"[{found[1].replace('_', ' ').replace('.', ': ')}]", template)
    return " ".join(_CASE.sub(" … ", text).split())


def _joined(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)
