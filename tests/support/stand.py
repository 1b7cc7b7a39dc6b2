"""The stand on which the bot is put through faults: a bot, Azure as a process, and rules that know no pace."""

import json
import sys
from pathlib import Path
from typing import Self

import httpx
import msgspec

from tests.support.acs import connection_string
from tests.support.azure_model import Outcome, Progress, Setup, Texts
from tests.support.processes import ROOT, SECRET, Bot, Process, free_port
from tests.support.sockets import NO_AUTHORITIES
from tests.support.storm import Storm

#: What the phones say. One in nine gets a reply of its own; the others' can leave together.
TEXTS = [*["hours", "Are you open tomorrow?"] * 4, "order {n:06d}"]
RULES = """\
numbers: {numbers}
rules:
  - {{name: hours, when: {{keyword: hours}}, reply: We are open 9-18.}}
  - name: order
    when: {{pattern: 'order\\s+#?(?P<order>\\d{{4,8}})'}}
    reply: "Order {{{{ order }}}}: we are looking it up."
  - name: five
    when: {{keyword: five}}
    reply: [{five}]
  - {{name: anything-else, when: anything, reply: Say HOURS.}}
"""
#: One reply of five texts, two of them for this phone alone.
FIVE = ["1 of 5", "2 of 5 for {{ from }}", "3 of 5", "4 of 5 for {{ from }}", "5 of 5"]
#: The most that a rule file allows: lanes as good as without a pace.
UNPACED = 100_000


class Azure:
    """`tests.support.azure_model` as its starter holds it."""

    def __init__(self, folder: Path, setup: Setup) -> None:
        command = [sys.executable, "-m", "tests.support.azure_model", msgspec.json.encode(setup).decode()]
        self._process = Process(command, folder=folder, environ={"PYTHONPATH": str(ROOT)}, name="azure")
        self._port = int(self._process.wait_for(r"port (\d+)"))
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{self._port}", trust_env=False, verify=NO_AUTHORITIES, timeout=60
        )

    @property
    def connection_string(self) -> str:
        """What the bot is told."""
        return connection_string(self._port)

    def set_storm(self, storm: Storm) -> None:
        """The weather from now on."""
        self._http.put("/control/storm", content=msgspec.json.encode(storm)).raise_for_status()

    def text(self, texts: Texts) -> None:
        """Let phones text the bot."""
        self._http.post("/control/texts", content=msgspec.json.encode(texts)).raise_for_status()

    def progress(self) -> Progress:
        """What has happened so far."""
        return msgspec.json.decode(self._http.get("/control/progress").content, type=Progress)

    def outcome(self) -> Outcome:
        """Everything that was sent."""
        return msgspec.json.decode(self._http.get("/control/outcome").content, type=Outcome)

    def printed(self) -> str:
        """What the process said, which is nothing unless it is broken."""
        return self._process.printed()

    def close(self) -> None:
        """End it."""
        self._http.close()
        self._process.kill()


class Stand:
    """A folder with rules, an Azure that texts and answers the bot, and the bot or its replicas, not started yet.

    Use it as a context: all processes end with it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str | None = None,
        lanes: int = 1,
        texts: list[str] | None = None,
        connections: int = 64,
        pace: float = 1.0,
        batch: int = 1,
        seed: int = 0,
        replicas: int = 1,
        keeps_calls: bool = False,
        **environ: str,
    ) -> None:
        self.numbers = [f"+1555555{place:04d}" for place in range(lanes)]
        (folder / "rules").mkdir(parents=True)
        numbers = {number: {"per_minute": UNPACED} for number in self.numbers}
        (folder / "rules" / "rules.yaml").write_text(
            RULES.format(numbers=json.dumps(numbers), five=json.dumps(FIVE)[1:-1]), "utf-8"
        )
        ports = [free_port() for _ in range(replicas)]
        setup = Setup(
            webhook_ports=ports,
            secret=SECRET,
            numbers=self.numbers,
            texts=texts or TEXTS,
            connections=connections,
            pace=pace,
            batch=batch,
            seed=seed,
            keeps_calls=keeps_calls,
        )
        self.azure = Azure(folder, setup)
        self.bots = [
            Bot(
                folder,
                acs=self.azure.connection_string,
                database_url=database_url,
                hold=None,
                grace=None,
                check=None,
                gather=None,
                BOT_PORT=str(port),
                BOT_LOG_FORMAT="json",
                **environ,
            )
            for port in ports
        ]
        self.bot = self.bots[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for bot in self.bots:
                bot.close()
        finally:
            self.azure.close()
        assert "Traceback" not in self.azure.printed(), self.azure.printed()
