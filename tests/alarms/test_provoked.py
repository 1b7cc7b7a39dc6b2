"""Each trouble that people are told of, provoked on a bot that runs, arrives at a real HTTP server."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.bots import until
from tests.support.databases import Databases
from tests.support.events import received
from tests.support.hooks import Hook
from tests.support.services import Acs, Running, running

RULES = """\
rules:
  - {name: hours, when: {keyword: hours}, reply: We are open.}
  - {name: person, when: {keyword: person}, reply: Somebody will write., handover: true}
  - {name: food, when: {keyword: food}, handover: {to: kitchen, urgent: true}, reply: The kitchen answers.}
  - {name: code, when: {keyword: code}, code: {from: codes.csv, save: code}, reply: "It is {{ code }}."}
  - {name: stop, when: {exact: stop}, opt_out: true, reply: Goodbye.}
"""


@pytest.fixture
async def bot(tmp_path: Path, databases: Databases, acs: Acs, hook: Hook) -> AsyncIterator[Running]:
    options = {
        "BOT_NOTIFY": hook.address, "BOT_PUBLIC_URL": "https://sms.example.com/", "BOT_REPEATS_PER_HOUR": "2",
        "BOT_REPLIES_PER_HOUR": "6",
    }  # fmt: skip
    async with running(tmp_path, databases.migrated("sqlite"), acs, **options) as bot:
        folder = bot.service.settings.rules
        for file in folder.glob("*.yaml"):
            file.unlink()
        (folder / "codes.csv").write_text("code\n" + "".join(f"CODE-{number}\n" for number in range(10)))
        (folder / "rules.yaml").write_text(RULES)
        await bot.service.shelf.reload()
        yield bot


async def later(bot: Running, minutes: float = 1) -> None:
    """Look as if so many minutes had passed, twice: what is found is told at the next look."""
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    await bot.service.alarms.watch.look(now)
    await bot.service.alarms.watch.look(now + timedelta(minutes=1))


async def text(bot: Running, *texts: str, peer: str = "+15555550101") -> None:
    for each in texts:
        assert (await bot.post([received(peer, each)])).status_code == 200


async def a_person(bot: Running) -> None:
    await text(bot, "person")


async def the_kitchen(bot: Running) -> None:
    await text(bot, "food")


async def an_opt_out(bot: Running) -> None:
    await text(bot, "leave me alone and never write again")


async def a_loop(bot: Running) -> None:
    await text(bot, *(f"hours {number}" for number in range(8)))


async def repeats(bot: Running) -> None:
    await text(bot, *["hours"] * 4)


async def few_codes(bot: Running) -> None:
    for number in range(10):
        await text(bot, "code", peer=f"+155555502{number:02}")


async def refused(bot: Running) -> None:
    await bot.post(
        [received("+15555550101", "hours")],
        params={"code": "a-secret-of-nobody-at-all"},
        headers={"aeg-event-type": "Notification"},
    )


async def broken_rules(bot: Running) -> None:
    (bot.service.settings.rules / "more.yaml").write_text("rules: [{name: x}]\n")
    await bot.service.shelf.reload()


def _answers(bot: Running, status: int) -> None:
    bot.acs.answers = [lambda *_: web.json_response({"error": {"code": "no"}}, status=status)] * 100


async def a_refused_credential(bot: Running) -> None:
    _answers(bot, 401)
    await text(bot, "hours")
    await until(lambda: bot.service.sender.link.is_credential_refused)


async def a_dead_acs(bot: Running) -> None:
    await bot.acs.stop()
    for number in range(3):
        await text(bot, f"hours {number}", peer=f"+155555503{number:02}")
    await until(lambda: bot.service.sender.link.is_down)


async def a_full_queue(bot: Running) -> None:
    bot.service.queue_limit.limit = 3
    _answers(bot, 401)
    for number in range(3):
        await text(bot, f"hours {number}", peer=f"+155555503{number:02}")
    await until(lambda: bot.service.queue_limit.is_full)


CONVERSATION = r"https://sms\.example\.com/console/conversations/[0-9a-f-]{36}"
CONSOLE = r"https://sms\.example\.com/console"


@pytest.mark.parametrize(
    ("provoke", "said"),
    [
        (a_person, rf"Somebody waits for a person \(\+15…01\)\. {CONVERSATION}"),
        (
            the_kitchen,
            rf"Somebody waits for a person \(.*kitchen is waited for, urgently.*\)\. {CONVERSATION}",
        ),
        (an_opt_out, rf"A message may be an opt-out \(\+15…01\)\. {CONVERSATION}"),
        (
            a_loop,
            rf"A conversation fell silent: it looks like another auto-responder \(\+15…01\)\. {CONVERSATION}",
        ),
        (repeats, rf"One message comes too often \(\+15…01\)\. {CONVERSATION}"),
        (few_codes, rf"A list of codes runs out \(.*codes\.csv.*\)\. {CONVERSATION}"),
        (refused, rf"Event Grid's deliveries are refused, and their events are lost \(.*\)\. {CONSOLE}"),
        (
            broken_rules,
            rf"The rule files have errors; .* \(1 error E\d+ in more\.yaml, line 1\)\. {CONSOLE}/rules/more\.yaml#L1",
        ),
        (
            a_refused_credential,
            rf"Azure Communication Services refuses the credential or the number\. {CONSOLE}",
        ),
        (a_dead_acs, rf"Azure Communication Services takes no messages\. {CONSOLE}"),
        (
            a_full_queue,
            rf"The queue is full: messages are turned away, to come again \(3 replies wait\)\. {CONSOLE}",
        ),
    ],
)
async def test_it_arrives_once_with_a_link_and_without_what_was_written(
    bot: Running, hook: Hook, provoke: Callable[[Running], Awaitable[None]], said: str
) -> None:
    await provoke(bot)
    await later(bot)
    await later(bot, 3)
    lines = [line for body in hook.bodies for line in body.splitlines()]
    assert sum(bool(re.fullmatch(said, line)) for line in lines) == 1, lines
    assert not re.search(r"\+1555555\d{4}|alone|hours \d", str(hook.told))


async def test_its_end_is_told_once_too(bot: Running, hook: Hook) -> None:
    await a_person(bot)
    await broken_rules(bot)
    await later(bot)
    assert len(hook.told) == 1
    (found,) = await bot.items("/api/conversations")
    answer = await bot.send("DELETE", f"/api/conversations/{found['id']}/handover")
    assert answer.status_code == 200
    (bot.service.settings.rules / "more.yaml").unlink()
    await bot.service.shelf.reload()
    await later(bot, 3)
    await later(bot, 5)
    assert len(hook.told) == 2
    first, second = hook.bodies[1].splitlines()
    assert {first.split(" (")[0].split(",")[0], second.split(" (")[0].split(",")[0]} == {
        "Nobody waits there any more", "The rule files have no errors any more",
    }  # fmt: skip
    assert hook.told[1]["type"] == "success"


async def test_what_a_peer_wrote_leaves_where_it_may(
    tmp_path: Path, databases: Databases, acs: Acs, hook: Hook
) -> None:
    options = {"BOT_NOTIFY": hook.address, "BOT_LOG_TEXTS": "true"}
    async with running(tmp_path, databases.migrated("sqlite"), acs, **options) as bot:
        await an_opt_out(bot)
        await later(bot)
    (body,) = hook.bodies
    assert "(+15555550101). They wrote: leave me alone and never write again /console/conversations/" in body
