"""An error of another room becomes problem details in one table, also where a connection was injected."""

import re
import sqlite3
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from bot.web import api
from bot.web.problems import DOMAIN_PROBLEMS, WRITTEN
from tests.support.databases import Databases
from tests.support.services import Acs, running

PATHS = (
    "/api/conversations", "/api/rejected", "/api/incidents", "/api/rule-edits", "/api/overview", "/api/messages/x",
)  # fmt: skip


async def test_a_database_that_fails_while_a_handler_reads_is_a_503_and_one_line_in_the_log(
    tmp_path: Path, databases: Databases, acs: Acs, logs: list[MutableMapping[str, Any]]
) -> None:
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:

        def fail(*_arguments: Any) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        engine = bot.service.database._readers.sync_engine
        event.listen(engine, "before_cursor_execute", fail)
        for path in PATHS:
            answer = await bot.get(path)
            assert answer.status_code == 503, path
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"] == "10"
            assert answer.json()["detail"].startswith("The database can't be read now;")
        event.remove(engine, "before_cursor_execute", fail)
        assert (await bot.get("/api/rejected")).status_code == 200
    told = [line["action"] for line in logs if line["log_level"] == "error"]
    assert told == ["database_unreadable"]


async def test_a_query_that_is_not_valid_is_told_by_its_part_and_not_repeated(
    tmp_path: Path, databases: Databases, acs: Acs
) -> None:
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        answer = await bot.get("/api/rejected", params={"limit": "0", "cursor": "A" * 2_000})
        assert answer.status_code == 400
        detail = answer.json()["detail"]
        assert detail.startswith("The request is not valid. ")
        assert "query limit: " in detail or "query cursor: " in detail
        assert "AAAA" not in detail
        assert detail.endswith(".")


async def test_a_parameter_is_called_what_the_caller_wrote(
    tmp_path: Path, databases: Databases, acs: Acs
) -> None:
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        for path, name, value in (
            ("/api/incidents", "open", "zz"),
            ("/api/outgoing-events", "type", "x" * 101),
            ("/api/delivery/messages", "state", "zz"),
        ):
            times = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
            given = times if path.startswith("/api/delivery") else {}
            answer = await bot.get(path, params=given | {name: value})
            assert answer.status_code == 400, answer.text
            assert f"query {name}: " in answer.json()["detail"]
            assert [each["key"] for each in answer.json()["errors"]] == [name]


async def test_a_body_that_cannot_be_read_is_told_why(tmp_path: Path, databases: Databases, acs: Acs) -> None:
    half = 'The body has half of a surrogate pair ("\\ud800"), which is no character: send it whole, or leave it out.'
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        for body, detail in {
            b"": "The request is not valid. The body is empty: send a JSON object.",
            b'{"text": "\\ud800 x"}': half,
            b'{"text": "\\ud800 and more than a few characters"}': half,
            b'{"text": "\\ud83d\\ude00 \\ud800"}': half,
            b'{"text": "\xff"}': "The body is not UTF-8.",
            b'{"text": "x': "The body is not JSON: Input data was truncated.",
        }.items():
            headers = {"Content-Type": "application/json"}
            answer = await bot.send("POST", "/api/try", content=body, headers=headers)
            assert (answer.status_code, answer.json()["detail"]) == (400, detail), body


def test_every_name_that_is_not_the_parameters_own_is_known() -> None:
    folder = Path(api.__file__).parent
    texts = [path.read_text("utf-8") for path in folder.glob("*.py")]
    found = dict(
        pair
        for text in texts
        for pair in re.findall(r"(\w+): Annotated\[[^=]*QueryParameter\(name=\"(\w+)\"", text)
    )
    assert found == WRITTEN


@pytest.mark.parametrize("kind", DOMAIN_PROBLEMS)
def test_each_error_of_the_table_is_an_exception_with_a_sentence_for_people(kind: type[Exception]) -> None:
    assert issubclass(kind, Exception)
    assert kind.__doc__
