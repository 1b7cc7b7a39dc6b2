"""The part of a rule file's JSON Schema about tables and looking up their rows."""

from bot.rulebook.files.keys import LOOKUP_KEYS, LOOKUP_REQUIRED, TABLE_KEYS, TABLE_REQUIRED
from bot.rulebook.files.schema_parts import TEXT, Schema, described, object_schema, reply_schema


def tables_schema() -> Schema:
    """The schema of `tables`."""
    file: Schema = {"type": "string", "pattern": r"\.[cC][sS][vV]$"}
    about = object_schema(
        TABLE_KEYS,
        {
            "file": described(file, "CSV file", "In the folder of rules.", "prices.csv"),
            "key": described(TEXT, "Key", "The column with the keys; else it is the first.", "item"),
        },
        TABLE_REQUIRED,
    )
    return {
        "title": "Tables",
        "description": "CSV files of the folder of rules; the first row names the columns.",
        "type": "object",
        "additionalProperties": {"anyOf": [file, about]},
        "examples": [{"stops": "stops.csv"}, {"prices": {"file": "prices.csv", "key": "item"}}],
    }


def lookup_schema() -> Schema:
    """The schema of `lookup`."""
    return described(
        object_schema(
            LOOKUP_KEYS,
            {
                "table": described(TEXT, "Table", "One of the file's tables.", "prices"),
                "key": described(TEXT, "Key", "Which row, compared as words are.", "{{ what }}"),
                "save": described({"type": "string"}, "Name", "Of the row in the rule's templates.", "found"),
                "missing": reply_schema(
                    "What is said where there is no such row, and nothing else of the rule."
                ),
            },
            LOOKUP_REQUIRED,
        ),
        "Look up",
        "A row of a table, before the rule says anything.",
        {"table": "prices", "key": "{{ what }}", "save": "found", "missing": "We don't have that."},
    )
