"""Answers: the rules that keep some, and of each its tally, where people give up, and its rows."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import quote, urlencode

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import Struct

from bot.queries.answer_fields import Field, fields_of
from bot.queries.answer_sheets import csv_of
from bot.queries.answers import (
    AnswerFilter,
    AnswerStatus,
    AnswerSummary,
    AnswerView,
    count_between,
    count_by_month,
    every_answer,
    field_names,
    keeps_answers,
    list_answered,
    list_answers,
    summarize,
)
from bot.queries.workbooks import xlsx_of
from bot.rulebook.book import Book
from bot.rulebook.rules import Rule
from bot.storage.database import DatabaseConnection
from bot.storage.pages import Page as ListPage
from bot.text.storable import make_storable
from bot.web.api.answers import file_headers
from bot.web.console.answer_charts import (
    MOST_MONTHS,
    FieldChart,
    FunnelStep,
    chart_of,
    edges_of,
    funnel_of,
    is_by_month,
)
from bot.web.console.labels import rule_links
from bot.web.console.layout import Call, Console
from bot.web.console.sessions import session_of

PATH: Final = "/console/answers"
_RULES, _ROWS = 50, 20
#: A state is a sign and a word.
GLYPHS: Final = {"open": "○", "finished": "✓", "cancelled": "⊘", "expired": "◌", "failed": "✕"}


class _Shown(Struct, frozen=True, kw_only=True):
    """What the page of a rule shows."""

    summary: AnswerSummary
    charts: list[FieldChart]
    funnel: list[FunnelStep]
    fields: list[str]
    rows: ListPage[AnswerView]


def answers_path(rule: str, **query: str) -> str:
    """The page of a rule."""
    if any(part in {"", ".", ".."} for part in rule.split("/")):  # which a path would lose on its way
        return f"{PATH}?{urlencode({'rule': rule, **query})}"
    return f"{PATH}/{quote(rule, safe='/')}" + (f"?{urlencode(query)}" if query else "")


class AnswerPages(Controller):
    """The list of rules that keep answers, and the page of each."""

    @get("/answers")
    async def list_all(self, request: Call, console: NamedDependency[Console]) -> Response[Any]:
        """Show the rules that keep answers; or one whose name can't stand in a path."""
        if rule := request.query_params.get("rule"):
            return await _page_of(request, console, make_storable(rule))
        cursor = request.query_params.get("cursor")
        async with console.database.reading() as connection:
            page = await list_answered(
                connection, console.shelf.book(), datetime.now(UTC), limit=_RULES, cursor=cursor
            )
        return console.page(request, "answers.html", page=page, path_of=answers_path, is_later=bool(cursor))

    @get("/answers/{rule:path}")
    async def show(
        self, request: Call, console: NamedDependency[Console], rule: FromPath[Path]
    ) -> Response[Any]:
        """Show the tally of a rule and its rows, or send these as a file."""
        return await _page_of(request, console, make_storable(str(rule).removeprefix("/")))


async def _page_of(request: Call, console: Console, name: str) -> Response[Any]:
    book, query = console.shelf.book(), request.query_params
    status: AnswerStatus | None = next(
        (each for each in get_args(AnswerStatus) if each == query.get("status")), None
    )
    async with console.database.reading() as connection:
        if not await keeps_answers(connection, book, name):
            raise NotFoundException(detail="No rule of this name keeps answers.")
        if query.get("format") in ("csv", "xlsx"):
            fields = await field_names(connection, book, name)
            return _download(request, console, name, fields)
        shown = await _look(connection, book, name, status, query.get("cursor"))
    return console.page(
        request,
        "answers_rule.html",
        title=name,
        rule=rule_links(book, {name})[name],
        shown=shown,
        state=status,
        states=get_args(AnswerStatus),
        path_of=answers_path,
        glyphs=GLYPHS,
        is_later="cursor" in query,
        on_a_screen=query.get("screen") == "1",
    )


async def _look(
    connection: DatabaseConnection, book: Book, name: str, status: AnswerStatus | None, cursor: str | None
) -> _Shown:
    now = datetime.now(UTC)
    summary = await summarize(connection, book, name, now)
    known = {field.name: field for field in fields_of(book, name)}
    rule = next((each for each in book.rules if each.name == name), None)
    charts = []
    for tally in summary.fields:
        counts = await count_between(connection, name, tally.name, edges_of(tally))
        months = (
            await count_by_month(connection, name, tally.name, most=MOST_MONTHS)
            if is_by_month(tally)
            else None
        )
        field = known.get(tally.name) or Field(name=tally.name)
        charts.append(chart_of(tally, field, _question(rule, tally.name), counts, months))
    wanted = AnswerFilter(status=status)
    return _Shown(
        summary=summary,
        charts=charts,
        funnel=funnel_of(summary, [field.name for field in known.values() if field.is_asked]),
        fields=[tally.name for tally in summary.fields],
        rows=await list_answers(connection, name, wanted, now, limit=_ROWS, cursor=cursor),
    )


def _question(rule: Rule | None, name: str) -> str | None:
    """The question as it stands in the rule file."""
    question = rule.ask.question(name) if rule and rule.ask else None
    return question.question.templates[0].source if question else None


def _download(request: Call, console: Console, rule: str, fields: list[str]) -> Stream:
    kind = request.query_params["format"]
    rows = every_answer(console.downloads.reading, rule, AnswerFilter(), datetime.now(UTC))
    chunks = csv_of(rows, fields) if kind == "csv" else xlsx_of(rows, fields)
    return Stream(
        console.downloads.begin(session_of(request).person, chunks), headers=file_headers(rule, kind)
    )
