"""A real PgBouncer before a real PostgreSQL, where the machine has one (Debian's package pgbouncer)."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url

from tests.support.processes import free_port

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")


@contextlib.contextmanager
def pgbouncer(url: str, pool_mode: str, *more: str) -> Iterator[str]:
    """The address of a database through a PgBouncer that lives as long as the block."""
    assert PROGRAM is not None
    behind = make_url(url)
    folder = Path(tempfile.mkdtemp(prefix="bot-pgbouncer-"))
    folder.chmod(0o777)
    port = free_port()
    (folder / "users.txt").write_text('"postgres" ""\n')
    settings = [
        "[databases]",
        f"* = host={behind.query.get('host') or behind.host} port={behind.port or 5432} user=postgres",
        "[pgbouncer]",
        f"pool_mode = {pool_mode}",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "auth_type = trust",
        f"auth_file = {folder / 'users.txt'}",
        "unix_socket_dir =",
        "server_login_retry = 1",
        *more,
    ]
    (folder / "pgbouncer.ini").write_text("\n".join(settings) + "\n")
    log = (folder / "log").open("wb")
    # It does not run as root; whoever PostgreSQL runs as may use its socket.
    user = ["-u", Path(str(behind.query["host"])).owner()] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [PROGRAM, *user, folder / "pgbouncer.ini"], stdout=log, stderr=subprocess.STDOUT
    )
    try:
        end = time.monotonic() + 60
        while b"listening" not in (folder / "log").read_bytes():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.02)
        yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}/{behind.database}"
    finally:
        process.terminate()
        process.wait()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)
