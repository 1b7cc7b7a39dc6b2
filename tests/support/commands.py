"""Commands of `bot`: as a process, or within this one."""

import asyncio
import json
import os
import sys

from click.testing import CliRunner, Result

from bot.cli.commands.conversations import conversations

BOT = (sys.executable, "-c", "from bot.cli import main; main()")


async def run_command(*arguments: str, **environ: str) -> tuple[int, str, str]:
    """Run the command; return its exit status, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *BOT,
        *arguments,
        env=os.environ | {"PYTHONUTF8": "1", "COLUMNS": "200"} | environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert b"Traceback" not in err, err.decode()
    return process.returncode or 0, out.decode(), err.decode()


async def run_conversations(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, conversations, arguments)


async def the_id(*options: str) -> str:
    (item,) = json.loads((await run_conversations("list", "--json", *options)).stdout)["items"]
    return str(item["id"])
