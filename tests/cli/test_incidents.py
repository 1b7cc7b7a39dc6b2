"""Who looks after people sees on a terminal what needs them, and says there that it is seen to."""

import asyncio
import json
from typing import Any

from click.testing import CliRunner, Result

from bot.cli.commands.incidents import incidents
from tests.support.commands import run_conversations, the_id
from tests.support.envelopes import inbound
from tests.support.services import Running

PEER = "+15555550177"


async def run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, incidents, arguments)


async def listed(*options: str) -> list[dict[str, Any]]:
    return list(json.loads((await run("list", "--json", *options)).stdout)["items"])


async def suspect(bot: Running, text: str = "Please take me off this list!") -> None:
    await bot.post([inbound(MessageId=text, From=PEER, Message=text)])


async def test_with_nothing_to_look_at_it_says_so(bot: Running) -> None:
    assert (await run("list")).stdout == "Nothing to look at.\n"


async def test_a_possible_opt_out_is_listed_and_decided(bot: Running) -> None:
    await suspect(bot)
    shown = await run("list")
    assert PEER in shown.stdout
    assert "a message may be an opt-out" in shown.stdout
    (found,) = await listed()
    released = await run("release", found["id"], "--opt-out")
    assert (released.exit_code, released.stdout) == (0, f"{PEER}: opted out.\n")
    assert await listed() == []
    (closed,) = await listed("--all")
    assert closed["outcome"] == "opted out"
    assert "opted out" in (await run("list", "--all")).stdout


async def test_what_was_done_and_who_did_it_stands_in_the_conversation(bot: Running) -> None:
    await suspect(bot)
    (found,) = await listed("--kind", "opt-out")
    assert await listed("--kind", "loop") == []
    assert (await run("release", found["id"])).stdout == f"{PEER}: not an opt-out.\n"
    key = await the_id("--peer", PEER)
    await run_conversations("hand-over", key)
    assert await the_id("--waiting") == key
    shown = (await run_conversations("show", key)).stdout
    assert "a person is waited for" in shown
    assert "release  may be an opt-out" in shown
    told = json.loads((await run_conversations("show", key, "--json")).stdout)
    assert [each["action"] for each in told["actions"]] == ["release", "hand over"]
    assert all(each["by"] for each in told["actions"])


async def test_an_unknown_incident_is_a_no_in_one_sentence(bot: Running) -> None:
    result = await run("release", "nothing")
    assert (result.exit_code, result.stderr) == (1, "There is no incident 'nothing'.\n")
