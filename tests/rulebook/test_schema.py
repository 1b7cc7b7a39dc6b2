"""The schema takes every rule file that the bot takes, and has a word of help for every key."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.rulebook.asking import EXPECT_KEYS, QUESTION_KEYS
from bot.rulebook.conditions import ONLY_KEYS
from bot.rulebook.listening import WHEN_KEYS
from bot.rulebook.reading import FILE_KEYS, RULE_KEYS
from bot.rulebook.schema import rule_file_schema
from bot.rulebook.tests import STEP_KEYS, TEST_KEYS
from tests.rulebook.test_examples_in_docs import examples

SCHEMA = rule_file_schema()
FILES = [(path.name, path.read_text("utf-8")) for path in sorted(Path("rules").glob("*.yaml"))] + examples()
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
KNOWN = {
    *(
        "title",
        "description",
        "examples",
        "type",
        "enum",
        "const",
        "anyOf",
        "oneOf",
        "properties",
        "required",
    ),
    *(
        "additionalProperties",
        "items",
        "pattern",
        "minimum",
        "maximum",
        "minItems",
        "minProperties",
        "maxProperties",
    ),
    *("propertyNames", "$schema"),
}


def is_type(value: object, name: str) -> bool:
    if name in {"number", "integer"} and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[name])


def faults(value: Any, schema: Any, at: str = "") -> Iterator[str]:  # noqa: C901, PLR0912 - a keyword, a branch
    """As much of JSON Schema as ours uses; a keyword that is not known fails the test."""
    if schema is False:
        yield f"{at} is not known"
        return
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    types = schema.get("type", list(TYPES))
    if not any(is_type(value, each) for each in ([types] if isinstance(types, str) else types)):
        yield f"{at} has the wrong type"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{at} is not {schema['const']}"
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        yield f"{at} does not match"
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{at} is out of bounds"
    for key, wanted in (("anyOf", (1, 99)), ("oneOf", (1, 1))):
        if key in schema:
            holding = sum(not list(faults(value, each, at)) for each in schema[key])
            if not wanted[0] <= holding <= wanted[1]:
                yield f"{at} fits {holding} of {key}"
    if isinstance(value, dict):
        for key, each in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            yield from faults(each, inner, f"{at}/{key}")
            yield from faults(key, schema.get("propertyNames", {}), f"{at}/{key}")
        if missing := set(schema.get("required", ())) - set(value):
            yield f"{at} misses {missing}"
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", 999):
            yield f"{at} has {len(value)} keys"
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{at} is too short"
        for place, each in enumerate(value):
            yield from faults(each, schema.get("items", {}), f"{at}/{place}")


def load(text: str) -> Any:
    """As an editor reads YAML: numbers and flags, but days are texts."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


@pytest.mark.parametrize(("place", "text"), FILES, ids=[place for place, _ in FILES])
def test_it_takes_every_file_and_every_example(place: str, text: str) -> None:
    assert list(faults(load(text), SCHEMA)) == []


@pytest.mark.parametrize(
    "text",
    [
        "ruels: []",
        "rules: [{name: a}]",
        "rules: [{name: a, when: any}]",
        "rules: [{name: a, when: {}}]",
        "rules: [{name: a, when: {keyward: x}}]",
        "rules: [{name: a, when: anything, opt_out: perhaps}]",
        "rules: [{name: a, when: anything, reply: {oneof: [x]}}]",
        "rules: [{name: a, when: anything, ask: [{save: x}]}]",
        "rules: [{name: a, when: anything, ask: [{save: x, question: X, expect: one_of}]}]",
        "rules: [{name: a, when: anything, expires: soon}]",
        "tests: [{say: x}]",
        "tests: [{hear: x, talk: []}]",
        "max_segments: 0",
        "values: {a-b: c}",
    ],
)
def test_it_refuses_what_the_bot_refuses(text: str) -> None:
    assert list(faults(load(text), SCHEMA))


def test_it_knows_every_key() -> None:
    rule = SCHEMA["properties"]["rules"]["items"]["properties"]
    test = SCHEMA["properties"]["tests"]["items"]["properties"]
    question = rule["ask"]["anyOf"][0]["properties"]
    assert set(SCHEMA["properties"]) == set(FILE_KEYS)
    assert set(rule) == set(RULE_KEYS)
    assert set(rule["when"]["anyOf"][1]["properties"]) == set(WHEN_KEYS)
    assert set(rule["only"]["properties"]) == set(ONLY_KEYS)
    assert set(question) == set(QUESTION_KEYS)
    assert set(question["expect"]["anyOf"][1]["properties"]) == set(EXPECT_KEYS)
    assert set(test) == set(TEST_KEYS)
    assert set(test["talk"]["items"]["properties"]) == set(STEP_KEYS)
    assert all(
        each["title"] and each["description"] for each in (*rule.values(), *SCHEMA["properties"].values())
    )


def test_every_example_in_it_fits() -> None:
    def parts(schema: Any) -> Iterator[Any]:
        if isinstance(schema, dict):
            yield schema
            for each in schema.values():
                yield from parts(each)
        elif isinstance(schema, list):
            for each in schema:
                yield from parts(each)

    for part in parts(SCHEMA):
        if isinstance(part.get("examples"), list):
            assert all(not list(faults(each, part)) for each in part["examples"]), part


def test_the_shipped_rules_name_the_schema_that_lies_beside_them() -> None:
    """Write it anew with: bot rules schema > rules/rules.schema.json"""
    assert json.loads(Path("rules/rules.schema.json").read_text("utf-8")) == SCHEMA
    for path in Path("rules").glob("*.yaml"):
        assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=rules.schema.json\n")
