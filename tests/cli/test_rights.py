"""What may not be read or written, and bytes that are no text, get one sentence from every command."""

import json
import os
import pwd
import shutil
import tempfile
from pathlib import Path

import pytest

from bot.cli.database_access import ask_database
from bot.cli.errors import CommandFailed
from bot.operator.people import list_people
from tests.support.databases import Databases
from tests.support.processes import run_bot
from tests.support.rule_files import nobody

#: Root may enter every folder, but for one who has laid that down.
LAID_DOWN = () if os.getuid() else ("dac_override", "dac_read_search")
ODD = os.fsdecode(b"\xff")

pytestmark = pytest.mark.skipif(
    bool(LAID_DOWN) and not shutil.which("setpriv"), reason="root can't lay down its rights here"
)


def run(*arguments: str, folder: Path, **settings: str) -> tuple[int, str, str]:
    """A command of somebody who has no more rights than others; its status, and what it printed."""
    done = run_bot(*arguments, folder=folder, environ=settings, without=LAID_DOWN)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder that may not be entered."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ("db", "backup", "copy"),
        ("db", "copy", "--to", "postgresql+asyncpg://nobody@127.0.0.1:9/none"),
        ("forget", "+15555550101", "--yes"),
        ("conversations", "list"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_database_in_a_closed_folder_is_named(command: tuple[str, ...], closed: Path) -> None:
    path = closed / "bot.db"
    status, out, err = run(*command, folder=closed.parent, BOT_DATABASE_URL=f"sqlite+aiosqlite:///{path}")
    assert (status, out) == (2, "")
    user = pwd.getpwuid(os.getuid()).pw_name
    assert err == (
        f"{path} can't be read or written (Permission denied): give the user {user} the right to {closed}, or name"
        " another place.\n"
    )


def test_what_is_closed_of_a_database_is_named_with_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "data" / "bot.db"
        path.parent.mkdir()
        path.touch()
        Path(made).chmod(0o755)
        monkeypatch.setenv("BOT_DATABASE_URL", f"sqlite+aiosqlite:///{path}")
        for closed in (path.parent, path):
            closed.chmod(0)
            with nobody(), pytest.raises(CommandFailed) as refused:
                ask_database(list_people)
            closed.chmod(0o755)
            with nobody():
                user = pwd.getpwuid(os.geteuid()).pw_name
            assert f"{path} can't be read or written" in refused.value.message
            assert f": give the user {user} the right to {closed}, or name " in refused.value.message


def test_a_backup_to_where_nothing_may_be_written_is_refused(
    databases: Databases, closed: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    for url in (databases.migrated("sqlite"), "postgresql+asyncpg://nobody@127.0.0.1:9/none"):
        for place in (closed / "x.dump", closed / "below" / "x.dump", tmp_path / "file" / "x.dump"):
            status, _, err = run("db", "backup", str(place), folder=tmp_path, BOT_DATABASE_URL=url)
            assert status == 2
            assert str(place.parent) in err
            assert " denied): " in err or " exists): " in err or " directory): " in err
            assert err.count("\n") == 1


def test_the_doctor_goes_on_where_folders_are_closed(closed: Path) -> None:
    settings = {
        "BOT_RULES": str(closed / "rules"),
        "BOT_DATABASE_URL": f"sqlite+aiosqlite:///{closed}/data/bot.db",
    }
    status, out, err = run("doctor", "--json", folder=closed.parent, **settings)
    assert (status, err) == (1, "")
    checks = {each["check"]: each for each in json.loads(out)["checks"]}
    assert {"configuration", "rules", "database", "disk"} <= set(checks)
    assert checks["rules"]["found"] == f"{closed}/rules can't be read: Permission denied."
    assert {checks[name]["status"] for name in ("rules", "database", "disk")} == {"error"}
    assert all(each.get("mend") for each in checks.values())


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("conversations", "show", ODD), 1),
        (("conversations", "list", "--peer", f"{ODD}a"), 2),
        (("conversations", "export", "--peer", ODD), 2),
        (("answers", "show", ODD), 1),
        (("answers", "export", ODD), 1),
        (("rules", "try", ODD, "--from", ODD), 0),
        (("db", "backup", ODD), 0),
        (("db", "backup", ODD, "--json"), 0),
    ],
    ids=lambda value: ascii(" ".join(value)) if isinstance(value, tuple) else "",
)
def test_bytes_that_are_no_text_are_no_fault(
    command: tuple[str, ...], expected: int, databases: Databases, tmp_path: Path
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rules.yaml").write_text("rules: [{name: any, when: anything, reply: Hello.}]\n")
    status, out, err = run(*command, folder=tmp_path, BOT_DATABASE_URL=databases.migrated("sqlite"))
    assert status == expected, err
    if command[:2] == ("db", "backup"):
        assert (tmp_path / ODD).is_file(), "the name of a file keeps its bytes"
        if "--json" in command:
            assert json.loads(out)["file"] == ODD
