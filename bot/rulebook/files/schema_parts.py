"""Parts of the JSON Schema of a rule file: its terms, and what a rule asks elsewhere and says later."""

from typing import Any

from bot.rulebook.files.keys import (
    FETCH_KEYS,
    FETCH_REQUIRED,
    LATER_KEYS,
    LATER_REQUIRED,
    METHODS,
    ONE_OF_KEYS,
    Bounds,
)

Schema = dict[str, Any]

#: YAML takes 24 and true without quotes for a number and a flag; the bot takes them as they are written.
TEXT: Schema = {"type": ["string", "number", "boolean"]}
TEXTS: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
DURATION: Schema = {
    "type": "string",
    "pattern": r"^\s*(\d+\s*[dhmsDHMS]\s*)+$",
    "examples": ["30m", "24h", "7d"],
}


def table_schema(keys: tuple[str, ...], help_: Schema, required: tuple[str, ...] = ()) -> Schema:
    """A mapping of just these keys; raises KeyError where one of them has no help."""
    properties = {key: help_.pop(key) for key in keys}
    if help_:
        raise KeyError(*help_)
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return made | ({"required": list(required)} if required else {})


def described(schema: Schema, title: str, description: str, *examples: object) -> Schema:
    return {"title": title, "description": description, **schema} | (
        {"examples": list(examples)} if examples else {}
    )


def integer_schema(bounds: Bounds) -> Schema:
    return {"type": "integer", "minimum": bounds.lowest, "maximum": bounds.highest}


def reply_schema(
    description: str = "What is said: one text, a list of texts sent in this order, or one_of several.",
) -> Schema:
    one = {"anyOf": [TEXT, table_schema(ONE_OF_KEYS, {"one_of": TEXTS}, ONE_OF_KEYS)]}
    return described(
        {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1}]},
        "Reply",
        description,
        "{{ shop }} is open Mon-Sat 9-18.",
        {"one_of": ["Hello!", "Hi!"]},
    )


def fetch_schema() -> Schema:
    named: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
    return described(
        table_schema(
            FETCH_KEYS,
            {
                "url": described(
                    {"type": "string", "pattern": "^https?://[^{/?#]+([/?#]|$)"},
                    "URL",
                    "The host is fixed; values are percent-encoded.",
                    "https://shop.example.com/orders/{{ number }}",
                ),
                "method": described({"enum": list(METHODS)}, "Method", "GET unless `json` makes it a POST."),
                "json": described(
                    {}, "JSON", "What is posted; its texts are templates.", {"id": "{{ number }}"}
                ),
                "headers": described(
                    named,
                    "Headers",
                    "`{{ secret.NAME }}` is what BOT_SECRET_NAME holds.",
                    {"Authorization": "Bearer {{ secret.SHOP_TOKEN }}"},
                ),
                "save": described(
                    {"type": "string"}, "Name", "Under which the rule's texts have what came.", "order"
                ),
                "timeout": described(
                    DURATION, "Time", "For all tries together, at most 5m; 10s if it is left out."
                ),
                "keep": described(DURATION, "Keep", "For how long an answer serves the same request again."),
                "missing": reply_schema("What is said where there is no such thing (404 and 410)."),
                "otherwise": reply_schema("What is said where no usable answer comes in time."),
            },
            FETCH_REQUIRED,
        ),
        "Fetch",
        "What is asked of another service before the reply.",
    )


def later_schema() -> Schema:
    entry = table_schema(
        LATER_KEYS,
        {
            "after": described(DURATION, "After", "How long after the reply."),
            "between": described(
                TEXT, "Between", "Hours by the peer's own clock; 9:00-20:00 if it is left out.", "9:00-20:00"
            ),
            "reply": reply_schema("What is said then."),
            "unless": described({"enum": ["answered"]}, "Unless", "They have written meanwhile."),
        },
        LATER_REQUIRED,
    )
    return described(
        {"anyOf": [entry, {"type": "array", "items": entry, "minItems": 1}]},
        "Later",
        "What is said a while after the reply; not after an opt-out or a handover.",
        [{"after": "1d", "reply": "How was it?", "unless": "answered"}],
    )
