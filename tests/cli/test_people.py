"""People are let in, changed and removed from a terminal, beside the bot that runs."""

import asyncio
import json

import pytest
from click.testing import CliRunner, Result

from bot.cli.commands.people import people
from tests.support.console import browser
from tests.support.services import Running


async def run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, people, arguments)


async def test_a_link_that_add_prints_logs_in_until_its_person_is_removed(bot: Running) -> None:
    assert "Nobody may log in by name yet" in (await run("list")).stdout
    added = await run("add", "Ann Example", "--role", "support")
    assert added.exit_code == 0, added.output
    said, link = added.stdout.splitlines()
    assert said.startswith("Ann Example is support. This link logs in once, until ")
    assert link.startswith(f"{bot.address}/console/login?key=")
    async with browser(bot) as http:
        assert (await http.post("/console/login", data={"key": link.rpartition("=")[2]})).status_code == 303
        assert "Ann Example</strong> (support)" in (await http.get("/console/people")).text
        assert (await run("role", "ann example", "editor")).stdout == "Ann Example is editor.\n"
        assert "(editor)" in (await http.get("/console/people")).text
        (listed,) = json.loads((await run("list", "--json")).stdout)["items"]
        assert (listed["name"], listed["role"], listed["is_external"]) == ("Ann Example", "editor", False)
        assert (await run("remove", "Ann Example")).stdout == "Ann Example is out.\n"
        assert (await http.get("/console/people")).status_code == 303
    assert json.loads((await run("list", "--json")).stdout) == {"items": [], "next": None}


async def test_another_link_names_the_address_that_is_given(bot: Running) -> None:
    await run("add", "Bob", "--role", "viewer")
    told = json.loads((await run("login", "Bob", "--url", "https://sms.example.com/", "--json")).stdout)
    assert told["link"].startswith("https://sms.example.com/console/login?key=")
    assert told["person"]["name"] == "Bob"


async def test_where_the_address_is_not_known_nobody_is_added(
    bot: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_PORT", "0")
    added = await run("add", "Ann", "--role", "editor")
    assert (added.exit_code, "BOT_PORT is 0" in added.stderr) == (2, True)
    assert json.loads((await run("list", "--json")).stdout)["items"] == []
    assert (await run("add", "Ann", "--role", "editor", "--url", bot.address)).exit_code == 0


async def test_what_can_not_be_is_said_in_a_sentence(bot: Running) -> None:
    await run("add", "Bob", "--role", "viewer")
    twice = await run("add", "BOB", "--role", "viewer")
    assert (twice.exit_code, "There is a 'BOB' already" in twice.stderr) == (1, True)
    nobody = await run("remove", "Eve")
    assert (nobody.exit_code, "Nobody here is called 'Eve'" in nobody.stderr) == (1, True)
    assert (await run("add", "admin", "--role", "viewer")).exit_code == 2
    assert (await run("add", "Eve", "--role", "owner")).exit_code == 2
