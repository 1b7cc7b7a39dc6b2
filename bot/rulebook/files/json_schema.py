"""The JSON Schema of a rule file, for completion and help in editors.

It knows the shape of a file and nothing more: `bot rules check` has the last word.
"""

from typing import Any

from bot.rulebook.files.keys import (
    ANSWER_LENGTH,
    ANSWERERS,
    CANCEL_KEYS,
    CODE_KEYS,
    CODE_LENGTH,
    CODE_REQUIRED,
    DAY_ORDERS,
    EXPECT_DATE_KEYS,
    EXPECT_KEYS,
    EXPECT_NEEDS_MORE,
    EXPECT_NUMBER_KEYS,
    EXPECT_TEXT_KEYS,
    EXPECT_YES_NO_KEYS,
    FILE_KEYS,
    NUMBER_KEYS,
    ONCE,
    ONE_OF_KEYS,
    ONLY_KEYS,
    PER_MINUTE,
    QUESTION_KEYS,
    QUESTION_REQUIRED,
    RULE_KEYS,
    RULE_REQUIRED,
    SEGMENTS,
    STEP_KEYS,
    TEST_KEYS,
    TRIES,
    Bounds,
)
from bot.rulebook.files.when import WHEN_KEYS
from bot.rulebook.sender_numbers import KINDS
from bot.text.looks import LOOKS

Schema = dict[str, Any]

#: YAML takes 24 and true without quotes for a number and a flag; the bot takes them as they are written.
_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_TEXTS: Schema = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_DURATION: Schema = {
    "type": "string",
    "pattern": r"^\s*(\d+\s*[dhmsDHMS]\s*)+$",
    "examples": ["30m", "24h", "7d"],
}


def rule_file_schema() -> Schema:
    """The schema as `bot rules schema` prints it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "SMS keyword bot: rule file",
        "description": "Rules are read from top to bottom, files by name; the first that matches wins.",
        **_object(
            FILE_KEYS,
            {
                "timezone": _with(
                    {"type": "string"},
                    "Time zone",
                    "Of all times in this file, as the tz database names it. UTC if it is left out.",
                    "Europe/Paris",
                ),
                "numbers": _numbers(),
                "values": {
                    "title": "Constants",
                    "description": "For templates: `{{ shop }}`.",
                    "type": "object",
                    "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                    "additionalProperties": _TEXTS,
                    "examples": [{"shop": "Corner Books"}],
                },
                "max_segments": _segments(
                    "How many segments a reply may cost before `bot rules check` warns."
                ),
                "rules": {
                    "title": "Rules",
                    "description": "The first one that matches a message answers it.",
                    "type": ["array", "null"],
                    "items": _rule(),
                },
                "tests": {
                    "title": "Tests",
                    "description": "What must be answered. Run them with `bot rules test`.",
                    "type": ["array", "null"],
                    "items": _test(),
                },
            },
        ),
    }


def _object(keys: tuple[str, ...], help_: Schema, required: tuple[str, ...] = ()) -> Schema:
    """A mapping of just these keys; raises KeyError where one of them has no help."""
    properties = {key: help_.pop(key) for key in keys}
    if help_:
        raise KeyError(*help_)
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return made | ({"required": list(required)} if required else {})


def _with(schema: Schema, title: str, description: str, *examples: object) -> Schema:
    return {"title": title, "description": description, **schema} | (
        {"examples": list(examples)} if examples else {}
    )


def _integer(bounds: Bounds) -> Schema:
    return {"type": "integer", "minimum": bounds.lowest, "maximum": bounds.highest}


def _segments(description: str) -> Schema:
    return _with(_integer(SEGMENTS), "Segments", description, 3)


def _numbers() -> Schema:
    about = _object(
        NUMBER_KEYS,
        {
            "kind": _with({"enum": list(KINDS)}, "Kind", "Guessed from the number if it is left out."),
            "opt_out": _with(
                {"enum": list(ANSWERERS)}, "Who answers STOP", "The carrier on toll-free numbers."
            ),
            "per_minute": _with(
                _integer(PER_MINUTE),
                "Pace",
                "Messages that may leave in a minute.",
            ),
        },
    )
    choices = [_TEXTS, {"type": "object", "additionalProperties": {"anyOf": [about, {"type": "null"}]}}]
    return _with(
        {"anyOf": choices},
        "Our numbers",
        "The numbers that this file serves; all if it is left out.",
        ["+15555550100"],
        {"+18885550100": {"kind": "toll-free", "opt_out": "carrier"}},
    )


def _reply(
    description: str = "What is said: one text, a list of texts sent in this order, or one_of several.",
) -> Schema:
    one = {"anyOf": [_TEXT, _object(ONE_OF_KEYS, {"one_of": _TEXTS}, ONE_OF_KEYS)]}
    return _with(
        {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1}]},
        "Reply",
        description,
        "{{ shop }} is open Mon-Sat 9-18.",
        {"one_of": ["Hello!", "Hi!"]},
    )


def _when() -> Schema:
    keys = {
        "exact": ("The words of the message are these words, and no others.", ["stop", "opt out"]),
        "keyword": ("The message begins with these words.", ["hours", "opening hours"]),
        "contains": (
            "These words stand side by side, in this order, anywhere in the message.",
            ["where are you"],
        ),
        "all_words": ("Every one of these words is in the message, in any order.", ["open sunday"]),
        "fuzzy": (
            "The first word is this one, give or take a typing error (two from eight letters on).",
            ["catalogue"],
        ),
        "pattern": (
            "This RE2 pattern is found in the message, ignoring case; named groups become values.",
            r"order\s+#?(?P<number>\d{4,8})",
        ),
    }
    look: Schema = {"enum": list(LOOKS)}
    looks = _with(
        {"anyOf": [look, {"type": "array", "items": look, "minItems": 1}]},
        "looks_like",
        "The message looks like a wish to be left alone, a phone's reaction or its automatic reply,"
        " and no other rule matches it by its words.",
        "opt_out",
    )
    words = {key: _with(_TEXTS, key, description, example) for key, (description, example) in keys.items()}
    choices = [
        {"const": "anything"},
        _object(WHEN_KEYS, {**words, "looks_like": looks}) | {"minProperties": 1},
    ]
    return _with(
        {"anyOf": choices},
        "What the rule listens for",
        "`anything`, or alternatives, any of which is a match.",
        {"keyword": ["hours", "open"]},
        "anything",
    )


def _only() -> Schema:
    flag: Schema = {"type": "boolean"}
    return _with(
        _object(
            ONLY_KEYS,
            {
                "hours": _with(_TEXTS, "Hours", "In the file's time zone.", "Mon-Fri 9-12, 13-18; Sat 10-14"),
                "dates": _with(_TEXTS, "Dates", "A day, a day of every year, or a span.", "12-24..12-26"),
                "from": _with(_TEXTS, "From", "Beginnings of the peer's number.", "+33"),
                "to": _with(_TEXTS, "To", "Our numbers.", "+15555550100"),
                "first_time": _with(flag, "First message", "It is, or is not, the peer's first message."),
                "tagged": _with(_TEXTS, "Tagged", "The conversation has one of these tags."),
                "not_tagged": _with(_TEXTS, "Not tagged", "The conversation has none of these tags."),
                "opted_out": _with(flag, "Opted out", "The peer has, or has not, opted out."),
            },
        ),
        "Conditions",
        "Where one does not hold, later rules get the message.",
        {"hours": "Mon-Fri 9-18"},
    )


def _expect() -> Schema:
    number: Schema = {"type": "number"}
    day: Schema = {"type": "string"}
    kinds = {
        "one_of": _with(
            {
                "anyOf": [
                    _TEXTS,
                    {"type": "object", "additionalProperties": {"anyOf": [_TEXTS, {"type": "null"}]}},
                ]
            },
            "One of",
            "The choices, or each with other words for it.",
            ["mon", "tue"],
            {"small": ["s", "1"]},
        ),
        "number": _with(
            _object(EXPECT_NUMBER_KEYS, {"min": number, "max": number, "decimals": {"type": "boolean"}}),
            "Number",
            "A number within bounds.",
        ),
        "yes_no": _with(
            _object(EXPECT_YES_NO_KEYS, {"yes": _TEXTS, "no": _TEXTS}),
            "Yes or no",
            "Kept as yes or no; more words for each.",
        ),
        "date": _with(
            _object(EXPECT_DATE_KEYS, {"min": day, "max": day, "order": {"enum": list(DAY_ORDERS)}}),
            "Day",
            "Bounds are today, 90d from today, or a day; order says which number in 3/4 is the month.",
        ),
        "pattern": _with(_TEXT, "Pattern", "What it finds is kept, and its named groups besides."),
        "text": _with(
            _object(EXPECT_TEXT_KEYS, {"max": _integer(ANSWER_LENGTH)}),
            "Text",
            "Anything, up to a length.",
        ),
    }
    choices = [
        {"enum": [key for key in EXPECT_KEYS if key not in EXPECT_NEEDS_MORE]},
        _object(EXPECT_KEYS, kinds) | {"minProperties": 1, "maxProperties": 1},
    ]
    return _with({"anyOf": choices}, "What is taken for an answer", "Any text if it is left out.", "yes_no")


def _rule() -> Schema:
    question = _object(
        QUESTION_KEYS,
        {
            "save": _with({"type": "string"}, "Name", "Under which the answer is saved.", "day"),
            "question": _reply("What is asked."),
            "expect": _expect(),
            "otherwise": _reply("What is said to an answer that cannot be taken; else the question again."),
        },
        QUESTION_REQUIRED,
    )
    cancel = {
        "anyOf": [_TEXTS, _object(CANCEL_KEYS, {"words": _TEXTS, "reply": _reply("What is said then.")})]
    }
    flag: Schema = {"type": "boolean"}
    saved: Schema = {"type": "object", "additionalProperties": {"type": [*_TEXT["type"], "null"]}}
    return _object(
        RULE_KEYS,
        {
            "name": _with(_TEXT, "Name", "Unique in all files.", "hours"),
            "when": _when(),
            "only": _only(),
            "limit": _with(
                {"type": "string"}, "Limit", "The most replies to one conversation in a time.", "3 per 1h"
            ),
            "reply": _reply(),
            "ask": _with(
                {"anyOf": [question, {"type": "array", "items": question, "minItems": 1}]},
                "Questions",
                "One at a time, before all else that the rule does.",
                [{"save": "day", "question": "Which day?"}],
            ),
            "expires": _with(_DURATION, "Expires", "After how long without a word the questions are over."),
            "tries": _with(_integer(TRIES), "Tries", "How often a question is put."),
            "cancel": _with(cancel, "Cancel words", "End the questions.", ["exit", "never mind"]),
            "set": _with(
                saved, "Save", "Texts for this conversation; an empty one forgets.", {"last": "{{ number }}"}
            ),
            "tag": _with(_TEXTS, "Tag", "Tags put on the conversation.", ["asked"]),
            "untag": _with(_TEXTS, "Untag", "Tags taken off the conversation."),
            "opt_out": _with(flag, "Opt out", "The peer gets no more messages."),
            "opt_in": _with(flag, "Opt in", "The peer gets messages again."),
            "handover": _with(
                flag, "Hand over", "A person takes over; the bot is silent until it is handed back."
            ),
            "forward": _with(
                _TEXTS, "Forward", "URLs that the message is posted to.", "https://example.com/sms"
            ),
            "code": _code(),
            "record": _with(
                {"type": "object", "additionalProperties": _TEXT, "minProperties": 1},
                "Record",
                "Texts that are kept as a row of answers.",
                {"option": "{{ option | upcase }}"},
            ),
            "once": _with(
                {"enum": list(ONCE)},
                "One row for each peer",
                "Which one is kept: the first, or the last (replace).",
                "replace",
            ),
            "help": _with(_TEXT, "Help", "Its line in `{{ help }}`.", "HOURS opening times"),
            "max_segments": _segments("The file's, for this rule alone."),
        },
        RULE_REQUIRED,
    )


def _code() -> Schema:
    made = _object(
        CODE_KEYS,
        {
            "from": _with(
                {"type": "string"}, "List", "A CSV file; the codes are its first column.", "coupons.csv"
            ),
            "random": _with(
                _integer(CODE_LENGTH), "Made up", "Characters of codes that the bot makes up.", 8
            ),
            "save": _with({"type": "string"}, "Name", "Under which the code is saved.", "code"),
            "missing": _reply("What is said when all codes are given."),
        },
        CODE_REQUIRED,
    )
    return _with(
        made,
        "Code",
        "One for each peer, never twice, and the same again when asked again.",
        {"from": "coupons.csv", "save": "code", "missing": "All coupons are gone."},
    ) | {"oneOf": [{"required": ["from"]}, {"required": ["random"]}]}


def _test() -> Schema:
    said = {"anyOf": [_TEXT, _object(ONE_OF_KEYS, {"one_of": _TEXTS}, ONE_OF_KEYS)]}
    turn: Schema = {
        "hear": _with(_TEXT, "Heard", "What the peer texts.", "Hours?"),
        "say": _with(
            {"anyOf": [*said["anyOf"], {"type": "array", "items": said}]},
            "Said",
            "All that must be answered; [] is silence.",
        ),
        "rule": _with(_TEXT, "Rule", "Which rule must answer."),
        "code": _with(
            _TEXT, "Code", "The code that the peer is given, or gone; else the first of the list.", "gone"
        ),
        "at": _with({"type": "string"}, "Time", "When it is heard.", "2026-12-24 18:30", "Sat 20:00"),
    }
    step = _object(
        STEP_KEYS, {**turn, "after": _with(_DURATION, "After", "How long after the message before.")}
    )
    talk: Schema = {
        "type": "array",
        "items": step | {"anyOf": [{"required": ["hear"]}, {"required": ["say"]}]},
    }
    whole = {
        **turn,
        "talk": _with(talk, "Talk", "Several messages in one conversation."),
        "from": _with(_TEXT, "From", "The peer's number."),
        "to": _with(_TEXT, "To", "Our number."),
    }
    return _object(TEST_KEYS, whole) | {"oneOf": [{"required": ["hear"]}, {"required": ["talk"]}]}
