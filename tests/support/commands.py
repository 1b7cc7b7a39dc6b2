"""Commands of `bot`: as a process, or within this one."""

import asyncio
import json
import os
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from bot.cli.commands.conversations import conversations
from tests.support.processes import run_bot

BOT = (sys.executable, "-c", "from bot.cli import main; main()")


async def run_command(*arguments: str, **environ: str) -> tuple[int, str, str]:
    """Run the command where this process is, with its settings; return its exit status, stdout and stderr."""
    settings = {name: value for name, value in os.environ.items() if name.startswith("BOT_")} | environ
    done = await asyncio.to_thread(run_bot, *arguments, folder=Path.cwd(), environ=settings)
    return done.returncode, done.stdout, done.stderr


async def run_conversations(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, conversations, arguments)


async def the_id(*options: str) -> str:
    (item,) = json.loads((await run_conversations("list", "--json", *options)).stdout)["items"]
    return str(item["id"])
