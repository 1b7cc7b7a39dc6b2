"""OpenTelemetry: a trace for each message that comes, from the webhook to the report of its reply.

A trace is made of the log's lines, once what they tell of is stored, and its ids are those of the messages: a UUID has
the 128 bits of a trace's id, and the last 64 of them tell spans apart. So nothing has to be handed from part to part
or kept, and a report that comes days later, to another replica, stands in the trace of the message that it all began
with.

It is off unless OTEL_EXPORTER_OTLP_ENDPOINT is in the environment; the other OTEL_ variables hold, too.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from bot import __version__
from bot.conversation.message_lines import LineEvent, MessageLine

_SCOPE = InstrumentationScope("sms-keyword-bot", __version__)
_NAMES: Final[dict[LineEvent, tuple[str, SpanKind]]] = {
    "message_received": ("receive", SpanKind.CONSUMER),
    "message_sent": ("send", SpanKind.PRODUCER),
    "message_reported": ("report", SpanKind.CONSUMER),
}
#: The last bits of a UUIDv7 are random; those before them may be a counter, for ids of the same millisecond.
_RANDOM_BITS = 32
_HALF = (1 << 64) - 1
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Traces:
    """Hands spans to a collector, by a thread of OpenTelemetry's; what finds no room there is dropped."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._share = share_of(environ)
        service = {"service.name": "sms-keyword-bot", "service.version": __version__}
        self._resource = Resource(service).merge(Resource.create())
        if "OTEL_SERVICE_NAME" not in environ:
            self._resource = self._resource.merge(Resource(service))
        self._processor = BatchSpanProcessor(OTLPSpanExporter())

    def take(self, lines: Sequence[MessageLine]) -> None:
        """Make a span of each line; neither texts nor numbers of people are in it."""
        for line in lines:
            trace_id = int(line.trace_id.replace("-", ""), 16)
            if is_sampled(trace_id, self._share):
                self._processor.on_end(span_of(line, trace_id, self._resource))

    def close(self) -> None:
        """Hand over what is left; blocks."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


def share_of(environ: Mapping[str, str]) -> float:
    """Which part of the traces is wanted, as OTEL_TRACES_SAMPLER says it."""
    sampler = environ.get("OTEL_TRACES_SAMPLER", "").removeprefix("parentbased_")
    if sampler == "always_off":
        return 0.0
    if sampler != "traceidratio":
        return 1.0
    try:
        return min(max(float(environ.get("OTEL_TRACES_SAMPLER_ARG", "1")), 0.0), 1.0)
    except ValueError:
        return 1.0


def is_sampled(trace_id: int, share: float) -> bool:
    """Whether a trace is among the part that is wanted: by its id, so that all of it is."""
    return trace_id & ((1 << _RANDOM_BITS) - 1) < share * (1 << _RANDOM_BITS)


def span_of(line: MessageLine, trace_id: int, resource: Resource) -> ReadableSpan:
    """A line of the log as a span."""
    name, kind = _NAMES[line.event]
    message = int(line.message_id.replace("-", ""), 16) & _HALF
    moment, length = _nanoseconds(line.timestamp), int((line.ms or 0.0) * 1_000_000)
    is_start = line.event == "message_received"
    is_whole = is_start or line.outcome in (
        "sent",
        "failed",
    )  # what is tried again is not the message's own span
    own = message if is_whole and line.event != "message_reported" else _another(line)
    parent = trace_id & _HALF if line.event == "message_sent" else message
    attributes: dict[str, str] = {
        "sms.message_id": line.message_id,
        "sms.conversation_id": line.conversation_id,
        "sms.outcome": line.outcome,
    }
    if line.rule is not None:
        attributes["sms.rule"] = line.rule
    return ReadableSpan(
        name=name,
        context=_context(trace_id, own),
        parent=None if own == parent else _context(trace_id, parent),
        resource=resource,
        attributes=attributes,
        kind=kind,
        status=Status(StatusCode.ERROR) if line.outcome == "failed" else Status(),
        start_time=moment if is_start else moment - length,
        end_time=moment + length if is_start else moment,
        instrumentation_scope=_SCOPE,
    )


def _context(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(trace_id=trace_id, span_id=span_id, is_remote=False, trace_flags=_SAMPLED)


def _another(line: MessageLine) -> int:
    """The id of a span of a message that has one already."""
    key = f"{line.message_id} {line.event} {line.outcome} {line.timestamp.isoformat()}"
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) or 1


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000
