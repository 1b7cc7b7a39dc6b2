"""The keys that rule files know, and what people write instead."""

from bot.rulebook.files import keys
from bot.rulebook.files.when import WHEN_KEYS
from bot.rulebook.findings import did_you_mean

FILE_KEYS = frozenset(keys.FILE_KEYS)
#: Without `answer`, which says of a number whom it answers: in a rule people mean `reply` by it.
KNOWN = frozenset(
    name
    for table, names in vars(keys).items()
    if table.endswith("_KEYS") and isinstance(names, tuple)
    for name in names
    if name != "answer"
) | frozenset(WHEN_KEYS)
#: Those of a file that stand nowhere else.
SECTIONS = frozenset({"timezone", "values", "rules", "tests"})

#: What people write for a key whose name is far from it.
_OTHER_WORDS = {
    "answer": "reply", "answers": "reply", "respond": "reply", "response": "reply", "responses": "reply",
    "text": "reply", "message": "reply", "send": "reply", "replies": "reply", "output": "reply", "then": "reply",
    "if": "when", "trigger": "when", "match": "when", "matches": "when", "on": "when", "triggers": "when",
    "id": "name", "title": "name", "rule_name": "name", "label": "name",
    "keywords": "keyword", "word": "keyword", "words": "keyword", "starts_with": "keyword", "begins": "keyword",
    "contain": "contains", "includes": "contains", "include": "contains", "has": "contains", "equals": "exact",
    "regex": "pattern", "regexp": "pattern", "patterns": "pattern", "re": "pattern",
    "tags": "tag", "hour": "hours", "date": "dates", "input": "hear", "heard": "hear", "hears": "hear",
    "said": "say", "says": "say", "expect_reply": "say", "conditions": "only", "condition": "only",
    "time_zone": "timezone", "tz": "timezone", "zone": "timezone", "rule": "rules", "test": "tests",
    "constants": "values", "variables": "values", "vars": "values", "stop": "opt_out", "unsubscribe": "opt_out",
    "optout": "opt_out", "optin": "opt_in", "subscribe": "opt_in", "hand_over": "handover", "questions": "ask",
    "quiet_hours": "hours", "conversation": "talk", "webhook": "forward",
    "opening_hours": "hours", "open_hours": "hours", "holiday": "holidays", "closures": "closed", "closing": "closed",
    "csv": "tables", "spreadsheet": "tables", "sheet": "tables", "look_for": "lookup", "find": "lookup",
    "api": "fetch", "http": "fetch", "request": "fetch", "link": "url", "body": "json", "cache": "keep",
    "fallback": "otherwise", "on_error": "otherwise", "not_found": "missing", "if_missing": "missing",
    "follow_up": "later", "followup": "later", "reminder": "later", "delay": "after", "wait": "after",
    "coupon": "code", "voucher": "code", "codes": "code", "save_as": "save", "store": "record", "log": "record",
    "lang": "language", "locale": "language", "translations": "languages",
    "active": "enabled", "enable": "enabled", "disabled": "enabled",
    "again_for": "again",
}  # fmt: skip


def key_meant(given: str, known: frozenset[str] = KNOWN) -> str | None:
    """The key that a wrong one was meant for; None where none is near."""
    name = given.strip().lower().replace("-", "_").replace(" ", "_")
    if name in known:
        return name
    if (other := _OTHER_WORDS.get(name)) is not None:
        return other if other in known else None
    hint = did_you_mean(name, sorted(known))
    return hint.split('"')[1] if hint else None
