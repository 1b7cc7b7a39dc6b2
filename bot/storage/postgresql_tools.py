"""PostgreSQL's own programs for backups: `pg_dump` and `pg_restore`."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from sqlalchemy.engine import make_url

from bot.storage.backup import BackupFacts, CannotBackUp, place_of_backup
from bot.storage.postgresql_hosts import CONNECT_SECONDS
from bot.storage.unfinished_restore import MARK, UnfinishedRestore

#: What the driver is told of where the server is and how to reach it, and what PostgreSQL's own programs call that.
_NAMES: Final = {
    "host": "host", "port": "port", "user": "user", "database": "dbname", "ssl": "sslmode", "passfile": "passfile",
    "target_session_attrs": "target_session_attrs", "krbsrvname": "krbsrvname",
}  # fmt: skip
#: A table in a dump's list of what it has; and the rows of the table of revisions.
_TABLE = re.compile(r"^\d+; \d+ \d+ TABLE (?!DATA )\S+ (\S+)", re.MULTILINE)
_REVISIONS = re.compile(
    r"^COPY [^\n]*\balembic_version\b[^\n]* FROM stdin;\n(.*?)^\\\.$", re.DOTALL | re.MULTILINE
)


class DumpFacts(Struct, frozen=True):
    """What a dump of a bot's database has."""

    revision: str
    tables: frozenset[str]


def dump(url: str, target: Path, *, replace: bool = False) -> BackupFacts:
    """Write a dump in pg_dump's own format, and check it. A bot that runs goes on."""
    place = place_of_backup(target, replace=replace)
    if shutil.which("pg_dump") and not shutil.which("pg_restore"):
        raise CannotBackUp(
            "pg_restore is not installed here, which checks the backup: install it beside pg_dump."
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(place.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        # A role or a database may have a `client_encoding` of its own, in which not every text can be said.
        options = ["--format=custom", "--encoding=UTF8", "--no-owner", "--no-privileges", f"--file={part}"]
        _run("pg_dump", options, url)
        facts = _read_facts(part)
        if facts is None:
            raise CannotBackUp(
                "The database at BOT_DATABASE_URL is not one of this bot's: set it to the bot's own."
            )
        if MARK in facts.tables:
            raise UnfinishedRestore
        _run("pg_restore", [f"--file={os.devnull}", str(part)])  # reads all of it
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
    return BackupFacts(path=target, size=target.stat().st_size, revision=facts.revision)


def check_dump(path: Path) -> DumpFacts:
    """What a dump has; raises `CannotBackUp` unless it is one of a bot's database. Its rows are not read."""
    if not path.is_file():
        raise CannotBackUp(f"There is no backup at {path}.")
    facts = _read_facts(path)
    if facts is None:
        raise CannotBackUp(f"{path} is a dump of a database, and not of one of this bot's.")
    if MARK in facts.tables:
        raise CannotBackUp(f"{path} is a dump of an unfinished restore: take the backup that this came from.")
    return facts


def load(url: str, source: Path) -> None:
    """Read a dump into a database, all of it or nothing."""
    options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run("pg_restore", [*options, str(source)], url)


def connection_string(url: str) -> str:
    """Where the server is, as its programs are told: all hosts that the address names, and no password."""
    told = _told(url)
    words = {word: _joined(told[name]) for name, word in _NAMES.items() if told.get(name)}
    return " ".join(f"{word}={_quoted(value)}" for word, value in words.items())


def _read_facts(path: Path) -> DumpFacts | None:
    """What a dump of a bot's database has; None for one of any other."""
    tables = frozenset(_TABLE.findall(_run("pg_restore", ["--list", str(path)])))
    if not {"alembic_version", "conversations"} <= tables:
        return None
    options = ["--data-only", "--table=alembic_version", "--file=-", str(path)]
    found = _REVISIONS.search(_run("pg_restore", options))
    heads = sorted(found[1].split()) if found else []
    return DumpFacts(", ".join(heads), tables) if heads else None


def _run(program: str, options: list[str], url: str | None = None) -> str:
    """What one of the programs prints; `url`: the database that it is to connect to."""
    arguments = [*options, *([f"--dbname={connection_string(url)}"] if url else [])]
    found = shutil.which(program)
    if found is None:
        raise CannotBackUp(
            f"{program} is not installed here. Where it is, run: {shlex.join([program, *arguments])}"
            " (the password goes into PGPASSWORD)."
        )
    password = _told(url).get("password") if url else None
    environ = {"PGCONNECT_TIMEOUT": f"{CONNECT_SECONDS:.0f}"} | os.environ
    environ |= {"PGPASSWORD": password} if password else {}
    done = subprocess.run(  # noqa: S603 - found by its name
        [found, *arguments], env=environ, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[0]
        raise CannotBackUp(f"{said.removesuffix('.')}. The command was: {shlex.join([program, *arguments])}")
    return done.stdout


def _told(url: str) -> dict[str, Any]:
    """What the driver is told, so that its programs and the bot read an address alike."""
    made = make_url(url)
    return dict(made.get_dialect()().create_connect_args(made)[1])


def _joined(value: Any) -> str:
    return ",".join(str(each) for each in (value if isinstance(value, list | tuple) else [value]))


def _quoted(value: str) -> str:
    if re.fullmatch(r"[^\s'\\]+", value):
        return value
    escaped = value.replace("\\", r"\\").replace("'", r"\'")
    return f"'{escaped}'"
