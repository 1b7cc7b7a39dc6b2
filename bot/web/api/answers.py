"""What people answered: `/api/answers`."""

from datetime import UTC, datetime
from typing import Any, Final

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from bot.queries.answer_sheets import csv_of
from bot.queries.answers import (
    AnsweredRule,
    AnswerFilter,
    AnswerStatus,
    AnswerSummary,
    AnswerView,
    every_answer,
    field_names,
    keeps_answers,
    list_answered,
    list_answers,
    summarize,
)
from bot.rulebook.book import Book
from bot.rulebook.editing.live_book import LiveBook
from bot.storage.database import DatabaseConnection
from bot.storage.pages import Page
from bot.text.storable import make_storable
from bot.web.access import role_of
from bot.web.api.dependencies import Call
from bot.web.api.parameters import Cursor, Limit
from bot.web.api.times import OptionalTime, optional_query_time
from bot.web.downloads import Downloads

_CSV: Final = ".csv"
_SUMMARY: Final = "/summary"
_MEDIA_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class Answers(Controller):
    """The rules that keep answers, the rows of one, and its tally."""

    @get("/answers")
    async def get_answered_rules(
        self,
        connection: NamedDependency[DatabaseConnection],
        live_book: NamedDependency[LiveBook],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[AnsweredRule]:
        """The rules that keep answers, by name; a rule that is gone is listed as long as it has rows."""
        now = datetime.now(UTC)
        return await list_answered(connection, live_book.book(), now, limit=limit, cursor=cursor)

    @get("/answers/{rule:str}")
    async def get_answers(
        self,
        *,
        connection: NamedDependency[DatabaseConnection],
        downloads: NamedDependency[Downloads],
        request: Call,
        live_book: NamedDependency[LiveBook],
        rule: FromPath[str],
        status: FromQuery[AnswerStatus | None] = None,
        since: OptionalTime = None,
        until: OptionalTime = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[AnswerView]:
        """The rows of a rule, newest first.

        `since` and `until` are about when a talk began. With `.csv` behind the rule's name all of them at once, as a
        CSV file.
        """
        wanted = _wanted(status, since, until)
        answer: Any = await _answers(
            connection,
            downloads,
            role_of(request),
            live_book.book(),
            rule,
            wanted,
            limit=limit,
            cursor=cursor,
        )
        return answer  # type: ignore[no-any-return]  # Litestar takes a response in the place of what it makes one of

    @get("/answers/{rule:str}/summary")
    async def get_summary(
        self,
        connection: NamedDependency[DatabaseConnection],
        live_book: NamedDependency[LiveBook],
        rule: FromPath[str],
    ) -> AnswerSummary:
        """The tally of a rule: how many began and ended how, and what was answered to each question."""
        return await _summary(connection, live_book.book(), rule)

    @get("/answers/{beginning:str}/{rest:path}", include_in_schema=False)
    async def get_with_slash(
        self,
        *,
        connection: NamedDependency[DatabaseConnection],
        downloads: NamedDependency[Downloads],
        request: Call,
        live_book: NamedDependency[LiveBook],
        beginning: FromPath[str],
        rest: FromPath[str],
        status: FromQuery[AnswerStatus | None] = None,
        since: OptionalTime = None,
        until: OptionalTime = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Any:
        """Answer the same of a rule with a slash in its name: servers decode `%2F` before a route is looked up."""
        book, rule = live_book.book(), beginning + rest
        bare = rule.removesuffix(_SUMMARY)
        if bare != rule and (
            await keeps_answers(connection, book, make_storable(bare))
            or not await keeps_answers(connection, book, make_storable(rule))
        ):
            return await _summary(connection, book, bare)
        wanted = _wanted(status, since, until)
        whose = role_of(request)
        return await _answers(connection, downloads, whose, book, rule, wanted, limit=limit, cursor=cursor)


def file_headers(rule: str, ending: str) -> dict[str, str]:
    """That the answer is a file, and its name: of any rule the letters and digits."""
    name = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "_" for sign in rule[:80])
    return {
        "Content-Type": _MEDIA_TYPES[ending],
        "Content-Disposition": f'attachment; filename="answers-{name}.{ending}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }


async def _answers(
    connection: DatabaseConnection,
    downloads: Downloads,
    whose: str,
    book: Book,
    rule: str,
    wanted: AnswerFilter,
    *,
    limit: int,
    cursor: str | None,
) -> Page[AnswerView] | Stream:
    """A page of a rule's rows, or with `.csv` behind its name all of them as a file."""
    now = datetime.now(UTC)
    name, is_csv = await _find_rule(connection, book, rule)
    if not is_csv:
        return await list_answers(connection, name, wanted, now, limit=limit, cursor=cursor)
    fields = await field_names(connection, book, name)
    lines = csv_of(every_answer(downloads.reading, name, wanted, now), fields)
    return Stream(downloads.begin(whose, lines), headers=file_headers(name, "csv"))


async def _summary(connection: DatabaseConnection, book: Book, rule: str) -> AnswerSummary:
    name = make_storable(rule)
    if not await keeps_answers(connection, book, name):
        raise _no_such(name)
    return await summarize(connection, book, name, datetime.now(UTC))


async def _find_rule(connection: DatabaseConnection, book: Book, given: str) -> tuple[str, bool]:
    """The name of a rule with answers, and whether they are wanted as CSV; raises `NotFoundException`.

    Of the rules `vote` and `vote.csv`, `vote.csv` asks for the CSV of the first, `vote.csv.csv` for that of the other.
    """
    name = make_storable(given)
    bare = name.removesuffix(_CSV)
    if bare != name and await keeps_answers(connection, book, bare):
        return bare, True
    if await keeps_answers(connection, book, name):
        return name, False
    raise _no_such(bare)


def _no_such(name: str) -> NotFoundException:
    detail = f"No rule {name!r} keeps answers, and none of that name did: `ask` or `record` makes a rule keep them."
    return NotFoundException(detail=detail)


def _wanted(status: AnswerStatus | None, since: str | None, until: str | None) -> AnswerFilter:
    return AnswerFilter(
        status=status, since=optional_query_time("since", since), until=optional_query_time("until", until)
    )
