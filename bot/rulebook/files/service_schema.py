"""The part of a rule file's JSON Schema about what is asked elsewhere and what is said later."""

from bot.rulebook.files.keys import (
    FETCH_KEYS,
    FETCH_REQUIRED,
    HANDOVER_KEYS,
    LATER_KEYS,
    LATER_REQUIRED,
    METHODS,
)
from bot.rulebook.files.schema_parts import DURATION, TEXT, Schema, described, object_schema, reply_schema


def fetch_schema() -> Schema:
    """The schema of `fetch`."""
    named: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
    return described(
        object_schema(
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


def handover_schema() -> Schema:
    """The schema of `handover`."""
    more = object_schema(
        HANDOVER_KEYS,
        {
            "to": described(
                TEXT, "To", "A team or a person; whoever looks first if it is left out.", "kitchen"
            ),
            "urgent": described({"type": "boolean"}, "Urgent", "It comes before the others in lists."),
            "back_after": described(
                DURATION, "Back after", "The bot goes on when no person has written for so long.", "2h"
            ),
            "back_reply": reply_schema("What the peer is told then."),
        },
        (),
    )
    return described(
        {"anyOf": [{"type": "boolean"}, more]},
        "Hand over",
        "A person takes over; the bot is silent until it is handed back, or for a time.",
        *(
            True,
            {
                "to": "kitchen",
                "urgent": True,
                "back_after": "2h",
                "back_reply": "Nobody could answer. Text HELP.",
            },
        ),
    )


def later_schema() -> Schema:
    """The schema of `later`."""
    entry = object_schema(
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
