"""Each message has its lines, with one id from the webhook to the report, and nothing of a person in them."""

import json
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import pytest

from bot.conversation.message_lines import MessageLine, MessageLineLog, masked
from bot.operations.message_sink import message_log_of, write_json
from bot.operations.output_streams import Outlet
from tests.support.bots import PEER, Bot, heard, report, until
from tests.support.databases import Databases

KEYS = {
    "event",
    "message",
    "timestamp",
    "trace_id",
    "message_id",
    "conversation_id",
    "rule",
    "outcome",
    "ms",
    "peer",
}


class Lines:
    """What was written, as it would stand in the log."""

    def __init__(self) -> None:
        self.lines: list[MessageLine] = []

    def __call__(self, lines: Sequence[MessageLine]) -> None:
        self.lines += lines

    def of(self, event: str) -> list[MessageLine]:
        return [each for each in self.lines if each.event == event]


@pytest.fixture
async def talking(databases: Databases) -> AsyncIterator[Callable[..., tuple[Bot, Lines]]]:
    bots: list[Bot] = []

    def make(*, with_texts: bool) -> tuple[Bot, Lines]:
        lines = Lines()
        message_log = MessageLineLog(lines, with_texts=with_texts)
        bot = Bot(databases.migrated("sqlite"), message_log=message_log)
        bot.inbox._message_log = message_log
        bots.append(bot)
        return bot, lines

    yield make
    for bot in bots:
        await bot.stop()


async def converse(bot: Bot, lines: Lines) -> None:
    await bot.start()
    await bot.hear(heard("hours"))
    (reply,) = await bot.settled()
    await until(lambda: len(lines.of("message_sent")) == 1)
    assert reply.provider_message_id
    await bot.hear(report(reply.provider_message_id, peer=PEER))


async def test_one_id_goes_from_the_webhook_to_the_report(
    talking: Callable[..., tuple[Bot, Lines]],
) -> None:
    bot, lines = talking(with_texts=False)
    await converse(bot, lines)
    (received,), (sent,), (reported,) = (
        lines.of(event) for event in ("message_received", "message_sent", "message_reported")
    )
    inbound, reply = await bot.talk()
    assert received.message_id == received.trace_id == sent.trace_id == reported.trace_id == inbound.id
    assert sent.message_id == reported.message_id == reply.id
    assert {each.conversation_id for each in lines.lines} == {inbound.conversation_id}
    assert {each.rule for each in lines.lines} == {"hours"}
    assert (received.outcome, sent.outcome, reported.outcome) == ("answered", "sent", "delivered")
    assert all(each.ms is not None and each.ms >= 0 for each in lines.lines)
    again = heard("nothing of that")
    await bot.hear(again)
    assert lines.of("message_received")[-1].outcome == "no reply"
    count = len(lines.lines)
    await bot.hear(again)
    assert len(lines.lines) == count, "what comes again has no line"


async def test_numbers_are_masked_and_texts_left_out_unless_asked_for(
    talking: Callable[..., tuple[Bot, Lines]], capfd: pytest.CaptureFixture[str]
) -> None:
    for with_texts in (False, True):
        bot, lines = talking(with_texts=with_texts)
        await converse(bot, lines)
        capfd.readouterr()
        write_json(lines.lines)
        written = capfd.readouterr().err
        assert (PEER in written) is with_texts
        assert ("We are open." in written) is with_texts
        for line in map(json.loads, written.splitlines()):
            assert set(line) - {"text", "level"} == KEYS
            assert line["timestamp"].endswith("Z")
            assert (line["peer"] == PEER) is (with_texts and bool(line["peer"]))


def test_a_level_above_info_has_no_lines() -> None:
    assert message_log_of("json", "warning", with_texts=False).sink is None
    assert message_log_of("json", "info", with_texts=False).sink is not None


@pytest.mark.parametrize("number", [PEER, "12345", "ACME", "+33612345678", ""])
def test_a_masked_number_can_not_be_texted(number: str) -> None:
    assert sum(mark.isdigit() for mark in masked(number)) <= 4
    assert not number or number not in masked(number)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_lines_reach_an_output_of_either_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    line = MessageLine(
        "message_sent", "A message was sent", datetime.now(UTC), "t", "m", "c", "hours", "sent", 1.5, "+15…01"
    )
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as read, os.fdopen(writing, "w", encoding=encoding) as stream:
        monkeypatch.setattr("sys.stderr", Outlet(stream))
        write_json([line, line])
        assert [json.loads(read.readline())["peer"] for _ in range(2)] == ["+15…01", "+15…01"]


def test_a_line_costs_microseconds(capfd: pytest.CaptureFixture[str]) -> None:
    """A tenth of what the same line costs through structlog, or less."""
    now = datetime.now(UTC)
    line = MessageLine(
        "message_sent", "A message was sent", now, "t", "m", "c", "hours", "sent", 1.5, "+15…01"
    )
    start = time.process_time()
    for _ in range(2_000):
        write_json([line])
    spent = time.process_time() - start
    assert len(capfd.readouterr().err.splitlines()) == 2_000
    assert spent / 2_000 < 100e-6
