"""`bot evidence`: a folder that proves who agreed and revoked."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import rich_click as click

from bot import __version__
from bot.cli import evidence_verifier
from bot.cli.database_access import asking_database
from bot.cli.errors import CommandFailed
from bot.cli.evidence_verifier import LEDGER, MANIFEST, manifest_of
from bot.cli.output import counted, print_json
from bot.cli.output_file import cannot_write, output_to
from bot.cli.times import read_since
from bot.queries.ledger import Chain, write_ledger

README = """\
Who wanted messages and who did not: opt-outs and opt-ins since {since}, as a bot of version {version} had noted them by
{now}.

ledger.jsonl   a line of JSON for each. `previous` is the SHA-256 of the line before, so that no line can be changed,
               taken away or put between without all after it being others.
manifest.json  the SHA-256 of each file, and the seal: the SHA-256 of the ledger's last line.
verify.py      checks all of it with Python alone: python verify.py

The kinds of lines
ledger          what the ledger is
opt_out, opt_in `at` is when the person said so by Azure's time, `noted_at` when it was stored; `words` are theirs,
                `our_words` what they were answered by `rule` of the rule book `book_version`; `left_after` counts the
                messages that left after an opt-out and before the next opt-in, but for its confirmation, and
                `seconds_until_silent` says how long until the last of them.
                `number` null: a list that was brought along, for every number.
rule_book       the rules of a version that is named above, whole
erased_opt_out  somebody who was erased had opted out: a keyed hash (HMAC-SHA-256) of the numbers is kept

Who holds this folder could make all of it anew. Compare the seal with the one that was noted when it was made.
"""


def evidence(folder: Path, since: str, *, as_json: bool) -> None:
    """Write the folder."""
    start, now = read_since(since), datetime.now(UTC)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CommandFailed(f"{folder} is there already and not empty: name a folder that is not.")
        chain = asyncio.run(_write(folder, start, now))
        _add_the_rest(folder, chain, start, now)
    except OSError as error:
        raise CommandFailed(f"{folder} can't be written: {error.strerror or error}.") from None
    if as_json:
        print_json({"folder": str(folder), "lines": chain.lines, "seal": chain.digest})
        return
    click.echo(
        f"{counted(chain.lines, 'line')} in {folder / LEDGER}. Their seal, to be noted somewhere else:"
    )
    click.echo(chain.digest)
    click.echo(f"To check it: python {folder / 'verify.py'}")


async def _write(folder: Path, since: datetime, now: datetime) -> Chain:
    chain = Chain()
    async with asking_database() as connection:
        ledger = write_ledger(
            lambda: nullcontext(connection), chain, since=since, now=now, version=__version__
        )
        with _ledger_file(folder) as file:
            async for line in ledger:
                file.write(line)
    return chain


def _ledger_file(folder: Path) -> AbstractContextManager[BinaryIO]:
    """Makes the folder, once the database can be read: what failed can be done again under the same name."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(str(folder), error) from None
    return output_to(folder / LEDGER)


def _add_the_rest(folder: Path, chain: Chain, since: datetime, now: datetime) -> None:
    verifier = Path(evidence_verifier.__file__).read_bytes()
    readme = README.format(
        since=since.isoformat(), now=now.isoformat(timespec="seconds"), version=__version__
    )
    (folder / "verify.py").write_bytes(verifier)
    (folder / "README.txt").write_text(readme, encoding="utf-8", newline="\n")
    files = {name: (folder / name).read_bytes() for name in ("README.txt", LEDGER, "verify.py")}
    (folder / MANIFEST).write_bytes(manifest_of(files, chain.lines, chain.digest))
