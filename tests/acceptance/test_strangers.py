"""What strangers cost a bot before they have shown who they are; and its log, its limits, its signals."""

import contextlib
import fcntl
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.operations.file_descriptors import raise_limit
from tests.support.acs import connection_string
from tests.support.events import a_number, received
from tests.support.folders import in_folder
from tests.support.processes import BOT, SECRET, Bot, Process, assert_no_fault, until
from tests.support.sockets import NO_AUTHORITIES

#: Bytes that an unread pipe holds here; 64 kB is usual.
PIPE = 4096


class Served(Bot):
    """A bot whose stdout and stderr may be anywhere."""

    def start_with(
        self, streams: tuple[int, int] | None = None, *, files: int | None = None, shell: str = ""
    ) -> "Served":
        """Start it, with these streams, or by a line of shell in which `"$@"` is the bot; it may open so many files."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self.environ["BOT_PORT"] = str(port)
        command = [*(("bash", "-c", shell, "bash") if shell else ()), *BOT, "serve"]
        self.process = Process(
            command, folder=self.folder, environ=self.environ, name="serve", streams=streams, files=files
        )
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(base_url=self.url, trust_env=False, verify=NO_AUTHORITIES, timeout=30)
        until(self.is_live, 30, "the bot")
        return self

    def is_live(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(httpx.TransportError):
            return self.http.get("/health/live").status_code == 200
        return False

    def memory(self) -> int:
        """The resident memory of the process, in MB."""
        assert self.process
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) // 1024

    def connect(self, raw: bytes) -> socket.socket:
        """A stranger who says something and stays."""
        host, port = self.url.removeprefix("http://").split(":")
        stranger = socket.create_connection((host, int(port)), timeout=10)
        with contextlib.suppress(OSError):
            stranger.sendall(raw)
        return stranger


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    bot = Served(in_folder(tmp_path / "bot"), acs=connection_string(1))
    yield bot
    bot.close()


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc and writes to /dev/full")


def test_held_requests_of_strangers_cost_no_memory_and_half_sent_ones_no_event(served: Served) -> None:
    """60 held logins of 9 MB took 691 MB; as many half-sent requests as there are descriptors took the last one."""
    assert raise_limit() > 1_000, "this test holds 760 connections itself"
    served.start_with(files=512)
    served.process.wait_for("(The system lets this process open few files)")  # type: ignore[union-attr]
    served.post([received(a_number(), text="hours")])
    before = served.memory()
    large = b"token=" + b"x" * 9_000_000
    heads = [
        "POST /console/login HTTP/1.1\r\nContent-Length: 9000007\r\n",
        "POST /console/login HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
        "POST /events?code=wrong HTTP/1.1\r\nContent-Length: 9000007\r\n",
        "POST /console/rules/shop.yaml HTTP/1.1\r\nContent-Length: 9000007\r\n",
    ]
    held = []
    for place in range(24):
        head = heads[place % len(heads)]
        form = "Host: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"
        body = b"895446\r\n" + large if "chunked" in head else large
        held.append(served.connect((head + form).encode() + body))
    assert served.memory() - before < 64
    held += [served.connect(b"POST /console/login HTTP/1.1\r\nHost: x\r\n") for _ in range(550)]
    held += [served.connect(b"POST /console/login HTTP/1.1\r\nContent-Length: 9\r\n\r\n") for _ in range(186)]
    for _ in range(20):
        with httpx.Client(
            base_url=served.url, trust_env=False, verify=NO_AUTHORITIES, timeout=10
        ) as stranger_to_the_pool:
            answer = stranger_to_the_pool.post(
                f"/events?code={SECRET}", json=[received(a_number(), text="hours")]
            )
        assert answer.status_code == 200
    assert served.memory() - before < 96
    for stranger in held:
        stranger.close()
    assert served.stop() == 0
    printed = served.process.printed()  # type: ignore[union-attr]
    assert "the oldest that bring nothing are dropped" in printed
    assert_no_fault(printed)
    assert '"level": "error"' not in printed.replace("ACS", "")


@pytest.mark.parametrize("log", ["closed", "full", "a pipe"])
def test_a_log_that_nobody_can_write_to_or_reads_keeps_no_bot_from_its_work(served: Served, log: str) -> None:
    """Closed; full; stdout's reader has left and stderr's does not read."""
    with contextlib.ExitStack() as ending:
        if log == "closed":
            served.start_with(shell='exec "$@" >&- 2>&- <&-')
        elif log == "full":
            full = ending.enter_context(Path("/dev/full").open("wb")).fileno()
            served.start_with((full, full))
        else:
            (left, out), (unread, err) = os.pipe(), os.pipe()
            fcntl.fcntl(err, fcntl.F_SETPIPE_SZ, PIPE)
            os.close(left)
            ending.callback(os.close, unread)
            served.start_with((out, err))
            os.close(out)
            os.close(err)
        work_and_end(served, closed=log == "closed")


def work_and_end(served: Served, *, closed: bool) -> None:
    assert served.process
    if closed:  # the next file opened would be stderr, and somebody's warning would be written into it
        for descriptor in range(3):
            assert str(Path(f"/proc/{served.process.pid}/fd/{descriptor}").readlink()) == "/dev/null"
    # Each is a log line of 300 characters and more.
    for _ in range(2 * PIPE // 300):
        assert served.http.post("/events?code=wrong", headers={"aeg-x": "y" * 200}).status_code == 401
    assert served.post([received(a_number(), text="hours")]).json() == {"received": 1}
    served.process.send_signal(signal.SIGHUP)
    assert served.is_live()
    assert served.stop() == 0


def test_a_hangup_reads_the_rules_again_and_never_ends_the_bot(served: Served) -> None:
    process = served.launch()
    until(lambda: _ignores_hangups(process.pid))
    process.send_signal(signal.SIGHUP)  # while it starts
    url = process.wait_for(r"Listening on (http://\S+);")
    for count in (1, 2):
        process.send_signal(signal.SIGHUP)
        until(lambda count=count: process.printed().count("The rules were read again") == count)  # type: ignore[misc]
    rules = served.folder / "rules" / "rules.yaml"
    rules.write_text(rules.read_text().replace("9-18", "10-17"))
    process.send_signal(signal.SIGHUP)
    process.wait_for("()The rules took effect")
    rules.write_text("rules: [")
    process.send_signal(signal.SIGHUP)
    process.wait_for("()the book before stays in force")
    assert httpx.get(f"{url}/health/live", trust_env=False, verify=NO_AUTHORITIES).status_code == 200
    assert served.stop() == 0


def _ignores_hangups(pid: int) -> bool:
    ignored = Path(f"/proc/{pid}/status").read_text().partition("SigIgn:")[2].split()[0]
    return bool(int(ignored, 16) & 1)


def test_the_limit_of_descriptors_is_raised_as_far_as_it_may_be() -> None:
    script = (
        "import resource; from bot.operations.file_descriptors import raise_limit;"
        "print(raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    done = subprocess.run(
        ["bash", "-c", 'ulimit -Sn 256; ulimit -Hn 900; exec "$@"', "bash", sys.executable, "-c", script],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert hard >= 900
    assert done.stdout.split() == ["900", "900", "900"]
