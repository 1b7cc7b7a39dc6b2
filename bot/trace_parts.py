"""Traces, where the environment asks for them: for `bot.app`."""

from collections.abc import Mapping
from typing import Protocol

from bot.azure_parts import NotConfigured
from bot.conversation.message_lines import MessageSink


class TraceTaker(Protocol):
    """Makes spans of lines; `bot.operations.traces` is the real one."""

    @property
    def take(self) -> MessageSink:
        """Takes the lines of what one commit or one call has done."""
        ...

    def close(self) -> None:
        """Hand over what is left; blocks."""
        ...


def traces_of(environ: Mapping[str, str]) -> TraceTaker | None:
    """What the variables of OpenTelemetry ask for, as its own SDKs read them; raises `NotConfigured`."""
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    is_off = (
        environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
        or environ.get("OTEL_TRACES_EXPORTER") == "none"
    )
    if is_off or not any(environ.get(name) for name in endpoints):
        return None
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if environ.get(name, "http/protobuf") != "http/protobuf":
            raise NotConfigured(
                f"{name} is {environ[name]!r} and the bot hands traces over as http/protobuf alone: set it to that, and"
                " the endpoint to the collector's port for HTTP, 4318 as a rule."
            )
    try:
        from bot.operations.traces import Traces  # noqa: PLC0415 - an extra, for those alone who trace
    except ImportError:
        raise NotConfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT needs opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http, which are"
            ' not installed: run `pip install "sms-keyword-bot[traces]"`, or unset it.'
        ) from None
    return Traces(environ)
