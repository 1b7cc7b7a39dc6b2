"""Writes the lines of messages to stderr: as JSON in one go, or through the usual log where people read it.

Such a line costs a twentieth of one that goes through structlog, and there are three for each message.
"""

import sys
from collections.abc import Sequence
from typing import Literal

import msgspec
import structlog

from bot.conversation.message_lines import MessageLine, MessageLineLog, MessageSink
from bot.operations.logs import is_for_people
from bot.operations.output_streams import Outlet

log = structlog.get_logger(__name__)

_encoder = msgspec.json.Encoder()


def message_log_of(
    log_format: Literal["console", "json"] | None, level: str, *, with_texts: bool
) -> MessageLineLog:
    """The log of messages as the settings want it; with a level above `info` there is none."""
    if level not in ("debug", "info"):
        return MessageLineLog()
    return MessageLineLog(
        write_for_people if is_for_people(log_format) else write_json, with_texts=with_texts
    )


def with_sink(message_log: MessageLineLog, sink: MessageSink) -> MessageLineLog:
    """A log whose lines go to this sink, too."""
    first = message_log.sink

    def both(lines: Sequence[MessageLine]) -> None:
        if first is not None:
            first(lines)
        sink(lines)

    return message_log.with_sink(both)


def write_json(lines: Sequence[MessageLine]) -> None:
    """One JSON object a line."""
    encoded, stream = _encoder.encode_lines(lines), sys.stderr
    if isinstance(stream, Outlet):
        stream.write_utf8(encoded)
    else:
        stream.write(encoded.decode())


def write_for_people(lines: Sequence[MessageLine]) -> None:
    """A sentence and what it is about."""
    for line in lines:
        fields = msgspec.structs.asdict(line)
        shown = {
            name: value
            for name, value in fields.items()
            if name not in ("event", "message", "timestamp", "level", "trace_id")
            and value not in (None, msgspec.UNSET)
        }
        log.info(line.message, action=line.event, **shown)
