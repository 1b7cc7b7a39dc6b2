"""Rule files to edit, folders that can't be written to, and how one is saved and tried over HTTP."""

import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
from sqlalchemy import delete

from bot.storage.draft_tables import draft_testers, rule_drafts
from bot.storage.tables import rule_edits
from tests.support.databases import Databases
from tests.support.processes import ROOT
from tests.support.services import Acs, Running, running

#: The shipped file, without its tests, which talk about the shop's other rules.
OPT_OUT = (ROOT / "rules" / "00-opt-out.yaml").read_text("utf-8").partition("\ntests:")[0] + "\n"
SHOP = """\
# What the shop says.
rules:
  - name: hours      # asked most
    when: {keyword: hours}
    reply: Open 9-18.

tests:
  - {hear: hours, say: Open 9-18.}
"""

#: Some 20 ms of work.
_SLOW = (
    "{% for i in (1..190) %}{% assign y = x "
    + "| append: i | times: 3 | plus: 4 | modulo: 7 " * 12
    + "%}{% endfor %}ok {{ y }}"
)


def heavy_rules(tests: int) -> str:
    """A rule whose every answer takes long, and tests of it."""
    rule = f"rules:\n  - name: heavy\n    when: {{pattern: 'go (?P<x>.*)'}}\n    reply: '{_SLOW}'\n"
    return f"{rule}tests:\n" + "".join(f"  - {{hear: go {at}, rule: heavy}}\n" for at in range(tests))


@contextmanager
def nobody() -> Iterator[None]:
    """Without root's rights, which no mode of a folder holds up."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def shut_folder() -> Iterator[Path]:
    """A folder of rules that nobody but root may write to."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "00-opt-out.yaml").write_text(OPT_OUT)
        (folder / "10-shop.yaml").write_text(SHOP)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


@asynccontextmanager
async def running_book(
    folder: Path, databases: Databases, files: Mapping[str, str], listener: socket.socket | None = None
) -> AsyncIterator[Running]:
    """A bot on SQLite with these rule files beside the shipped opt-out."""
    rules = folder / "book"
    rules.mkdir()
    for name, text in {"00-opt-out.yaml": OPT_OUT, **files}.items():
        (rules / name).write_text(text)
    acs = Acs()
    await acs.start()
    try:
        async with running(
            folder, databases.migrated("sqlite"), acs, listener=listener, BOT_RULES=str(rules)
        ) as bot:
            yield bot
    finally:
        await acs.stop()


@asynccontextmanager
async def put_back(bot: Running, files: Mapping[str, str]) -> AsyncIterator[Running]:
    """A bot of `running_book` with these files for one test of many: what that changes of the rules is undone."""
    yield bot
    folder, wanted = bot.service.shelf.folder, {"00-opt-out.yaml": OPT_OUT, **files}
    for path in folder.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        if not (folder / name).exists() or (folder / name).read_bytes() != text.encode():
            (folder / name).write_text(text)
    await bot.service.shelf.reload()
    async with bot.service.database.writing() as connection:
        for table in (draft_testers, rule_drafts, rule_edits):
            await connection.execute(delete(table))
    await bot.service.tested.look()


async def put(bot: Running, file: str, text: str | bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = text.encode() if isinstance(text, str) else text
    return await bot.send("PUT", f"/api/rules/{file}", content=content, headers=named)


async def said(bot: Running, text: str) -> list[str]:
    answer = await bot.send("POST", "/api/try", json={"text": text})
    replies: list[str] = answer.json()["replies"]
    return replies
