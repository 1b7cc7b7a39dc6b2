"""Whatever comes to the webhook, nothing good is lost, nothing is answered 500, and a refusal says why."""

import json

import pytest

from tests.acceptance.events import received
from tests.acceptance.problems import assert_problem
from tests.processes import Bot

BODIES = {
    "nothing": (b"", 400, "The body is empty."),
    "no JSON": (b"Hours?", 400, "The body is not JSON"),
    "no text": (b"\xff\xfe\x00", 400, "The body is not JSON"),
    "null": (b"null", 400, "null"),
    "a number": (b"12", 400, "a number"),
    "another object": (b'{"hello": "world"}', 400, "'hello'"),
    "an array of others": (b'[{"hello": "world"}]', 400, "an array of 1"),
    "too deep": (b"[" * 50_000 + b"]" * 50_000, 400, "an array of 1"),
    "too deep and cut off": (b"[" * 100_000, 400, "The body is not JSON"),
    "1 MiB and 1 byte": (b"[" + b" " * (1024 * 1024 - 1) + b"]", 413, "1,048,576"),
}


@pytest.mark.parametrize("case", BODIES)
def test_what_is_no_batch_of_events_is_refused_in_a_sentence(case: str, bot: Bot) -> None:
    body, status, words = BODIES[case]
    assert words in assert_problem(bot.post(body), status)


def test_a_body_of_1_mib_is_taken(bot: Bot, peer: str) -> None:
    body = json.dumps([received(peer, "hours")]).encode()
    assert bot.post(body + b" " * (1024 * 1024 - len(body))).status_code == 200
    assert len(bot.messages(peer)) == 2


def test_a_large_body_without_a_length_is_refused_too(bot: Bot) -> None:
    answer = bot.http.post(
        "/events", params={"code": "the-secret-of-the-subscription"}, content=iter([b" " * 600_000] * 2)
    )
    assert_problem(answer, 413)


def test_an_empty_batch_is_taken(bot: Bot) -> None:
    assert bot.post(b"[]").json() == {"received": 0}


TEXTS = {
    "10,000 characters": "An order of many words. " * 416 + "1234567890123456",
    "no text": "",
    "spaces": "   ",
    "emoji": "hours 👩‍👩‍👧 🙏",
    "right to left": "مرحبا בוקר טוב",
    "zero width": "zero\u200bwidth",
    "NUL": "nul\x00nul",
    "a lone high surrogate": "a\ud83d",
    "a lone low surrogate": "\udc00b",
    "an override of direction": "\u202eevil",
    "a template": "{{ message }} {% raw %}",
    "SQL": "'; DROP TABLE messages; --",
    "a terminal's escape": "\x1b[31mred",
    "lines": "a\r\nb",
}


@pytest.mark.parametrize("case", TEXTS)
def test_any_text_is_stored_and_answered(case: str, bot: Bot, peer: str) -> None:
    text = TEXTS[case]
    assert bot.post(json.dumps([received(peer, text)])).status_code == 200
    inbound, reply = bot.messages(peer)
    # What is no character, or what PostgreSQL can't keep, becomes U+FFFD; all else is kept as it came.
    assert inbound["text"] == "".join("�" if m == "\0" or "\ud800" <= m <= "\udfff" else m for m in text)
    assert reply["text"] in ("Say HOURS.", "We are open 9-18.")
