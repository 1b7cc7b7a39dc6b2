"""Who looks after people takes a conversation over from the running bot, and hands it back, on the command line."""

import asyncio

import pytest
from click.testing import CliRunner

from bot.cli.commands.conversations import conversations
from bot.cli.errors import CommandFailed
from tests.support.commands import run_conversations as run
from tests.support.commands import the_id
from tests.support.processes import free_port
from tests.support.services import ADMIN, VIEWER, Running


async def refusal(*arguments: str) -> str:
    """The sentence with which a command fails."""
    result = await asyncio.to_thread(CliRunner().invoke, conversations, arguments, standalone_mode=False)
    assert isinstance(result.exception, CommandFailed)
    assert result.exception.exit_code == 2
    return result.exception.format_message()


async def test_a_conversation_is_handed_over_and_back(bot: Running) -> None:
    key = await the_id()
    taken = await run("hand-over", key)
    assert (taken.exit_code, taken.stdout) == (
        0,
        "The bot is silent towards +15555550101 until you hand back.\n",
    )
    assert await the_id("--handed-over") == key
    assert "handed over" in (await run("list")).stdout
    assert "handed over" in (await run("show", key)).stdout
    back = await run("hand-back", key, "--url", bot.address + "/")
    assert (back.exit_code, back.stdout) == (0, "The bot answers +15555550101 again.\n")
    assert (await run("list", "--handed-over")).stdout == "No conversations.\n"


@pytest.mark.usefixtures("bot")
async def test_an_unknown_conversation_is_a_no_in_one_sentence() -> None:
    for name in ("nobody", "?x", "\udcff"):
        result = await run("hand-over", name)
        assert result.exit_code == 1
        assert result.stderr.startswith("There is no conversation "), result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"BOT_ADMIN_TOKEN": ""}, "set BOT_ADMIN_TOKEN to the token it started with"),
        ({"BOT_ADMIN_TOKEN": "another"}, "set BOT_ADMIN_TOKEN to the one it started with"),
        ({"BOT_ADMIN_TOKEN": VIEWER}, "This takes the admin's token"),
        ({"BOT_PORT": "0"}, "name its address with --url"),
        ({"BOT_PORT": str(free_port())}, "start it with `bot serve`"),
    ],
)
async def test_what_keeps_a_command_from_the_bot_is_said_with_the_mend(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
) -> None:
    key = await the_id()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    said = await refusal("hand-over", key)
    assert sentence in said
    assert not any(secret in said for secret in (ADMIN, VIEWER))


@pytest.mark.usefixtures("bot")
async def test_an_address_that_is_none_is_said() -> None:
    for url in ("nonsense", "ftp://127.0.0.1", "http://"):
        said = await refusal("hand-back", "x", "--url", url)
        assert said == "--url must be an address such as http://127.0.0.1:8000."
