"""Log lines are one JSON object each, or readable text, and obey nobody's control characters."""

import ast
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = """
import logging, sys, structlog
from bot.operations.logs import configure_logs
configure_logs(sys.argv[1] or None)
log = structlog.get_logger("bot.test")
log.info("Heard", action="text_heard", text="red \\x1b[31m alert \\u202e \\n next")
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
    assert (heard["event"], heard["message"]) == ("text_heard", "Heard")
    assert "action" not in heard
    assert (broken["event"], broken["message"]) == ("bot_test", "Broken"), (
        "a line without a name has its module's"
    )
    assert heard["text"] == "red \x1b[31m alert \u202e \n next"
    assert (heard["level"], heard["logger"]) == ("info", "bot.test")
    assert heard["timestamp"].endswith("Z")
    assert (trouble["event"], trouble["message"]) == ("azure.core", "trouble")
    assert "ZeroDivisionError" in broken["exception"]


def test_for_people_control_characters_are_shown_and_not_obeyed() -> None:
    text = "\n".join(lines("console"))
    assert "Heard" in text
    assert "text_heard" not in text
    assert "\x1b[31m alert" not in text
    assert "\u202e" not in text
    assert "chatter" not in text
    assert "ZeroDivisionError" in text


LEAKS = """
import asyncio, logging, sys, structlog
from bot.operations.logs import configure_logs
_, log_format, TEXT, NUMBER = sys.argv
configure_logs(log_format or None)
log = structlog.get_logger("bot.test")
def fail(text, number):
    token = text
    try:
        raise KeyError(number)
    except KeyError as error:
        raise ValueError(f"can't store {text!r}") from error
try:
    fail(TEXT, NUMBER)
except ValueError as error:
    log.error("Broken", exc_info=error)
try:
    raise ExceptionGroup("of " + TEXT, [ValueError(TEXT)])
except ExceptionGroup:
    log.exception("Broken")
async def leave():
    asyncio.get_running_loop().create_task(late())
    await asyncio.sleep(0)
async def late():
    fail(TEXT, NUMBER)
asyncio.run(leave())
"""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_says_where_and_never_what(log_format: str) -> None:
    """The words of an error, and the variables of the frames, are texts and numbers of people."""
    # Given as arguments: from 3.13 on a traceback shows the lines of `-c`, too, and those are code.
    done = subprocess.run(
        [sys.executable, "-c", LEAKS, log_format, "my secret", "+15555550101"],
        capture_output=True,
        text=True,
        check=True,
    )
    for word in ("ValueError", "KeyError", "ExceptionGroup", "in fail"):
        assert word in done.stderr
    assert done.stderr.count("Traceback") >= 3
    for word in ("my secret", "15555550101"):
        assert word not in done.stderr


SOURCE = Path(__file__).parents[2] / "bot"
LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})


def log_calls() -> Iterator[tuple[str, str | None]]:
    """Where each log call of the bot stands, and its action as it is written."""
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text()
        if "import structlog" not in text:  # the sandbox has loggers of the standard library
            continue
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
                and node.func.attr in LEVELS
            ):
                action = next((each.value for each in node.keywords if each.arg == "action"), None)
                place = f"{path.relative_to(SOURCE)}:{node.lineno}"
                yield place, None if action is None else ast.unparse(action)


def test_each_log_call_names_what_happened_and_no_two_the_same() -> None:
    calls = list(log_calls())
    assert len(calls) > 40
    assert [place for place, action in calls if action is None] == []
    counts = Counter(action for _, action in calls)
    assert {action for action, count in counts.items() if count > 1} == set()
