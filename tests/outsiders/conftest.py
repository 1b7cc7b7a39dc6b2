"""A bot and a sandbox as processes, and a recorder between them."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.outsiders import Recorder, Town
from tests.support.processes import BOT, SECRET, Bot, Process, assert_no_fault, free_port
from tests.support.sockets import NO_AUTHORITIES

RULES = """\
rules:
  - name: hours
    when: {keyword: hours}
    reply: We are open 9-18.
  - name: order
    when: {pattern: 'order (?P<number>\\d+)'}
    reply:
      - "Order {{ number }}: we are looking it up. 👍"
      - Reply HELP to talk to a person.
  - name: anything-else
    when: anything
    reply: Say HOURS.
"""


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    recorder = Recorder()
    port = free_port()
    webhook = f"http://127.0.0.1:{port}/events?code={SECRET}"
    command = [*BOT, "sandbox", "--port", "0", "--webhook", webhook]
    sandbox = Process(command, folder=tmp_path_factory.mktemp("sandbox"), environ={})
    folder = tmp_path_factory.mktemp("bot")
    (folder / "rules").mkdir()
    (folder / "rules" / "rules.yaml").write_text(RULES, "utf-8")
    connection = sandbox.wait_for(r"BOT_ACS_CONNECTION_STRING=(\S+)")
    address, key = connection.removeprefix("endpoint=").split(";accesskey=")
    parts = urlsplit(address)
    recorder.upstream = (str(parts.hostname), int(parts.port or 0))
    bot = Bot(folder, acs=f"endpoint={recorder.url};accesskey={key}", BOT_PORT=str(port)).start()
    with httpx.Client(base_url=address, trust_env=False, verify=NO_AUTHORITIES, timeout=120) as http:
        yield Town(bot, http, recorder)
    assert bot.stop() == 0
    bot.close()
    assert sandbox.terminate() == 0, sandbox.printed()
    assert_no_fault(sandbox.printed())
    recorder.close()
