"""Answers that are kept take the memory that they may take, whatever they consist of."""

import tracemalloc

import msgspec
import pytest

from bot.rulebook.fetch import Fetched, FetchRequest, cut_texts
from bot.sending.answer_cache import AnswerCache

MOST = 512 * 1024


def request(number: int) -> FetchRequest:
    url = f"https://shop.example.com/{number}"
    return FetchRequest(rule="order", method="GET", url=url, host="shop.example.com", timeout=10, keep=60)


@pytest.mark.parametrize(
    "entry",
    [
        "[]",
        "{}",
        '{"a":1}',
        "12345",
        '"ab"',
        '"a\U0001f600bcdefghijklmnopqrstuvwxyz"',
        '{"a":{"b":[1.5,{}]}}',
    ],
)
def test_answers_of_many_small_parts_take_no_more_memory_than_they_may(entry: str) -> None:
    """Python takes up to thirty bytes for one of JSON."""
    text = f"[{','.join([entry] * (1_500 // len(entry)))}]"
    kept = AnswerCache(lambda: 0.0, most=10_000, most_bytes=MOST)
    tracemalloc.start()
    try:
        for number in range(60):
            kept.put(request(number), Fetched("value", cut_texts(msgspec.json.decode(text))))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken <= MOST
    assert kept.get(request(59)) is not None
    assert kept.get(request(0)) is None
