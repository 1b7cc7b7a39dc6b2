"""PostgreSQL's own programs for backups: `pg_dump` and `pg_restore`."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from bot.storage.backup import CannotBackUp


def dump(url: str, target: Path, *, replace: bool = False) -> int:
    """Write a dump in pg_dump's own format; its size. A bot that runs goes on."""
    if target.exists() and not replace:
        raise CannotBackUp(f"{target} is there already: name another file, or say --replace.")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={part}"], url)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def load(url: str, source: Path) -> None:
    """Read a dump into a database, all of it or nothing."""
    if not source.is_file():
        raise CannotBackUp(f"There is no backup at {source}.")
    options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run(
        "pg_restore", [*options, f"--dbname={make_url(url).database}", str(source)], url, names_database=False
    )


def _run(program: str, options: list[str], url: str, *, names_database: bool = True) -> None:
    made = make_url(url)
    arguments = [*options, *_place(made), *([str(made.database)] if names_database else [])]
    found = shutil.which(program)
    if found is None:
        raise CannotBackUp(
            f"{program} is not installed here. Where it is, run: {shlex.join([program, *arguments])}"
            " (the password goes into PGPASSWORD)."
        )
    environ = os.environ | ({"PGPASSWORD": made.password} if made.password else {})
    done = subprocess.run([found, *arguments], env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - found by its name
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[0]
        raise CannotBackUp(f"{said.removesuffix('.')}. The command was: {shlex.join([program, *arguments])}")


def _place(made: URL) -> list[str]:
    """Where the server is, as its programs are told."""
    host = made.host or made.query.get("host")
    options = {"--host": host, "--port": made.port, "--username": made.username}
    return [f"{name}={value}" for name, value in options.items() if value]
