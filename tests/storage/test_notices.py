"""What replicas tell each other fits into PostgreSQL's payloads, and as few of them as it can."""

import json

from bot.storage.notices import payloads_of


def test_kinds_share_a_payload_as_long_as_they_fit() -> None:
    gathered = {"lanes": {"+15555550100 0190"}, "forwards": set[str](), "topics": {"b", "a"}}
    (payload,) = payloads_of(gathered)
    assert json.loads(payload) == {"lanes": ["+15555550100 0190"], "forwards": [], "topics": ["a", "b"]}


def test_too_many_names_of_a_kind_are_told_as_any_and_no_payload_is_too_long() -> None:
    many = {f"conversation {at}" for at in range(1_000)}
    some = {f"conversation {at}" for at in range(200)}
    payloads = payloads_of({"topics": many, "lanes": {"+15555550100 0190"}, "one": some, "two": some})
    assert all(len(each.encode()) < 8_000 for each in payloads)
    told: dict[str, list[str] | None] = {}
    for each in payloads:
        told |= json.loads(each)
    assert told["topics"] is None
    assert told["lanes"] == ["+15555550100 0190"]
    assert told["one"] == told["two"] == sorted(some)
    assert len(payloads) == 2
