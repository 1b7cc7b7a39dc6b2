"""What the benchmarks of the whole path let run: our bot, and its peers, each on a folder and a port of its own."""

import http.client
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from intake import SECRET, wait_until_up
from texts import KEYWORDS, number_of, reply_of

HERE = Path(__file__).parent
TREE = HERE.parent
ADMIN = "the-admin-of-the-benchmark"
#: SMS a minute that a number of ours sends: the most that rules take.
PER_MINUTE = 100_000


def cpu_of(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    used = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            used += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
    return used / 1e9


def free_port() -> int:
    """A port below those of outgoing connections: who looks for a server there never meets themselves."""
    return random.randrange(20_000, 30_000)


def memory_of(pid: int) -> float:
    """MiB of memory that a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


class AcsStandIn:
    """`acs_stand_in.py` as a process."""

    def __init__(self, reports: int | None = None) -> None:
        """`reports`: the port of the bot that is to have delivery reports."""
        self.reports = reports is not None
        command = [sys.executable, str(HERE / "acs_stand_in.py")]
        if reports:
            command += ["--reports", f"http://127.0.0.1:{reports}/events?code={SECRET}"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def connection_string(self) -> str:
        """What a sender is told."""
        return f"endpoint=http://127.0.0.1:{self.port};accesskey=c2VjcmV0"

    def ask(self, path: str, method: str = "GET", patience: float = 300) -> Any:
        """Ask it something."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        connection.request(method, path)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


class BotProcess:
    """`bot serve` of a tree, on SQLite with full synchronisation, with 20 rules and no pace."""

    def __init__(
        self,
        folder: Path,
        port: int,
        acs: str,
        tree: Path = TREE,
        *,
        more_rules: str = "",
        numbers: int = 1,
        **environ: str,
    ) -> None:
        """`more_rules`: more lines of the rule file. `numbers`: of ours. A `bot.db` in the folder is taken up."""
        rules = folder / "rules"
        rules.mkdir(parents=True)
        ours = ", ".join(f"'{number_of(place)}': {{per_minute: {PER_MINUTE}}}" for place in range(numbers))
        lines = [f"numbers: {{{ours}}}", "rules:"]
        lines += [
            f"  - {{name: {word}, when: {{keyword: {word}}}, reply: '{reply_of(word)}'}}" for word in KEYWORDS
        ]
        (rules / "rules.yaml").write_text("\n".join(lines) + f"\n{more_rules}")
        environment = {
            **os.environ,
            "BOT_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/bot.db",
            "BOT_RULES": str(rules),
            "BOT_PORT": str(port),
            "BOT_WEBHOOK_SECRETS": SECRET,
            "BOT_ADMIN_TOKEN": ADMIN,
            "BOT_QUEUE_LIMIT": "100000000",
            "BOT_ACS_CONNECTION_STRING": acs,
            **environ,
        }
        python = tree / ".venv/bin/python"
        self.port = port
        began = time.monotonic()
        self._log = (folder / "log").open("w")
        self._process = subprocess.Popen(
            [str(python if python.exists() else sys.executable), "-m", "bot", "serve"],
            env=environment, stdout=self._log, stderr=self._log, cwd=tree,
        )  # fmt: skip
        wait_until_up(port)
        wait_until_up(port, "/health/ready")
        #: Seconds from the process's start until it is ready.
        self.start_seconds = time.monotonic() - began

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)
        self._log.close()


class Generator:
    """`texts.py` as a process: built and ready when it is made."""

    def __init__(
        self,
        *ports: int,
        first: int,
        count: int,
        batch: int,
        connections: int,
        rate: float = 0,
        numbers: int = 1,
    ) -> None:
        command = [sys.executable, str(HERE / "texts.py"), "--port", *map(str, ports), "--first", str(first),
                   "--count", str(count), "--batch", str(batch), "--connections", str(connections),
                   "--numbers", str(numbers)]  # fmt: skip
        if rate:
            command += ["--rate", str(rate)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise SystemExit("the generator could not start")

    def start(self) -> None:
        """Post."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def result(self) -> dict[str, Any]:
        """When it began and ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self._process.wait()
        if not line:
            raise SystemExit("the generator failed")
        return json.loads(line)  # type: ignore[no-any-return]


def pause(seconds: float) -> None:
    """Let what still writes come to rest."""
    time.sleep(seconds)
