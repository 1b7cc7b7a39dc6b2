"""Parts that stand in many places of the JSON Schema of a rule file: words, texts and languages."""

from typing import Any

from bot.rulebook.files.keys import CLOSURE_KEYS, ONE_OF_KEYS

Schema = dict[str, Any]

#: YAML takes 24 and true without quotes for a number and a flag; the bot takes them as they are written.
TEXT: Schema = {"type": ["string", "number", "boolean"]}
TEXTS: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
LANGUAGE: Schema = {"type": "string", "pattern": "^[A-Za-z]{2,3}([-_][A-Za-z]{4})?([-_][A-Za-z0-9]{2,3})?$"}

DURATION: Schema = {
    "type": "string",
    "pattern": r"^\s*(\d+\s*[dhmsDHMS]\s*)+$",
    "examples": ["30m", "24h", "7d"],
}


def object_schema(keys: tuple[str, ...], help_: Schema, required: tuple[str, ...] = ()) -> Schema:
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


def by_language(given: Schema) -> Schema:
    """The same for each language: `{en: ..., es: ...}`."""
    return {
        "type": "object",
        "propertyNames": {"pattern": LANGUAGE["pattern"]},
        "additionalProperties": given,
        "minProperties": 1,
    }


#: Words, or those of each language, or both; and what is said: defined once, as they stand in many places.
WORDS: Schema = {"$ref": "#/$defs/words"}
SAID: Schema = {"$ref": "#/$defs/said"}


def words_schema() -> Schema:
    """One text or several; each may be of one language."""
    of_each = by_language(TEXTS)
    mixed = {"type": "array", "items": {"anyOf": [TEXT, of_each]}, "minItems": 1}
    return {"anyOf": [TEXT, mixed, of_each]}


def said_schema() -> Schema:
    """One text, a list of texts or `one_of` several, for all languages or for each."""
    one = {"anyOf": [TEXT, object_schema(ONE_OF_KEYS, {"one_of": WORDS}, ONE_OF_KEYS)]}
    several = {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1}]}
    mixed = {"type": "array", "items": {"anyOf": [*one["anyOf"], by_language(one)]}, "minItems": 1}
    return {"anyOf": [*one["anyOf"], mixed, by_language(several)]}


def languages_schema() -> Schema:
    """One code of a language or several."""
    return {"anyOf": [LANGUAGE, {"type": "array", "items": LANGUAGE, "minItems": 1}]}


def closed_schema() -> Schema:
    """Days on which named hours are closed."""
    day: Schema = {"type": "string"}
    closure = object_schema(
        CLOSURE_KEYS,
        {
            "on": described(TEXTS, "Days", "A day, a day of every year, or a span.", "12-24"),
            "holidays": described(
                day, "Public holidays", "Of a country, or a part of it.", "US-NY", "DE-BY", "FR"
            ),
            "hours": described(day, "Open", "What of such a day is open; nothing if it is left out.", "9-12"),
        },
    )
    # Editors that read YAML 1.1 take the key `on` for true.
    closure["properties"]["true"] = closure["properties"]["on"]
    closure["oneOf"] = [{"required": [key]} for key in ("on", "true", "holidays")]
    one: Schema = {"anyOf": [day, closure]}
    return described(
        {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1}]},
        "Closed days",
        "Days on which the named hours are closed or shorter.",
        ["12-24..12-26", {"holidays": "US-NY"}, {"on": "12-31", "hours": "9-12"}],
    )


def canned_schema() -> Schema:
    """Texts that people send by hand."""
    one: Schema = {"anyOf": [TEXT, object_schema(ONE_OF_KEYS, {"one_of": WORDS}, ONE_OF_KEYS)]}
    texts: Schema = {
        "type": "object",
        "propertyNames": {"minLength": 1, "maxLength": 64},
        "additionalProperties": {"anyOf": [*one["anyOf"], by_language(one)]},
    }
    return described(
        texts,
        "Canned texts",
        "What people send by hand, by name: `/` in the composer opens the list.",
        {"delivery": "We deliver on Fridays, {{ name }}."},
    )


def reply_schema(
    description: str = "What is said: one text, a list of texts sent in this order, or one_of several.",
) -> Schema:
    return described(
        SAID,
        "Reply",
        description,
        "{{ shop }} is open Mon-Sat 9-18.",
        {"one_of": ["Hello!", "Hi!"]},
    )
