"""Log lines are one JSON object each, or readable text, and obey nobody's control characters."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import logging, sys, structlog
from bot.operations.logs import configure_logs
configure_logs(sys.argv[1] or None)
log = structlog.get_logger("bot.test")
log.info("Heard", text="red \\x1b[31m alert \\u202e \\n next")
log.debug("not for everybody")
logging.getLogger("azure.core").info("chatter")
logging.getLogger("azure.core").warning("trouble")
try:
    1 / 0
except ZeroDivisionError as error:
    log.error("Broken", exc_info=error)
"""


def lines(log_format: str) -> list[str]:
    """What a process with this setting writes; its stderr is no terminal."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, log_format], capture_output=True, text=True, check=True
    )
    assert done.stdout == "", "stdout belongs to answers"
    return done.stderr.splitlines()


@pytest.mark.parametrize("log_format", ["json", ""])
def test_where_no_one_watches_each_line_is_a_json_object(log_format: str) -> None:
    heard, trouble, broken = map(json.loads, lines(log_format))
    assert heard["event"] == "Heard"
    assert heard["text"] == "red \x1b[31m alert \u202e \n next"
    assert (heard["level"], heard["logger"]) == ("info", "bot.test")
    assert heard["timestamp"].endswith("Z")
    assert (trouble["event"], trouble["logger"]) == ("trouble", "azure.core")
    assert "ZeroDivisionError" in broken["exception"]


def test_for_people_control_characters_are_shown_and_not_obeyed() -> None:
    text = "\n".join(lines("console"))
    assert "Heard" in text
    assert "\x1b[31m alert" not in text
    assert "\u202e" not in text
    assert "chatter" not in text
    assert "ZeroDivisionError" in text


LEAKS = """
import asyncio, logging, sys, structlog
from bot.operations.logs import configure_logs
configure_logs(sys.argv[1] or None)
log = structlog.get_logger("bot.test")
def fail(text, number):
    token = text
    try:
        raise KeyError(number)
    except KeyError as error:
        raise ValueError(f"can't store {text!r}") from error
try:
    fail("my secret", "+15555550101")
except ValueError as error:
    log.error("Broken", exc_info=error)
try:
    raise ExceptionGroup("of my secret", [ValueError("my secret")])
except ExceptionGroup:
    log.exception("Broken")
async def leave():
    asyncio.get_running_loop().create_task(late())
    await asyncio.sleep(0)
async def late():
    fail("my secret", "+15555550101")
asyncio.run(leave())
"""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_says_where_and_never_what(log_format: str) -> None:
    """The words of an error, and the variables of the frames, are texts and numbers of people."""
    done = subprocess.run(
        [sys.executable, "-c", LEAKS, log_format], capture_output=True, text=True, check=True
    )
    for word in ("ValueError", "KeyError", "ExceptionGroup", "in fail"):
        assert word in done.stderr
    assert done.stderr.count("Traceback") >= 3
    for word in ("my secret", "15555550101"):
        assert word not in done.stderr
