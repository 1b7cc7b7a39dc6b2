"""The JSON Schema of a rule file, for completion and help in editors.

It knows the shape of a file and nothing more: `bot rules check` has the last word.
"""

from bot.rulebook.files.answer_schema import code_schema, once_schema, record_schema
from bot.rulebook.files.keys import (
    ANSWER_LENGTH,
    ANSWERERS,
    CANCEL_KEYS,
    DAY_ORDERS,
    EXPECT_DATE_KEYS,
    EXPECT_KEYS,
    EXPECT_NEEDS_MORE,
    EXPECT_NUMBER_KEYS,
    EXPECT_TEXT_KEYS,
    EXPECT_YES_NO_KEYS,
    FILE_KEYS,
    NUMBER_KEYS,
    ONE_OF_KEYS,
    ONLY_KEYS,
    PER_DAY,
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
from bot.rulebook.files.schema_parts import (
    DURATION,
    LANGUAGE,
    TEXT,
    TEXTS,
    WORDS,
    Schema,
    by_language,
    canned_schema,
    closed_schema,
    described,
    languages_schema,
    object_schema,
    reply_schema,
    said_schema,
    words_schema,
)
from bot.rulebook.files.service_schema import fetch_schema, handover_schema, later_schema
from bot.rulebook.files.table_schema import lookup_schema, tables_schema
from bot.rulebook.files.when import WHEN_KEYS
from bot.rulebook.sender_numbers import KINDS
from bot.text.looks import LOOKS


def rule_file_schema() -> Schema:
    """The schema as `bot rules schema` prints it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "SMS keyword bot: rule file",
        "description": "Rules are read from top to bottom, files by name; the first that matches wins.",
        **object_schema(
            FILE_KEYS,
            {
                "timezone": described(
                    {"type": "string"},
                    "Time zone",
                    "Of all times in this file, as the tz database names it. UTC if it is left out.",
                    "Europe/Paris",
                ),
                "numbers": _numbers(),
                "language": described(
                    LANGUAGE, "Language of the numbers", "In which conversations on them begin.", "es"
                ),
                "languages": described(
                    languages_schema(),
                    "Languages",
                    "In which this file's texts are; the first is the default.",
                    ["en", "es"],
                ),
                "hours": described(
                    {
                        "type": "object",
                        "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                        "additionalProperties": TEXTS,
                    },
                    "Named hours",
                    "For `only: {open: shop}` and `{{ hours.shop }}` in every file.",
                    {"shop": "Mon-Sat 9:00-18:00"},
                ),
                "closed": closed_schema(),
                "values": {
                    "title": "Constants",
                    "description": "For templates: `{{ shop }}`.",
                    "type": "object",
                    "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                    "additionalProperties": {"anyOf": [*TEXTS["anyOf"], by_language(TEXT)]},
                    "examples": [{"shop": "Corner Books"}],
                },
                "tables": tables_schema(),
                "max_segments": _segments(
                    "How many segments a reply may cost before `bot rules check` warns."
                ),
                "canned": canned_schema(),
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
        "$defs": {"words": words_schema(), "said": said_schema()},
    }


def _integer(bounds: Bounds) -> Schema:
    return {"type": "integer", "minimum": bounds.lowest, "maximum": bounds.highest}


def _segments(description: str) -> Schema:
    return described(_integer(SEGMENTS), "Segments", description, 3)


def _numbers() -> Schema:
    about = object_schema(
        NUMBER_KEYS,
        {
            "kind": described({"enum": list(KINDS)}, "Kind", "Guessed from the number if it is left out."),
            "opt_out": described(
                {"enum": list(ANSWERERS)}, "Who answers STOP", "The carrier on toll-free numbers."
            ),
            "per_minute": described(
                _integer(PER_MINUTE),
                "Pace",
                "Messages that may leave in a minute.",
            ),
            "per_day": described(
                _integer(PER_DAY),
                "Ceiling",
                "Messages that may leave in a day; then replies wait for a person or the next day.",
            ),
            "answer": described(
                TEXTS, "Countries", "Only numbers that begin so are answered.", ["+1", "+44"]
            ),
            "language": described(LANGUAGE, "Language", "In which its conversations begin.", "es"),
        },
    )
    choices = [TEXTS, {"type": "object", "additionalProperties": {"anyOf": [about, {"type": "null"}]}}]
    return described(
        {"anyOf": choices},
        "Our numbers",
        "The numbers that this file serves; all if it is left out.",
        ["+15555550100"],
        {"+18885550100": {"kind": "toll-free", "opt_out": "carrier"}},
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
        "table": ("The message begins with the key of a row of this table.", "stops"),
        "exact_table": ("The words of the message are the key of a row, and no others.", "faq"),
        "pattern": (
            "This RE2 pattern is found in the message, ignoring case; named groups become values.",
            r"order\s+#?(?P<number>\d{4,8})",
        ),
    }
    look: Schema = {"enum": list(LOOKS)}
    looks = described(
        {"anyOf": [look, {"type": "array", "items": look, "minItems": 1}]},
        "looks_like",
        "The message looks like a wish to be left alone, a phone's reaction or its automatic reply,"
        " and no other rule matches it by its words.",
        "opt_out",
    )
    words = {key: described(WORDS, key, description, example) for key, (description, example) in keys.items()}
    choices = [
        {"const": "anything"},
        object_schema(WHEN_KEYS, {**words, "looks_like": looks}) | {"minProperties": 1},
    ]
    return described(
        {"anyOf": choices},
        "What the rule listens for",
        "`anything`, or alternatives, any of which is a match.",
        {"keyword": ["hours", "open"]},
        "anything",
    )


def _only() -> Schema:
    flag: Schema = {"type": "boolean"}
    return described(
        object_schema(
            ONLY_KEYS,
            {
                "hours": described(
                    TEXTS, "Hours", "In the file's time zone.", "Mon-Fri 9-12, 13-18; Sat 10-14"
                ),
                "dates": described(TEXTS, "Dates", "A day, a day of every year, or a span.", "12-24..12-26"),
                "open": described(TEXTS, "Open", "The named hours are open.", "shop"),
                "closed": described(TEXTS, "Closed", "The named hours are closed.", "shop"),
                "language": described(languages_schema(), "Language", "The conversation is in it.", "es"),
                "from": described(TEXTS, "From", "Beginnings of the peer's number.", "+33"),
                "to": described(TEXTS, "To", "Our numbers.", "+15555550100"),
                "first_time": described(flag, "First message", "It is, or is not, the peer's first message."),
                "tagged": described(TEXTS, "Tagged", "The conversation has one of these tags."),
                "not_tagged": described(TEXTS, "Not tagged", "The conversation has none of these tags."),
                "opted_out": described(flag, "Opted out", "The peer has, or has not, opted out."),
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
        "one_of": described(
            {
                "anyOf": [
                    TEXTS,
                    {"type": "object", "additionalProperties": {"anyOf": [WORDS, {"type": "null"}]}},
                ]
            },
            "One of",
            "The choices, or each with other words for it.",
            ["mon", "tue"],
            {"small": ["s", "1"]},
        ),
        "number": described(
            object_schema(
                EXPECT_NUMBER_KEYS, {"min": number, "max": number, "decimals": {"type": "boolean"}}
            ),
            "Number",
            "A number within bounds.",
        ),
        "yes_no": described(
            object_schema(EXPECT_YES_NO_KEYS, {"yes": WORDS, "no": WORDS}),
            "Yes or no",
            "Kept as yes or no; more words for each.",
        ),
        "date": described(
            object_schema(EXPECT_DATE_KEYS, {"min": day, "max": day, "order": {"enum": list(DAY_ORDERS)}}),
            "Day",
            "Bounds are today, 90d from today, or a day; order says which number in 3/4 is the month.",
        ),
        "pattern": described(TEXT, "Pattern", "What it finds is kept, and its named groups besides."),
        "text": described(
            object_schema(EXPECT_TEXT_KEYS, {"max": _integer(ANSWER_LENGTH)}),
            "Text",
            "Anything, up to a length.",
        ),
    }
    choices = [
        {"enum": [key for key in EXPECT_KEYS if key not in EXPECT_NEEDS_MORE]},
        object_schema(EXPECT_KEYS, kinds) | {"minProperties": 1, "maxProperties": 1},
    ]
    return described(
        {"anyOf": choices}, "What is taken for an answer", "Any text if it is left out.", "yes_no"
    )


def _rule() -> Schema:
    question = object_schema(
        QUESTION_KEYS,
        {
            "save": described({"type": "string"}, "Name", "Under which the answer is saved.", "day"),
            "question": reply_schema("What is asked."),
            "expect": _expect(),
            "otherwise": reply_schema(
                "What is said to an answer that cannot be taken; else the question again."
            ),
        },
        QUESTION_REQUIRED,
    )
    cancel = {
        "anyOf": [
            WORDS,
            object_schema(CANCEL_KEYS, {"words": WORDS, "reply": reply_schema("What is said then.")}),
        ]
    }
    flag: Schema = {"type": "boolean"}
    saved: Schema = {"type": "object", "additionalProperties": {"type": [*TEXT["type"], "null"]}}
    return object_schema(
        RULE_KEYS,
        {
            "name": described(TEXT, "Name", "Unique in all files.", "hours"),
            "when": _when(),
            "only": _only(),
            "limit": described(
                {"type": "string"}, "Limit", "The most replies to one conversation in a time.", "3 per 1h"
            ),
            "reply": reply_schema(),
            "ask": described(
                {"anyOf": [question, {"type": "array", "items": question, "minItems": 1}]},
                "Questions",
                "One at a time, before all else that the rule does.",
                [{"save": "day", "question": "Which day?"}],
            ),
            "expires": described(
                DURATION, "Expires", "After how long without a word the questions are over."
            ),
            "tries": described(_integer(TRIES), "Tries", "How often a question is put."),
            "cancel": described(cancel, "Cancel words", "End the questions.", ["exit", "never mind"]),
            "set": described(
                saved, "Save", "Texts for this conversation; an empty one forgets.", {"last": "{{ number }}"}
            ),
            "tag": described(TEXTS, "Tag", "Tags put on the conversation.", ["asked"]),
            "untag": described(TEXTS, "Untag", "Tags taken off the conversation."),
            "opt_out": described(flag, "Opt out", "The peer gets no more messages."),
            "opt_in": described(flag, "Opt in", "The peer gets messages again."),
            "handover": handover_schema(),
            "forward": described(
                TEXTS, "Forward", "URLs that the message is posted to.", "https://example.com/sms"
            ),
            "help": described(
                {"anyOf": [TEXT, by_language(TEXT)]},
                "Help",
                "Its line in `{{ help }}`.",
                "HOURS opening times",
            ),
            "language": described(LANGUAGE, "Language", "The conversation's from now on.", "es"),
            "code": code_schema(),
            "record": record_schema(),
            "once": once_schema(),
            "fetch": fetch_schema(),
            "later": later_schema(),
            "max_segments": _segments("The file's, for this rule alone."),
            "enabled": described(flag, "Enabled", "When false, the rule is checked and never matched."),
            "lookup": lookup_schema(),
            "again": described(
                DURATION,
                "Again",
                "How long a text that no rule takes is heard as if it followed the words of this rule.",
            ),
        },
        RULE_REQUIRED,
    )


def _test() -> Schema:
    said = {"anyOf": [TEXT, object_schema(ONE_OF_KEYS, {"one_of": TEXTS}, ONE_OF_KEYS)]}
    turn: Schema = {
        "hear": described(TEXT, "Heard", "What the peer texts.", "Hours?"),
        "say": described(
            {"anyOf": [*said["anyOf"], {"type": "array", "items": said}]},
            "Said",
            "All that must be answered; [] is silence.",
        ),
        "rule": described(TEXT, "Rule", "Which rule must answer."),
        "code": described(
            TEXT, "Code", "The code that the peer is given, or gone; else the first of the list.", "gone"
        ),
        "at": described({"type": "string"}, "Time", "When it is heard.", "2026-12-24 18:30", "Sat 20:00"),
        "fetched": described(
            {},
            "Fetched",
            "What comes where the rule fetches: a value, `missing` or `nothing`.",
            {"status": "shipped"},
            "missing",
            "nothing",
        ),
    }
    step = object_schema(
        STEP_KEYS, {**turn, "after": described(DURATION, "After", "How long after the message before.")}
    )
    talk: Schema = {
        "type": "array",
        "items": step | {"anyOf": [{"required": ["hear"]}, {"required": ["say"]}, {"required": ["after"]}]},
    }
    whole = {
        **turn,
        "talk": described(talk, "Talk", "Several messages in one conversation."),
        "from": described(TEXT, "From", "The peer's number."),
        "to": described(TEXT, "To", "Our number."),
        "language": described(LANGUAGE, "Language", "The conversation's when it begins.", "es"),
    }
    return object_schema(TEST_KEYS, whole) | {"oneOf": [{"required": ["hear"]}, {"required": ["talk"]}]}
