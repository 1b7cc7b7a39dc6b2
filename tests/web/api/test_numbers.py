"""`/api/numbers` shows what each number may send, and lets go what waits; so does the console's button."""

import asyncio
from pathlib import Path

from bot.alarms.trouble import Trouble
from tests.support.bots import until
from tests.support.console import browser, csrf_in
from tests.support.events import received
from tests.support.services import ADMIN, VIEWER, Running

RULES = """\
numbers: {"+15555550100": {per_day: 2, answer: ["+1"]}}
rules:
  - {name: hours, when: {keyword: hours}, reply: We are open.}
  - {name: stop, when: {exact: stop}, opt_out: true, reply: Goodbye.}
"""


async def limited(bot: Running) -> None:
    folder: Path = bot.service.settings.rules
    for file in folder.glob("*.yaml"):
        file.unlink()
    (folder / "rules.yaml").write_text(RULES)
    await bot.service.shelf.reload()


async def until_queued(bot: Running, count: int) -> None:
    """Until what ACS has taken is noted, which is a moment after its call."""
    async with asyncio.timeout(60):
        while (await bot.get("/api/numbers")).json()[0]["queued"] != count:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.02)


async def test_what_waits_for_a_person_is_shown_and_let_go(fresh_bot: Running) -> None:
    bot = fresh_bot
    await limited(bot)
    for number in range(4):
        await bot.post([received(f"+155555503{number:02}", "hours")])
    await until(lambda: sum(len(call["smsRecipients"]) for call in bot.acs.calls) == 2)
    await until_queued(bot, 2)
    (found,) = (await bot.get("/api/numbers")).json()
    assert found == {
        "number": "+15555550100", "kind": "10dlc", "per_minute": None, "per_day": 2, "answer": ["+1"],
        "queued": 2, "used": 2, "allowed": 2, "is_held": True,
    }  # fmt: skip
    path = "/api/numbers/+15555550100/release"
    assert (await bot.send("POST", path, token=VIEWER)).status_code == 403
    assert (await bot.send("POST", "/api/numbers/+15555550199/release")).status_code == 404
    assert (await bot.send("POST", path)).json() == {"number": "+15555550100", "more": 2}
    await until(lambda: sum(len(call["smsRecipients"]) for call in bot.acs.calls) == 4)


async def test_a_peer_of_another_country_is_kept_and_the_api_says_why(fresh_bot: Running) -> None:
    await limited(fresh_bot)
    await fresh_bot.post([received("+33700555010", "hours")])
    (message,) = await fresh_bot.messages("+33700555010")
    assert message["decision"]["guard"] == "its country is not answered"
    assert fresh_bot.acs.calls == []


async def test_the_overview_says_which_part_was_answered_within_one_and_ten_seconds(
    fresh_bot: Running,
) -> None:
    await fresh_bot.post([received("+15555550101", "hours")])
    await fresh_bot.replies()
    found = (await fresh_bot.get("/api/overview?period=hour")).json()
    assert found["within_10s"] == 1.0
    assert 0 <= found["within_1s"] <= 1


async def test_the_consoles_button_lets_them_go_too(fresh_bot: Running) -> None:
    bot = fresh_bot
    await limited(bot)
    for number in range(3):
        await bot.post([received(f"+155555503{number:02}", "hours")])
    await until(lambda: sum(len(call["smsRecipients"]) for call in bot.acs.calls) == 2)
    await until_queued(bot, 1)
    async with browser(bot, VIEWER) as viewer:
        page = (await viewer.get("/console")).text
        assert "+15555550100 has sent 2 messages today" in page
        assert "Let them go" not in page
    async with browser(bot, ADMIN) as admin:
        page = (await admin.get("/console")).text
        assert "Let them go" in page
        form = {"number": "+15555550100", "csrf": csrf_in(page)}
        assert (await admin.post("/console/numbers/release", data=form)).status_code == 303
        await until(lambda: sum(len(call["smsRecipients"]) for call in bot.acs.calls) == 3)
        assert "Let them go" not in (await admin.get("/console")).text


async def test_the_overview_names_a_number_that_fell_silent(fresh_bot: Running) -> None:
    silent = Trouble(key="quiet:1", kind="quiet", reason="+15555550100, since noon")
    await fresh_bot.service.alarms.stop()  # it would look again meanwhile
    fresh_bot.service.alarms.watch.troubles = [silent]
    async with browser(fresh_bot, VIEWER) as viewer:
        page = (await viewer.get("/console")).text
    assert "A number that is usually texted is not: +15555550100, since noon." in page
