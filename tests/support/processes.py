"""The bot, and what it leans on, as processes of their own: started, waited for, killed and ended by tests."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx
from filelock import FileLock

from tests.support.forked import PRELOADED, Forked, fork, may_fork
from tests.support.sockets import NO_AUTHORITIES, SHORT_LIVED

ROOT = Path(__file__).resolve().parents[2]
BOT = (sys.executable, "-m", "bot")
#: What a process that is forked takes from its variables, too: what is read when the bot starts, or later.
_TAKEN = (
    "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", PRELOADED, "FAILING_DISK",
    "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_BSP_SCHEDULE_DELAY",
    "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "SSL_CERT_FILE", "NO_PROXY",
)  # fmt: skip

SECRET = "the-secret-of-the-subscription"
OLD_SECRET = "the-secret-before-it"
ADMIN = {"Authorization": "Bearer admin-of-the-tests"}
VIEWER = {"Authorization": "Bearer viewer-of-the-tests"}

Found = TypeVar("Found")


def until(look: Callable[[], Found], seconds: float = 120, what: str = "what is waited for") -> Found:
    """What `look` finds, as soon as it finds something true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds:g} s")
        pause(deadline - seconds)
    return found


def pause(began: float, shortest: float = 0.02) -> None:
    """Wait before the next look, which itself takes time of the bot: for a tenth of what has been waited already."""
    time.sleep(min(max(shortest, (time.monotonic() - began) / 10), 0.2))


#: Below those that the system gives to connections, one of which could take a port before its owner starts.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A port that nothing listens on, for who must know it before its owner starts; each time another one."""
    last = Path(tempfile.gettempdir()) / f"sms-keyword-bot-tests-port-{os.getuid()}"
    with FileLock(f"{last}.lock"):
        place = int(last.read_text() or 0) if last.exists() else 0
        while True:
            place = (place + 1) % len(_PORTS)
            last.write_text(str(place))
            with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", _PORTS[place])):
                return _PORTS[place]


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without settings of the person who runs the tests, and with these."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("BOT_")}
    mine.pop("PYTHONDONTWRITEBYTECODE", None)  # or every process would compile all of `bot` anew
    return mine | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "COLUMNS": "200"} | dict(environ)


def start(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    out: int,
    err: int,
    *,
    files: int | None = None,
    without: Sequence[str] = (),
) -> Forked | subprocess.Popen[bytes]:
    """Start a command that writes to the files `out` and `err`: a module is forked, which is much quicker.

    Not with variables that are not the bot's own, as libraries read theirs when they are imported. It may open so many
    `files`, and is `without` some rights of root's.
    """
    env = environment(environ)
    plain = all(name.startswith("BOT_") or name in _TAKEN for name in environ)
    with Path(os.devnull).open("rb") as nothing:
        if may_fork() and tuple(command[:2]) == (sys.executable, "-m") and plain:
            streams = (nothing.fileno(), out, err)
            return fork(
                command[2], command[3:], cwd=folder, env=env, streams=streams, files=files, without=without
            )
        if without:
            laid_down = ",".join(f"-{each}" for each in without)
            command = ["setpriv", f"--bounding-set={laid_down}", f"--inh-caps={laid_down}", *command]
        if files:
            command = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
        return subprocess.Popen(command, cwd=folder, env=env, stdin=nothing, stdout=out, stderr=err)


class Process:
    """A command that runs until it is told to end; what it prints goes to a file."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environ: Mapping[str, str],
        name: str | None = None,
        streams: tuple[int, int] | None = None,
        files: int | None = None,
    ) -> None:
        self.log = folder / f"{name or Path(command[-1]).stem}-{uuid4().hex[:8]}.log"
        with self.log.open("wb") as log:
            out, err = streams or (log.fileno(), log.fileno())
            self._process = start(command, folder, environ, out, err, files=files)
        self.pid = self._process.pid

    def printed(self) -> str:
        """Everything so far, stdout and stderr."""
        return self.log.read_text("utf-8", "replace")

    def wait_for(self, pattern: str, seconds: float = 60) -> str:
        """The first group of a pattern, once the command has printed it."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.printed())):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{pattern!r} was not printed, but:\n{self.printed()}")
            pause(deadline - seconds)
        return found[1]

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait(self, seconds: float = 60) -> int:
        """Its exit status, once it has ended."""
        return self._process.wait(seconds)

    def terminate(self, seconds: float = 60, *, number: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit status."""
        self.send_signal(number)
        return self.wait(seconds)

    def kill(self) -> None:
        """End it in the midst of whatever it does (SIGKILL). Does nothing to one that has ended."""
        self._process.kill()
        self._process.wait(60)


def assert_no_fault(printed: str) -> None:
    """Whatever a person may meet, it is neither a traceback nor an error that nobody thought of."""
    assert "Traceback" not in printed, printed
    assert "A fault of the bot's own" not in printed, printed


def run_bot(
    *arguments: str, folder: Path, environ: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command of `bot` to its end."""
    command = [*BOT, *arguments]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start(command, folder, environ or {}, out.fileno(), err.fileno(), without=without)
        try:
            status = process.wait(120)
        finally:
            process.kill()
        for file in (out, err):
            file.seek(0)
        done = subprocess.CompletedProcess(command, status, out.read().decode(), err.read().decode())
    assert_no_fault(done.stderr)
    return done


class Bot:
    """A `bot serve` in a folder of its own: its settings, its process, and an HTTP client for it."""

    def __init__(
        self,
        folder: Path,
        *,
        acs: str,
        database_url: str | None = None,
        hold: float | None = None,
        grace: int | None = None,
        check: float | None = None,
        gather: float | None = None,
        **environ: str,
    ) -> None:
        self.folder = folder
        #: Seconds that it holds a request that can't be stored, that what runs gets at its end, that a check of rules
        #: takes more, and that alarms are gathered, where a test need not wait as long as people must.
        limits = {"hold": hold, "grace": grace, "check": check, "gather": gather}
        self.limits = {name: each for name, each in limits.items() if each is not None}
        self.environ = {
            "BOT_PORT": "0",
            "BOT_DATABASE_URL": database_url or f"sqlite+aiosqlite:///{folder / 'bot.db'}",
            "BOT_ACS_CONNECTION_STRING": acs,
            "BOT_WEBHOOK_SECRETS": f"{SECRET},{OLD_SECRET}",
            "BOT_ADMIN_TOKEN": ADMIN["Authorization"].removeprefix("Bearer "),
            "BOT_VIEWER_TOKEN": VIEWER["Authorization"].removeprefix("Bearer "),
        } | environ
        self.process: Process | None = None
        self.url = ""
        self.http = httpx.Client(trust_env=False, verify=NO_AUTHORITIES, timeout=120)

    def launch(self) -> Process:
        """Start it, and do not wait until it is up."""
        command, environ = [*BOT, "serve"], self.environ
        if self.limits:
            command = [sys.executable, "-m", "tests.support.limited_bot", json.dumps(self.limits), "serve"]
            environ = environ | {"PYTHONPATH": str(ROOT)}
        self.process = Process(command, folder=self.folder, environ=environ)
        return self.process

    def start(self) -> Self:
        """Start it; when this returns it takes events."""
        self.url = self.launch().wait_for(r"Listening on (http://\S+);")
        self.http.close()  # connections to an earlier process
        self.http = httpx.Client(
            base_url=self.url, trust_env=False, verify=NO_AUTHORITIES, timeout=120, limits=SHORT_LIVED
        )
        return self

    def kill(self) -> None:
        """Kill -9."""
        assert self.process
        self.process.kill()

    def stop(self, seconds: float = 60) -> int:
        """SIGTERM; its exit status."""
        assert self.process
        return self.process.terminate(seconds)

    def close(self) -> None:
        """Leave nothing behind. A bot that let an unexpected failure show fails its test here."""
        self.http.close()
        if self.process is not None:
            self.process.kill()
            assert_no_fault(self.process.printed())

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of `bot`, with the same settings."""
        return run_bot(*arguments, folder=self.folder, environ=self.environ)

    def post(self, body: Any, *, secret: str = SECRET, **options: Any) -> httpx.Response:
        """Post events as Event Grid does."""
        content = body if isinstance(body, bytes | str) else None
        return self.http.post(
            "/events",
            params={"code": secret},
            content=content,
            json=None if content is not None else body,
            headers={"aeg-event-type": "Notification"} | options.pop("headers", {}),
            **options,
        )

    def get(self, path: str, **params: Any) -> Any:
        """What the API answers, 200 taken for granted."""
        answer = self.http.get(f"/api{path}", params=params, headers=VIEWER)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def conversation(self, peer: str) -> dict[str, Any]:
        """The one conversation with a peer."""
        (found,) = self.get("/conversations", peer=peer)["items"]
        return dict(found)

    def messages(self, peer: str) -> list[dict[str, Any]]:
        """What a peer and the bot said to each other, oldest first; nothing when they never met."""
        items = self.get("/conversations", peer=peer)["items"]
        return [
            message
            for found in items
            for message in self.get(f"/conversations/{found['id']}/messages", limit=200)["items"]
        ]

    def replies(self, peer: str) -> list[dict[str, Any]]:
        """What the bot said to a peer, oldest first."""
        return [message for message in self.messages(peer) if message["direction"] == "outbound"]

    def replies_when(self, peer: str, status: str, seconds: float = 60) -> list[dict[str, Any]]:
        """What the bot said to a peer, once all of it is in this state."""
        return self._replies_once(peer, lambda reply: reply["status"] == status, seconds)

    def replies_when_settled(self, peer: str, seconds: float = 60) -> list[dict[str, Any]]:
        """What the bot said to a peer, once none of it waits to be sent."""
        return self._replies_once(peer, lambda reply: reply["status"] != "queued", seconds)

    def _replies_once(
        self, peer: str, holds: Callable[[dict[str, Any]], bool], seconds: float
    ) -> list[dict[str, Any]]:
        deadline = time.monotonic() + seconds
        while not (replies := self.replies(peer)) or not all(map(holds, replies)):
            if time.monotonic() > deadline:
                raise AssertionError(f"After {seconds:g} s there is {replies}")
            pause(deadline - seconds, 0.05)
        return replies
