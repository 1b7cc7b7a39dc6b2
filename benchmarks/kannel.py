"""Kannel as a contestant: Debian's `kannel` and `kannel-extras`, with a file store and 20 keyword services."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from texts import KEYWORDS, reply_of

FAKESMSC = Path("/usr/lib/kannel/test/fakesmsc")
#: Its processes are in /usr/sbin, which not everybody has in the path.
_PATH = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"

_CONFIGURATION = """\
group = core
admin-port = {admin}
admin-password = benchmark
smsbox-port = {smsbox}
store-type = file
store-location = {folder}/store
log-file = {folder}/bearerbox.log
log-level = 3

group = smsc
smsc = fake
smsc-id = FAKE
port = {smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
global-sender = 13013
log-file = {folder}/smsbox.log
log-level = 3
"""
_SERVICE = """
group = sms-service
keyword = {word}
text = "{reply}"
"""


def missing() -> str | None:
    """A sentence when Kannel is not installed."""
    if shutil.which("bearerbox", path=_PATH) and FAKESMSC.exists():
        return None
    return "Kannel is left out: it is not installed (apt-get install --no-install-recommends kannel kannel-extras)."


class Kannel:
    """bearerbox and smsbox; each run has a fakesmsc of its own, which sends the texts and gets the replies."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        port = random.randrange(30_000, 31_000)
        self._smsc = port + 2
        configuration = folder / "kannel.conf"
        configuration.write_text(
            _CONFIGURATION.format(folder=folder, admin=port, smsbox=port + 1, smsc=port + 2, sendsms=port + 3)
            + "".join(_SERVICE.format(word=word, reply=reply_of(word)) for word in KEYWORDS)
        )
        self._processes = []
        for name, waits_for in (("bearerbox", port + 2), ("smsbox", port + 3)):
            program = shutil.which(name, path=_PATH) or name
            self._processes.append(
                subprocess.Popen(
                    [program, str(configuration)], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            )  # fmt: skip
            _wait_for_port(waits_for)
        time.sleep(1)  # smsbox has a connection to bearerbox

    def measure(self, count: int) -> float:
        """Messages a second, from the first text to the last reply."""
        texts = [f"1555{place} 13013 text {word}" for place, word in enumerate(KEYWORDS)]
        command = [
            str(FAKESMSC),
            "-H",
            "127.0.0.1",
            "-r",
            str(self._smsc),
            "-i",
            "0",
            "-m",
            str(count),
            "-v",
            "1",
        ]
        process = subprocess.Popen(
            [*command, *texts], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        began = 0.0
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "fakesmsc starting" in line:
                    began = time.monotonic()
                elif re.search(rf"Got message {count}:", line):
                    return count / (time.monotonic() - began)
            raise SystemExit("Kannel's fakesmsc ended before the last reply")
        finally:
            process.kill()
            process.wait()

    def close(self) -> None:
        """End both."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_port(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"Kannel did not come up on port {port}")
