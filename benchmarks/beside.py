"""No benchmark: what else a bot does while `reply_time.py` measures it."""

import http.client
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from contestants import ADMIN, TREE, BotProcess

#: More rules than the twenty that are asked for, so that reading them is work.
MORE_RULES: Final = "".join(
    f"  - {{name: more-{place}, when: {{keyword: more{place}}}, reply: 'This is number {place}.'}}\n"
    for place in range(2_000)
)
#: Seconds between two saves of the rules; at most between two looks of an open page at what has changed.
_SAVED_EVERY, _LONGEST_REST = 1.0, 0.5

_PAGE: Final = "/console/conversations"

Beside = Callable[[BotProcess, Path, threading.Event], None]


@contextmanager
def going_on(what: str, bot: BotProcess, folder: Path) -> Iterator[None]:
    """Have this go on, in a thread or a process of its own, for as long as the block; `folder` is the bot's."""
    over = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            BESIDE[what](bot, folder, over)
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits for this one
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failed:
        raise failed[0]


def _show_a_page(bot: BotProcess, _folder: Path, over: threading.Event) -> None:
    """A page of the console is open: it hears what has changed, and has it shown."""
    cookie = _log_in(bot.port)
    shown = _get(bot.port, _PAGE, cookie)
    topics = " ".join(sorted(set(" ".join(re.findall(r'data-live="([^"]+)"', shown)).split())))
    mark = re.search(r'data-mark="([^"]*)"', shown)
    assert topics, "the page shows nothing live"
    assert mark
    stream = http.client.HTTPConnection("127.0.0.1", bot.port, timeout=30)
    stream.request("GET", "/console/live?" + urlencode({"topics": topics, "since": mark[1]}), headers=cookie)
    lines = stream.getresponse()
    assert lines.status == 200, lines.status
    while not over.is_set():
        if lines.readline().startswith(b"event: changed"):
            began = time.monotonic()
            _get(bot.port, _PAGE, cookie)
            over.wait(min(time.monotonic() - began, _LONGEST_REST))  # as the page's script does
    stream.close()


def _save_the_rules(_bot: BotProcess, folder: Path, over: threading.Event) -> None:
    """The rules are saved, with a remark more, each second."""
    file = folder / "rules" / "rules.yaml"
    text = file.read_text()
    number = 0
    while not over.wait(_SAVED_EVERY):
        number += 1
        draft = file.with_suffix(".new")
        draft.write_text(f"{text}# Saved {number} times.\n")
        draft.rename(file)


def _purge(_bot: BotProcess, folder: Path, over: threading.Event) -> None:
    """What is older than 30 days is removed."""
    _command(folder, over, "db", "purge", "--older-than", "30d")


def _back_up(_bot: BotProcess, folder: Path, over: threading.Event) -> None:
    """A backup is made, and another one as soon as it is there."""
    while not over.is_set():
        _command(folder, over, "db", "backup", str(folder / "backup.db"), "--replace")


def _command(folder: Path, over: threading.Event, *arguments: str) -> None:
    """A command of the bot's; it is ended where it outlasts what is measured."""
    environment = {**os.environ, "BOT_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/bot.db"}
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments],
        env=environment, cwd=TREE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while process.poll() is None and not over.wait(0.05):
        pass
    if process.poll() is None:
        process.terminate()
        process.communicate()
    elif process.returncode:
        raise SystemExit(f"bot {' '.join(arguments)} failed: {process.communicate()[1]}")


def _log_in(port: int) -> dict[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/console/login", body=urlencode({"token": ADMIN}), headers=form)
    answer = connection.getresponse()
    assert answer.status == 303, answer.read()
    return {"Cookie": "; ".join(each.partition(";")[0] for each in answer.headers.get_all("Set-Cookie", []))}


def _get(port: int, path: str, headers: dict[str, str]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.status == 200, (path, answer.status)
    connection.close()
    return text


BESIDE: Final[dict[str, Beside]] = {
    "console": _show_a_page,
    "reload": _save_the_rules,
    "purge": _purge,
    "backup": _back_up,
}
