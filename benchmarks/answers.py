"""The tally of a million answers: how long the API's summary, the list of rules and a page of rows take.

    .venv/bin/python -m benchmarks.answers [--rows 1000000] [--database postgresql]

Half of the rows are votes (one choice), half are talks of three questions: a choice, a number and a text of its own.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from bot.conversation.answers import amount_of
from bot.queries.answers import AnswerFilter, list_answered, list_answers, summarize
from bot.rulebook.book import Book
from bot.rulebook.files.loader import load_texts
from bot.storage.answer_tables import answer_values, answers
from bot.storage.database import Database, DatabaseConnection
from bot.storage.tables import conversations
from tests.support.postgresql import postgresql_server

RULES = """\
rules:
  - {name: vote, when: {keyword: vote}, record: {option: "{{ message }}"}, once: replace}
  - name: survey
    when: {keyword: survey}
    ask:
      - {save: size, question: "Size?", expect: {one_of: [small, medium, large]}}
      - {save: count, question: "How many?", expect: number}
      - {save: why, question: "Why?"}
"""
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_AT_ONCE = 5_000
_CONVERSATION = "00000000-0000-7000-8000-000000000000"


def main() -> None:
    """Fill a database and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="answers-") as folder:
        if given.database == "sqlite":
            asyncio.run(measure(f"sqlite+aiosqlite:///{Path(folder, 'bot.db')}", given.rows))
        else:
            with postgresql_server() as server:
                asyncio.run(measure(server.database(), given.rows))


async def measure(url: str, count: int) -> None:
    """Print how long each question takes: wall time, the quickest of three."""
    book = load_texts({"rules.yaml": RULES}).book
    assert book is not None
    database = Database(url)
    try:
        await database.upgrade()
        async with database.writing() as connection:
            await connection.execute(insert(conversations), [_conversation()])
        for start in range(0, count, _AT_ONCE):
            some = range(start, min(start + _AT_ONCE, count))
            async with database.writing() as connection:
                await connection.execute(insert(answers), [_row(at) for at in some])
                await connection.execute(insert(answer_values), [each for at in some for each in _values(at)])
        now = _BEGAN + timedelta(days=400)
        for what, ask in _questions(book, now).items():
            took = []
            for _ in range(3):
                async with database.reading() as connection:
                    began = time.perf_counter()
                    await ask(connection)
                    took.append(time.perf_counter() - began)
            print(f"{what:24} {min(took) * 1000:8.1f} ms")
    finally:
        await database.close()


def _questions(book: Book, now: datetime) -> dict[str, Callable[[DatabaseConnection], Awaitable[Any]]]:
    everything, failed = AnswerFilter(), AnswerFilter(status="failed")
    return {
        "rules": lambda it: list_answered(it, book, now, limit=50, cursor=None),
        "summary of votes": lambda it: summarize(it, book, "vote", now),
        "summary of talks": lambda it: summarize(it, book, "survey", now),
        "newest rows": lambda it: list_answers(it, "survey", everything, now, limit=50, cursor=None),
        "rows that failed": lambda it: list_answers(it, "survey", failed, now, limit=50, cursor=None),
    }


def _conversation() -> dict[str, Any]:
    return {
        "id": _CONVERSATION, "number": "+15555550100", "peer": "+15555550101", "opted_out": False, "handed_over": False,
        "last_position": 1, "last_message_at": _BEGAN, "last_text": "", "created_at": _BEGAN,
    }  # fmt: skip


def _content(at: int) -> dict[str, str]:
    if at % 2:
        return {"option": "ABCD"[at % 7 % 4]}
    whole = {"size": ("small", "medium", "large")[at % 3], "count": str(at % 500), "why": f"because of {at}"}
    return dict(list(whole.items())[: 1 + at // 2 % 3])


def _row(at: int) -> dict[str, Any]:
    content, is_vote = _content(at), bool(at % 2)
    is_whole = is_vote or len(content) == 3
    status = "finished" if is_whole else ("failed" if at % 1_000 == 2 else "open")
    return {
        "id": f"{at:08x}-0000-7000-8000-000000000000", "rule": "vote" if is_vote else "survey",
        "conversation_id": _CONVERSATION, "peer": f"+1555{at:07}", "number": "+15555550100", "status": status,
        "content": content, "awaits": None, "started_at": _BEGAN + timedelta(seconds=at),
        "finished_at": _BEGAN + timedelta(seconds=at) if is_whole else None,
        "expires_at": None if is_whole else _BEGAN + timedelta(seconds=at, days=1), "heard_at": _BEGAN,
        "heard_id": str(at), "is_only": is_vote,
    }  # fmt: skip


def _values(at: int) -> Iterator[dict[str, Any]]:
    row = _row(at)
    for name, value in json.loads(json.dumps(row["content"])).items():
        yield {
            "answer_id": row["id"], "name": name, "rule": row["rule"], "value": value, "amount": amount_of(value),
        }  # fmt: skip


if __name__ == "__main__":
    main()
