"""The part of a rule file's JSON Schema about codes and about answers that are kept."""

from bot.rulebook.files.keys import CODE_KEYS, CODE_LENGTH, ONCE
from bot.rulebook.files.schema_parts import TEXT, Schema, described, object_schema, reply_schema


def code_schema() -> Schema:
    """The schema of `code`."""
    return described(
        object_schema(
            CODE_KEYS,
            {
                "from": described(
                    TEXT, "From", "A CSV file of the rules folder, one code a row.", "coupons.csv"
                ),
                "random": described(
                    {"type": "integer", "minimum": CODE_LENGTH.lowest, "maximum": CODE_LENGTH.highest},
                    "Random",
                    "The characters of codes that are made up.",
                    8,
                ),
                "save": described(
                    TEXT,
                    "Name",
                    "Under which the rule's texts have the code; `code` if you don't say.",
                    "code",
                ),
                "missing": reply_schema("What is said once all codes are given."),
            },
        ),
        "Code",
        "One for each peer, never twice; the same again when they ask again.",
        {"from": "coupons.csv", "save": "code", "missing": "All coupons are gone."},
    ) | {"oneOf": [{"required": ["from"]}, {"required": ["random"]}]}


def record_schema() -> Schema:
    """The schema of `record`."""
    return described(
        {"type": "object", "additionalProperties": TEXT, "minProperties": 1},
        "Record",
        "A row of answers without questions.",
        {"option": "{{ option | upcase }}"},
    )


def once_schema() -> Schema:
    """The schema of `once`."""
    return described(
        {"enum": list(ONCE)}, "Once", "One row for each peer: the first counts, or the last replaces it."
    )
