"""The schema takes every rule file that the bot takes, and has a word of help for every key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from bot.rulebook.files import keys
from bot.rulebook.files.json_schema import rule_file_schema
from bot.rulebook.files.keys import (
    EXPECT_KEYS,
    FILE_KEYS,
    ONLY_KEYS,
    QUESTION_KEYS,
    RULE_KEYS,
    STEP_KEYS,
    TEST_KEYS,
)
from bot.rulebook.files.loader import load_texts
from bot.rulebook.files.when import WHEN_KEYS
from tests.support.documentation import rule_examples

SCHEMA = rule_file_schema()
FILES = [
    (path.name, path.read_text("utf-8")) for path in sorted(Path("rules").glob("*.yaml"))
] + rule_examples()
VALIDATOR = Draft202012Validator(SCHEMA)


def faults(value: Any) -> list[str]:
    """What a validator of JSON Schema finds wrong with it."""
    return [error.message for error in VALIDATOR.iter_errors(value)]


def load(text: str) -> Any:
    """As an editor reads YAML: numbers and flags, but days are texts."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("place", "text"), FILES, ids=[place for place, _ in FILES])
def test_it_takes_every_file_and_every_example(place: str, text: str) -> None:
    assert faults(load(text)) == []


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
    assert faults(load(text))


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
            whole = {"$defs": SCHEMA["$defs"], **part}
            assert all(Draft202012Validator(whole).is_valid(each) for each in part["examples"]), part


def test_the_shipped_rules_name_the_schema_that_lies_beside_them() -> None:
    """Write it anew with: bot rules schema > rules/rules.schema.json"""
    assert json.loads(Path("rules/rules.schema.json").read_text("utf-8")) == SCHEMA
    for path in Path("rules").glob("*.yaml"):
        assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=rules.schema.json\n")


ASKS = "rules: [{{name: a, when: anything, ask: {{save: x, question: Which%s}}%s}}]"
BOUNDED = {
    "max_segments: {}": keys.SEGMENTS,
    "rules: [{{name: a, when: anything, max_segments: {}}}]": keys.SEGMENTS,
    ASKS % ("", ", tries: {}"): keys.TRIES,
    ASKS % (", expect: {{text: {{max: {}}}}}", ""): keys.ANSWER_LENGTH,
    "numbers: {{'+15555550100': {{per_minute: {}}}}}": keys.PER_MINUTE,
}


@pytest.mark.parametrize(("text", "bounds"), BOUNDED.items())
def test_the_reader_and_the_schema_have_the_same_bounds(text: str, bounds: keys.Bounds) -> None:
    for number in (bounds.lowest - 1, bounds.lowest, bounds.highest, bounds.highest + 1):
        is_within = bounds.lowest <= number <= bounds.highest
        written = text.format(number)
        assert (faults(load(written)) == []) is is_within, written
        errors = [each for each in load_texts({"a.yaml": written}).findings if each.code == "E205"]
        assert (not errors) is is_within, written
