"""Each alarm is raised by what a running bot says of itself, and people are told of it.

Each trouble is provoked; promtool judges what was scraped, and the notification arrives at a real HTTP server.
"""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from aiohttp import web
from sqlalchemy import update

from bot.alarms.trouble import BEGUN, AlarmLimits, Kind
from bot.sending.limits import SendingLimits
from bot.storage.event_tables import outgoing_events
from bot.storage.tables import messages
from tests.support.bots import until
from tests.support.databases import Databases
from tests.support.events import received, report
from tests.support.hooks import Hook
from tests.support.processes import free_port
from tests.support.promtool import PROMETHEUS, judge
from tests.support.services import VIEWER, Acs, Running, accept, running

(GROUP,) = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"]
ALARMS: dict[str, dict[str, Any]] = {each["alert"]: each for each in GROUP["rules"]}
#: What people are told of each. Nobody can say that they are dead: whoever watches from outside does (`up`).
SAID: dict[str, Kind | None] = {
    "BotDown": None,
    "BotDatabaseNotWritable": "database",
    "BotRefusedDeliveries": "refused",
    "BotAcsDown": "acs-down",
    "BotAcsCredentialRefused": "acs-refused",
    "BotQueueOld": "queue-old",
    "BotQueueNearlyFull": "queue",
    "BotTurnsAway": "queue",
    "BotRepliesSlow": "slow-replies",
    "BotDeliveriesFail": "deliveries",
    "BotReportsMissing": "reports",
    "BotClockWrong": "clock",
    "BotRulesBroken": "rules",
    "BotBackgroundEnds": "background",
    "BotRejectedEvents": "rejected",
    "BotPeopleWait": "handover",
    "BotIncidentsOpen": "repeats",
    "BotFetchHostDown": "fetch",
    "BotForwardHostDown": "forward",
    "BotForwardsFail": "forwards",
    "BotEventsGivenUp": "events-out",
    "BotEventsQueueUnreadable": "events-queue",
    "BotDatabaseGrows": "database-grows",
    "BotCommitsSlow": "slow-commits",
}
#: Minutes whose pace of growth counts.
PACE_OF = 360
#: Minutes for which nothing is wrong; then what was provoked stays so.
WELL = 90
RULES = """\
rules:
  - {{name: hours, when: {{keyword: hours}}, reply: We are open.}}
  - {{name: person, when: {{keyword: person}}, reply: Somebody will write., handover: true}}
  - {{name: desk, when: {{keyword: desk}}, forward: "{nobody}/desk", reply: Thanks.}}
  - {{name: forwarded, when: {{keyword: forward}}, forward: "{acs}/nobody", reply: Thanks.}}
  - name: order
    when: {{pattern: 'order (?P<number>[0-9]+)'}}
    fetch: {{url: "{nobody}/orders/{{{{ number }}}}", save: order, timeout: 2s, missing: None., otherwise: Later.}}
    reply: It is there.
  - {{name: stop, when: {{exact: stop}}, opt_out: true, reply: Goodbye.}}
"""

Provoke = Callable[[Running], Awaitable[None]]
Scrape = dict[str, float]


async def scrape(bot: Running) -> Scrape:
    """What Prometheus would store of the bot now: `up`, and each series with the labels of its target."""
    try:
        answer = await bot.get("/metrics", token=VIEWER)
        assert answer.status_code == 200
    except httpx.TransportError:
        return {series("up"): 0.0}
    lines = [line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")]
    return {series(name): float(value) for name, value in lines} | {series("up"): 1.0}


def series(name: str) -> str:
    """The name of a series with the labels of a target in it."""
    name, _, labels = name.removesuffix("}").partition("{")
    return name + '{job="bot",instance="bot:8000"' + (f",{labels}" if labels else "") + "}"


def as_test(alarm: str, before: Scrape, after: Scrape) -> dict[str, Any]:
    """A test of promtool's: the alarm is not raised by what was, and is by what has become of it.

    The database grows on and on as it did between the two, which are a minute apart; all else stays as it became.
    """
    pause = ALARMS[alarm].get("for", "0m")
    minutes = int(pause[:-1]) * {"m": 1, "h": 60}[pause[-1]]
    firing = f'count(ALERTS{{alertname="{alarm}",alertstate="firing"}})'
    values = {
        name: f"{lasting(before.get(name))} {lasting(after.get(name))}"
        for name in sorted(before.keys() | after.keys())
        if name.partition("{")[0] in READ
    }
    if alarm == "BotDatabaseGrows":
        size, grown = before[SIZE], after[SIZE] - before[SIZE]
        values[SIZE] = f"{lasting(size)} {size:f}+{grown:f}x{8 * WELL}"
        minutes += PACE_OF
    return {
        "interval": "1m",
        "name": alarm,
        "input_series": [{"series": name, "values": each} for name, each in values.items()],
        "promql_expr_test": [
            {"expr": firing, "eval_time": time, "exp_samples": found}
            for time, found in (
                (f"{WELL - 1}m", []),
                (f"{WELL + minutes + 2}m", [{"labels": "{}", "value": 1}]),
            )
        ],
    }  # fmt: skip


def lasting(value: float | None) -> str:
    """A value for `WELL` minutes, in promtool's terms; `_` where there was no such series."""
    return f"_x{WELL}" if value is None else f"{value:f}+0x{WELL - 1}"


SIZE = series("bot_database_size_bytes")
#: Names that the alarms read. No other series can raise one, and promtool takes most of its time to store them.
READ = set(re.findall(r"\bup\b|\bbot_\w+", " ".join(each["expr"] for each in ALARMS.values())))


async def text(bot: Running, *texts: str, peer: str = "+15555550101", status: int = 200) -> None:
    for each in texts:
        assert (await bot.post([received(peer, each)])).status_code == status


async def make_older(bot: Running, age: timedelta, status: str) -> None:
    then = datetime.now(UTC) - age
    async with bot.service.database.writing() as connection:
        await connection.execute(
            update(messages).where(messages.c.status == status).values(created_at=then, updated_at=then)
        )


async def events_given_up(bot: Running) -> None:
    await text(bot, "stop", peer="+15555550114")
    async with bot.service.database.writing() as connection:
        await connection.execute(update(outgoing_events).values(status="failed"))
    # Nobody looks by himself; after the look before this one and before that of the next trouble.
    await bot.service.alarms.watch.look(datetime.now(UTC) + timedelta(minutes=90))


async def rejected(bot: Running) -> None:
    assert (await bot.post([{"odd": 1}], headers={"aeg-event-type": "Notification"})).status_code == 200


async def growth(bot: Running) -> None:
    """Twelve megabytes in a minute."""
    for number in range(2):
        body = f'[{{"odd": {number}, "long": "{"x" * 6_000_000}"}}]'
        headers = {"aeg-event-type": "Notification"}
        assert (await bot.post(body.encode(), headers=headers)).status_code == 200


async def a_person(bot: Running) -> None:
    await text(bot, "person")


async def a_loop(bot: Running) -> None:
    await text(bot, *["hours"] * 4, peer="+15555550102")


async def refused(bot: Running) -> None:
    await bot.post(
        [], params={"code": "a-secret-of-nobody-at-all"}, headers={"aeg-event-type": "Notification"}
    )


async def broken_rules(bot: Running) -> None:
    (bot.service.settings.rules / "more.yaml").write_text("rules: [{name: x}]\n")
    await bot.service.shelf.reload()


async def a_wrong_clock(bot: Running) -> None:
    def early(request: web.Request, call: dict[str, Any]) -> web.Response:
        answer = accept(request, call)
        answer.headers["Date"] = format_datetime(datetime.now(UTC) - timedelta(minutes=2), usegmt=True)
        return answer

    bot.acs.answers = [early] * 1_000  # after a single one the next answer would call it right again
    await text(bot, "hours", peer="+15555550103")
    await until(
        lambda: bot.service.clock.offset is not None and abs(bot.service.clock.offset.total_seconds()) > 60
    )


async def failed_deliveries(bot: Running) -> None:
    for number in range(22):
        peer = f"+155555504{number:02}"
        await text(bot, "hours", peer=peer)
        (reply,) = await bot.replies(peer)
        sent = {"messageId": reply["provider_message_id"], "from": "+15555550100", "to": peer}
        assert (await bot.post([report(sent, "Failed")])).status_code == 200


async def missing_reports(bot: Running) -> None:
    for number in range(12):
        peer = f"+155555505{number:02}"
        await text(bot, "hours", peer=peer)
        await bot.replies(peer)
    await make_older(bot, timedelta(days=4), "sent")
    await until(lambda: bot.service._measures.unreported > 10)


async def a_failed_forward(bot: Running) -> None:
    await text(bot, "forward", peer="+15555550106")
    await seen(bot, 'bot_forwards_total{host="127.0.0.1",outcome="failed"}')


async def a_dead_host(bot: Running) -> None:
    for number in range(12):
        await text(bot, f"order {number}", peer=f"+155555507{number:02}")
    await seen(bot, "bot_fetch_host_down{")


async def a_dead_desk(bot: Running) -> None:
    for number in range(6):
        await text(bot, "desk", peer=f"+155555508{number:02}")
    await seen(bot, "bot_forward_host_down{")


async def seen(bot: Running, begin: str) -> None:
    """Wait for a series."""
    async with asyncio.timeout(60):
        while f"\n{begin}" not in (await bot.get("/metrics")).text:  # noqa: ASYNC110 - it is read as Prometheus reads it
            await asyncio.sleep(0.05)


async def an_ending_task(bot: Running) -> None:
    async def end() -> None:
        raise OSError("gone")

    bot.service.supervisor.watch("a task of a test", end)
    await until(lambda: bool(bot.service.supervisor.ended()))


def refusing(_request: web.Request, _call: dict[str, Any]) -> web.Response:
    return web.json_response({"error": {"code": "no"}}, status=401)


async def a_refused_credential(bot: Running) -> None:
    bot.acs.answers = [refusing] * 1_000
    for number in range(
        12
    ):  # some may be tried before the clock is set for `slow_replies`, and are in doubt by then
        await text(bot, "hours", peer=f"+155555513{number:02}")
    await until(lambda: bot.service.sender.link.is_credential_refused)


async def an_old_queue(bot: Running) -> None:
    await make_older(bot, timedelta(minutes=10), "queued")


async def a_full_queue(bot: Running) -> None:
    bot.service.queue_limit.limit = 1
    await until(lambda: bot.service.queue_limit.is_full)


async def one_turned_away(bot: Running) -> None:
    await text(bot, "hours", peer="+15555550109", status=503)


class LateClock:
    """The time, and what was added to it."""

    def __init__(self) -> None:
        self.late = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.late


clock = LateClock()


async def slow_replies(bot: Running) -> None:
    """What has waited leaves ten minutes later."""
    clock.late = timedelta(minutes=10)
    bot.acs.answers = []
    bot.service.queue_limit.limit = 1_000
    await until(lambda: bot.service._measures.reply.sum > 1_500)


async def slow_commits(bot: Running) -> None:
    """Another program holds SQLite's file for a second, again and again."""
    path = bot.service.database.path
    assert path is not None
    other = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    for number in range(3):
        await asyncio.to_thread(
            other.execute, "BEGIN IMMEDIATE"
        )  # the bot may have to end a transaction first
        posting = asyncio.create_task(text(bot, "hours", peer=f"+155555511{number:02}"))
        await until(lambda: bot.service.writer._is_writing)
        await asyncio.sleep(0.6)  # half a second is what the alarm calls slow
        other.execute("COMMIT")
        await posting
    other.close()


async def a_dead_acs(bot: Running) -> None:
    await bot.acs.stop()
    for number in range(3):
        await text(bot, "hours", peer=f"+155555512{number:02}")
    await until(lambda: bot.service.sender.link.is_down)


async def no_database(bot: Running) -> None:
    """Its file is not where it was."""
    path = bot.service.database.path
    assert path is not None
    path.rename(path.with_suffix(".away"))


async def nobody(bot: Running) -> None:
    path = bot.service.database.path
    assert path is not None
    path.with_suffix(".away").rename(path)
    bot.server.should_exit = True
    async with asyncio.timeout(60):
        while series("bot_queued_messages") in await scrape(bot):  # noqa: ASYNC110 - as a stranger sees it
            await asyncio.sleep(0.05)


#: In an order in which none hides a later one.
TROUBLES: dict[str, Provoke] = {
    "BotEventsGivenUp": events_given_up,
    "BotRejectedEvents": rejected,
    "BotDatabaseGrows": growth,
    "BotPeopleWait": a_person,
    "BotIncidentsOpen": a_loop,
    "BotRefusedDeliveries": refused,
    "BotRulesBroken": broken_rules,
    "BotDeliveriesFail": failed_deliveries,
    "BotReportsMissing": missing_reports,
    "BotForwardsFail": a_failed_forward,
    "BotFetchHostDown": a_dead_host,
    "BotForwardHostDown": a_dead_desk,
    "BotClockWrong": a_wrong_clock,
    "BotBackgroundEnds": an_ending_task,
    "BotAcsCredentialRefused": a_refused_credential,
    "BotQueueOld": an_old_queue,
    "BotQueueNearlyFull": a_full_queue,
    "BotTurnsAway": one_turned_away,
    "BotRepliesSlow": slow_replies,
    "BotCommitsSlow": slow_commits,
    "BotAcsDown": a_dead_acs,
    "BotDatabaseNotWritable": no_database,
    "BotDown": nobody,
}


class Telling:
    """Looks as if an hour passed with each trouble."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self._now = datetime.now(UTC)

    async def expect(self, bot: Running, alarm: str) -> None:
        """That people were told of this alarm, by the time that the trouble has lasted for a minute."""
        kind = SAID[alarm]
        if kind is None:
            return
        self._now += timedelta(hours=1)
        for _ in range(2):
            await bot.service.alarms.watch.look(self._now)
            self._now += timedelta(minutes=1)
        lines = [line for body in self._hook.bodies for line in body.splitlines()]
        assert any(line.startswith(BEGUN[kind]) for line in lines), (alarm, lines)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian: prometheus)")
async def test_each_alarm_is_raised_by_scrapes_of_a_bot_in_trouble_and_told(
    tmp_path: Path, databases: Databases, acs: Acs, hook: Hook
) -> None:
    tests, told = [], Telling(hook)
    clock.late = timedelta()
    nowhere = f"http://127.0.0.1:{free_port()}"
    queue = f"storage:DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;QueueEndpoint={nowhere}/a;queue=sms"
    options: dict[str, Any] = {
        "BOT_PRIVATE_HOSTS": "127.0.0.1",
        "BOT_REPEATS_PER_HOUR": "2",
        "BOT_EVENTS_QUEUE": queue,
        "BOT_NOTIFY": hook.address,
        "BOT_EVENTS_TO": f"{nowhere}/events?types=peer.opted_out",
        "BOT_EVENTS_SECRETS": "a-secret-that-signs-events",
    }
    async with running(
        tmp_path,
        databases.migrated("sqlite"),
        acs,
        sending=SendingLimits(expire_every=0.2),
        now=clock,
        alarms=AlarmLimits(largest_database=200_000_000),
        **options,
    ) as bot:
        await bot.service.alarms.stop()  # it is looked as if time passed
        (bot.service.settings.rules / "shop.yaml").write_text(RULES.format(acs=acs.address, nobody=nowhere))
        await bot.service.shelf.reload()
        await until(lambda: bot.service.puller is not None and bot.service.puller.trouble is not None)
        before = await scrape(bot)
        tests.append(as_test("BotEventsQueueUnreadable", {}, before))
        await told.expect(bot, "BotEventsQueueUnreadable")
        for alarm, provoke in TROUBLES.items():
            await provoke(bot)
            after = await scrape(bot)
            tests.append(as_test(alarm, before, after))
            before = after
            await told.expect(bot, alarm)
    assert {each["name"] for each in tests} == set(ALARMS) == set(SAID)
    assert judge(tmp_path, [({each["name"]}, each) for each in tests]) == ""
