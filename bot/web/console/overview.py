"""The first page: is everything fine, and what needs a person?"""

from datetime import UTC, datetime, timedelta
from typing import Final, get_args

from litestar import Controller, get
from litestar.di import NamedDependency
from msgspec import Struct

from bot.queries.numbers import NumberView
from bot.queries.overview import COUNTED_TO, OverviewView, Period, failures_of
from bot.web.console.charts import chart_of
from bot.web.console.labels import took
from bot.web.console.layout import Call, Console, Page

#: Groups of unmatched messages and rules that the page names.
_GROUPS, _RULES = 6, 6
_WORDS: Final[dict[Period, str]] = {
    "hour": "last hour",
    "day": "last 24 hours",
    "month": "last 30 days",
}


class TroubleLine(Struct, frozen=True, kw_only=True):
    """Something that is wrong."""

    sentence: str
    path: str | None = None
    #: One of ours whose replies wait for a person.
    number: str | None = None
    since: datetime | None = None


class OverviewPage(Controller):
    """The console's first page."""

    @get("/")
    async def show(self, request: Call, console: NamedDependency[Console]) -> Page:
        """Show the figures of a period, and what needs a person."""
        asked = request.query_params.get("period")
        period: Period = next((each for each in get_args(Period) if each == asked), "day")
        async with console.database.reading() as connection:
            view = await console.overview.look(connection, period, datetime.now(UTC))
        held = [each for each in await console.ceilings.read() if each.is_held]
        book = console.shelf.book()
        return console.page(
            request,
            "overview.html",
            view=view,
            troubles=[
                *_troubles(view, console.writer.trouble),
                *(TroubleLine(sentence=each) for each in console.silences()),
                *map(_of_ceiling, held),
            ],
            words=_WORDS,
            chart=chart_of(view.points),
            failures=failures_of(view.counts),
            top_rules=_top_rules(view),
            rate=_percent(view.counts.delivery_rate),
            within_1s=_percent(view.within_1s),
            within_10s=_percent(view.within_10s),
            p50=_as_time(view.counts.reply_time(0.5)),
            p95=_as_time(view.counts.reply_time(0.95)),
            oldest=took(timedelta(seconds=view.backlog.oldest_seconds)),
            groups=view.needs.unmatched[:_GROUPS],
            unmatched=sum(group.count for group in view.needs.unmatched),
            rules=len(book.rules),
            files=len(book.files),
            many=COUNTED_TO,
        )


def _top_rules(view: OverviewView) -> list[tuple[str, int]]:
    """The rules that answered most often, with how often."""
    counts = [(name, count) for name, count in view.counts.rules.items() if name]
    return sorted(counts, key=lambda each: (-each[1], each[0]))[:_RULES]


def _troubles(view: OverviewView, writing: str | None) -> list[TroubleLine]:
    """What is wrong, the worst first."""
    troubles = []
    if writing is not None:
        troubles.append(TroubleLine(sentence=f"Messages can't be stored: {writing}."))
    troubles += [
        TroubleLine(sentence=f"Messages wait: {each.reason}.", since=each.since) for each in view.troubles
    ]
    troubles += [TroubleLine(sentence=each.reason, since=each.since) for each in view.alarms]
    if view.refused:
        calls = "1 call" if view.refused == 1 else f"{view.refused:,} calls"
        troubles.append(
            TroubleLine(
                sentence=f"Event Grid shows a wrong secret: {calls} refused since the start, and their events are lost."
                " Set BOT_WEBHOOK_SECRETS to both the old and the new secret."
            )
        )
    if view.rule_errors:
        first = view.rule_errors[0]
        troubles.append(
            TroubleLine(
                sentence=f"The rule files have errors, so the book before them is in force: {first}",
                path=f"/console/rules/{first.file}#L{first.line}",
            )
        )
    return troubles


def _of_ceiling(number: NumberView) -> TroubleLine:
    waiting = "1 message waits" if number.queued == 1 else f"{number.queued:,} messages wait"
    return TroubleLine(
        sentence=f"{number.number} has sent {number.used:,} messages today, all that its per_day allows: {waiting}"
        " until a person lets them go or the day ends.",
        number=number.number,
    )


def _percent(rate: float | None) -> str | None:
    """A part of a hundred; 100 only when nothing is missing."""
    if rate is None:
        return None
    return "100" if rate == 1 else f"{min(rate * 100, 99.9):.1f}"


def _as_time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "–"
    return f"{milliseconds:.0f} ms" if milliseconds < 1_000 else took(timedelta(milliseconds=milliseconds))
