"""From a webhook call, its headers and its bytes, to events: decompressed, and read in whichever mode they came.

A call that says by its headers that it brings events (`aeg-*` of Event Grid, `ce-*` of CloudEvents) is never refused
for what it holds: what can't be understood is kept, as Event Grid drops for good what is answered 400.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

import msgspec

from bot.conversation.events import UnreadableEvent
from bot.text.storable import make_storable, one_line
from bot.wire.envelopes import EventBatch, NotAnEventBatch, as_json, read_batch, read_elements

#: Bytes, after decompression. Event Grid's page says that it sends at most 1 MiB, but what is refused for its size is
#: lost for good.
LARGEST_BODY = 8 * 1024 * 1024

#: Content codings of one body, one around the other.
_MOST_CODINGS = 3
#: Characters of a name from outside in a reason.
_LONGEST_NAME = 100
#: Members of one gzip body.
_MOST_MEMBERS = 100
_GZIP_MAGIC = b"\x1f\x8b"
#: zlib's window sizes: gzip or zlib by their heads, and deflate without any.
_BY_HEAD, _BARE = 47, -15
#: The keys of a call that is kept whole.
_HEADERS, _BODY = "headers", "body_base64"


class BodyTooLarge(ValueError):
    """The body is larger than `LARGEST_BODY`, as it came or once it is decompressed."""

    def __init__(self) -> None:
        super().__init__(
            f"The body is larger than {LARGEST_BODY:,} bytes, eight times what Event Grid sends in one call."
        )


def read_call(headers: Mapping[bytes, bytes], body: bytes) -> EventBatch:
    """Read what a call brought; the header names are in lower case.

    Raises `BodyTooLarge`; and `NotAnEventBatch` for what can't be understood and bears no header of an event's.
    """
    try:
        plain = _decompress(body, headers.get(b"content-encoding", b""))
        if b"ce-type" in headers and not headers.get(b"content-type", b"").startswith(
            b"application/cloudevents"
        ):
            return read_elements([_binary_event(headers, plain)])
        return read_batch(plain, is_certain=partial(brings_events, headers))
    except NotAnEventBatch as error:
        if not brings_events(headers):
            raise
        return EventBatch(events=[_kept(headers, body, str(error))], ignored={})


def read_kept(raw: str) -> EventBatch:
    """Read again what was kept of a call, or a body. Raises `NotAnEventBatch`."""
    try:
        call = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        call = None
    if isinstance(call, dict) and set(call) == {_HEADERS, _BODY} and isinstance(call[_HEADERS], dict):
        headers = {str(name).encode(): str(value).encode() for name, value in call[_HEADERS].items()}
        try:
            return read_call(headers, base64.b64decode(str(call[_BODY])))
        except BodyTooLarge as error:
            raise NotAnEventBatch(str(error)) from None
    return read_batch(raw.encode())


def brings_events(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a call says by a header that it brings events."""
    return b"aeg-event-type" in headers or any(name.startswith((b"aeg-", b"ce-")) for name in headers)


def is_of_event_grid(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a call bears a header of Event Grid's."""
    return any(name.startswith(b"aeg-") for name in headers)


def header(headers: Mapping[bytes, bytes], name: bytes) -> str:
    """A header's value as it can be stored and shown; empty without the header."""
    return one_line(headers.get(name, b"").decode("latin-1"), _LONGEST_NAME)


def _binary_event(headers: Mapping[bytes, bytes], body: bytes) -> dict[str, Any]:
    """A CloudEvent in binary mode: its attributes are headers, its data is the body."""
    event: dict[str, Any] = {
        name[len(b"ce-") :].decode("latin-1"): unquote(value.decode("utf-8", "replace"))
        for name, value in headers.items()
        if name.startswith(b"ce-")
    }
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return event | {"data_base64": base64.b64encode(body).decode()}
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return event | {"data": text}
    if isinstance(data, dict) and "specversion" in data and "type" in data:
        return data  # a structured event whose attributes somebody has repeated as headers
    return event | {"data": data}


def _kept(headers: Mapping[bytes, bytes], body: bytes, reason: str) -> UnreadableEvent:
    if headers.get(b"aeg-event-type", b"").lower() == b"subscriptiondeletion":
        name = header(headers, b"aeg-subscription-name") or "to this address"
        reason = f"Event Grid says that its subscription {name} was deleted: no more events come by it."
    return UnreadableEvent(reason=reason, raw=_raw(headers, body))


def _raw(headers: Mapping[bytes, bytes], body: bytes) -> str:
    """The body as text, or the whole call as JSON where it can't be stored so; never a header with a secret."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    if text.strip() and make_storable(text) == text and b"ce-type" not in headers:
        return text
    shown = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in headers.items()
        if name.startswith((b"aeg-", b"ce-", b"content-")) and name != b"content-length"
    }
    return as_json({_HEADERS: shown, _BODY: base64.b64encode(body).decode()})


def _decompress(body: bytes, encoding: bytes) -> bytes:
    if not encoding and not body.startswith(_GZIP_MAGIC):
        return body
    codings = [part.strip().lower() for part in encoding.decode("latin-1").split(",") if part.strip()]
    codings = [coding for coding in codings if coding != "identity"] or (
        ["gzip"] if body.startswith(_GZIP_MAGIC) else []
    )
    if len(codings) > _MOST_CODINGS:
        raise NotAnEventBatch(f"The body is compressed {len(codings)} times over.")
    for coding in reversed(codings):
        try:
            match coding:
                case "gzip" | "x-gzip":
                    body = _inflate(body, _BY_HEAD)
                case "deflate":
                    body = _inflate_deflate(body)
                case _:
                    raise NotAnEventBatch(
                        f"The Content-Encoding {one_line(coding, _LONGEST_NAME)!r} can't be read:"
                        " send the events plain, or as gzip."
                    )
        except zlib.error:
            raise NotAnEventBatch(
                f"The body is not {coding}, as its Content-Encoding says, or was cut off."
            ) from None
    return body


def _inflate_deflate(body: bytes) -> bytes:
    """HTTP's `deflate` is zlib's format; some senders leave its head away."""
    try:
        return _inflate(body, _BY_HEAD)
    except zlib.error:
        return _inflate(body, _BARE)


def _inflate(body: bytes, how: int) -> bytes:
    """Decompress, gzip's further members too, no further than `LARGEST_BODY`; raises `zlib.error`."""
    pieces: list[bytes] = []
    left = LARGEST_BODY
    while body:
        member = zlib.decompressobj(how)
        piece = member.decompress(body, left + 1)
        if len(piece) > left:
            raise BodyTooLarge
        if not member.eof or len(pieces) == _MOST_MEMBERS:
            raise zlib.error("it was cut off")
        pieces.append(piece)
        left -= len(piece)
        body = member.unused_data.lstrip(b"\0")
    return b"".join(pieces)
