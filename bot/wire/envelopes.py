"""From the bytes of a webhook call to events, whichever of Event Grid's envelopes they came in.

Event Grid's own schema (an array, or one bare object, which real senders produce) and CloudEvents 1.0, structured or
batched, are told apart by their shape, not by the content type, which senders get wrong.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from bot.conversation.events import DeliveryReport, Event, Inbound, UnreadableEvent
from bot.sending.sms_service import LONGEST_ID
from bot.text.numbers import normalise_number
from bot.text.storable import bounded, make_storable, one_line
from bot.wire.usual_events import (
    LONGEST_DETAILS,
    LONGEST_NUMBER,
    LONGEST_STATUS,
    LONGEST_TAG,
    LONGEST_TEXT,
    read_usual,
    utc_time,
)

SMS_RECEIVED = "microsoft.communication.smsreceived"
DELIVERY_REPORT = "microsoft.communication.smsdeliveryreportreceived"
SUBSCRIPTION_VALIDATION = "microsoft.eventgrid.subscriptionvalidationevent"
SUBSCRIPTION_DELETION = "microsoft.eventgrid.subscriptiondeletedevent"

#: Events of one call, as many as Event Grid sends; further elements that are no events are kept together.
_MOST_REJECTED = 5_000
#: Characters of a field's name in a reason.
_LONGEST_NAME = 60

#: What a JSON text is divided by; a string is one piece, so that what stands in it is not taken for structure. One
#: that does not end is a piece, too: every quote begins a match and no match is ever undone (`*+`), so that the time
#: is linear in the text whatever stands in it (`benchmarks/envelopes.py`).
_STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)


class NotAnEventBatch(ValueError):
    """The body is no batch of events; the message says what it is instead."""


class EventBatch(Struct, frozen=True, kw_only=True):
    """What one webhook call brought."""

    events: list[Event]
    #: How many events came of each type that means nothing to this bot.
    ignored: dict[str, int]
    #: To be sent back as `validationResponse` when Azure asks whether this address is ours.
    validation_code: str | None = None


class _Unread(Struct, frozen=True, kw_only=True):
    """A part of a batch that no JSON reader takes; its neighbours are read all the same."""

    raw: str
    reason: str


class _Missing(ValueError):
    """An event lacks what it takes to make sense; the message is the reason, for people."""


def read_batch(body: bytes, *, is_certain: Callable[[], bool] = bool) -> EventBatch:
    """Read a webhook call's body; raises `NotAnEventBatch` when it holds no event at all.

    An event that can't be understood becomes `UnreadableEvent` and does not disturb its neighbours. `is_certain`:
    whether the call says by its headers that it brings events, so whatever JSON it holds is kept, and the whole events
    of a body that was cut off are read.
    """
    usual = read_usual(body)
    if usual is not None:
        return EventBatch(events=usual, ignored={})
    certain = is_certain()
    parsed = _parse(body, is_certain=certain)
    elements = parsed if isinstance(parsed, list) else [parsed]
    if not certain and elements and not any(_type_of(element) for element in elements):
        raise NotAnEventBatch(
            f"The body is JSON but not an Event Grid event, a CloudEvent, or an array of them: {_describe(parsed)}."
        )
    return read_elements(elements)


def read_elements(elements: Sequence[Any]) -> EventBatch:
    """Read the events of a batch, each a JSON value."""
    events: list[Event] = []
    rest: list[Any] = []
    ignored: dict[str, int] = {}
    validation_code: str | None = None
    for element in elements:
        event_type = _type_of(element)
        reader = _READERS.get(event_type)
        if reader is not None:
            events.append(_read(reader, element))
        elif event_type == SUBSCRIPTION_VALIDATION:
            try:
                validation_code = _validation_code(element)
            except _Missing as missing:
                events.append(UnreadableEvent(reason=str(missing), raw=as_json(element)))
        elif event_type:
            ignored[event_type] = ignored.get(event_type, 0) + 1
        elif isinstance(element, _Unread):
            events.append(UnreadableEvent(reason=element.reason, raw=as_json(element.raw)))
        elif len(events) >= _MOST_REJECTED:
            rest.append(element)
        else:
            events.append(
                UnreadableEvent(
                    reason=f"It has no eventType or type: {_describe(element)}.", raw=as_json(element)
                )
            )
    if rest:
        reason = f"{len(rest):,} more elements of the same call, kept together, have no eventType or type."
        events.append(UnreadableEvent(reason=reason, raw=as_json(rest)))
    return EventBatch(events=events, ignored=ignored, validation_code=validation_code)


def as_json(value: Any) -> str:
    """JSON in ASCII: whatever strange characters it holds, it can be stored and shown."""
    try:
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str)
    except RecursionError:  # near the limit the reader still took it
        return '"It is nested too deeply to be shown."'


def _parse(body: bytes, *, is_certain: bool) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    # Python's own reader takes what msgspec does not: lone surrogates, a byte order mark, UTF-16, stray bytes.
    text = body.decode(json.detect_encoding(body), errors="replace")
    try:
        return _loads(text)
    except RecursionError:
        if text.lstrip().startswith("["):
            return [_loads_alone(element) for element in _split(text)]
        raise NotAnEventBatch("The body is JSON but nested too deeply to be an event.") from None
    except ValueError as error:
        reason = f"The body is not JSON: {error}." if body else "The body is empty."
        whole = list(_before_the_fault(text, reason)) if is_certain else []
        if len(whole) > 1:
            return whole
        raise NotAnEventBatch(reason) from None


def _before_the_fault(text: str, reason: str) -> Iterator[Any]:
    """The whole elements of an array that was cut off or is broken further on, and then what is left of it."""
    text = text.lstrip("\ufeff \t\r\n")
    place = 1 if text.startswith("[") else len(text)
    while place < len(text):
        space = _SPACE.match(text, place)
        start = space.end() if space else place
        try:
            element, place = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            yield _Unread(raw=text[start:], reason=f"{reason} This is what follows its last whole event.")
            return
        yield element


def _loads(text: str) -> Any:
    return json.loads(text, parse_int=_integer)


def _loads_alone(text: str) -> Any:
    try:
        return _loads(text)
    except (ValueError, RecursionError):
        return _Unread(raw=text, reason="It is nested too deeply.")


def _integer(digits: str) -> int | float:
    """Python refuses to read integers of more than 4,300 digits; no field of an event means one."""
    return int(digits) if len(digits) <= 1_000 else float(digits)


_DECODER = json.JSONDecoder(parse_int=_integer)
_SPACE = re.compile(r"[, \t\r\n]*")


def _split(array: str) -> Iterator[str]:
    """The elements of a JSON array, unread."""
    depth = start = 0
    for mark in _STRUCTURE.finditer(array):
        kind = mark.group()
        if kind in "[{":
            depth += 1
            if depth == 1:
                start = mark.end()
        elif kind in "]}":
            depth -= 1
        if (kind == "," and depth == 1) or depth == 0:
            yield array[start : mark.start()]
            start = mark.end()
        if depth == 0:
            return
    raise NotAnEventBatch("The body is not JSON: its array does not end.")


def _type_of(element: Any) -> str:
    if not isinstance(element, dict):
        return ""
    event_type = element.get("eventType") or element.get("type")
    if event_type is None:
        names = {str(name).casefold(): value for name, value in element.items()}
        event_type = names.get("eventtype") or names.get("type")
    return event_type.casefold() if isinstance(event_type, str) else ""


def _read(reader: Callable[[dict[str, Any]], Event], element: dict[str, Any]) -> Event:
    try:
        return reader(element)
    except _Missing as missing:
        return UnreadableEvent(reason=str(missing), raw=as_json(element))
    except Exception as error:  # noqa: BLE001 - one poison event must not fail the batch
        return UnreadableEvent(reason=f"It could not be read: {type(error).__name__}.", raw=as_json(element))


def _read_inbound(element: dict[str, Any]) -> Inbound:
    data = _fields(element)
    return Inbound(
        message_id=_message_id(data, element),
        number=_number(data.get("to") or _subject_number(element), "To"),
        peer=_number(data.get("from"), "From"),
        text=_message(data.get("message")),
        received_at=_time(data.get("receivedtimestamp")) or _event_time(element),
    )


def _read_report(element: dict[str, Any]) -> DeliveryReport:
    data = _fields(element)
    status = _text(data.get("deliverystatus"), "DeliveryStatus")
    if not status:
        raise _Missing("The delivery report has no DeliveryStatus.")
    peer = _text(data.get("to"))
    return DeliveryReport(
        provider_message_id=_message_id(data, element),
        status=one_line(status, LONGEST_STATUS),
        details=one_line(_text(data.get("deliverystatusdetails")), LONGEST_DETAILS) or None,
        reported_at=_time(data.get("receivedtimestamp")) or _event_time(element),
        tag=bounded(_text(data.get("tag")), LONGEST_TAG) or None,
        peer=bounded(normalise_number(peer), LONGEST_NUMBER) if peer else None,
        raw=as_json(element),
    )


_READERS: dict[str, Callable[[dict[str, Any]], Event]] = {
    SMS_RECEIVED: _read_inbound,
    DELIVERY_REPORT: _read_report,
}


def _fields(element: dict[str, Any]) -> dict[str, Any]:
    """The event's `data` with its keys in lower case: they come in PascalCase, camelCase and mixed."""
    data = element.get("data")
    if data is None and isinstance(element.get("data_base64"), str):
        try:
            data = base64.b64decode(element["data_base64"], validate=True).decode()
        except ValueError:  # of base64, of UTF-8, or of what is not even ASCII
            raise _Missing("The event's data_base64 is not base64 of UTF-8 text.") from None
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except (ValueError, RecursionError):
            raise _Missing("The event's data is a text and not an object.") from None
    if not isinstance(data, dict):
        raise _Missing(f"The event has no data object: {_describe(data)}.")
    return {str(name).lower(): value for name, value in data.items()}


def _validation_code(element: dict[str, Any]) -> str:
    code = _text(_fields(element).get("validationcode"), "validationCode")
    if not code:
        raise _Missing("The subscription validation event has no validationCode.")
    return code


def _message_id(data: dict[str, Any], element: dict[str, Any]) -> str:
    message_id = _text(data.get("messageid"), "MessageId") or _text(element.get("id"), "id")
    if not message_id:
        raise _Missing("The event has neither a MessageId nor an id.")
    if len(message_id) > LONGEST_ID:
        raise _Missing(f"The MessageId has {len(message_id)} characters; at most {LONGEST_ID} are expected.")
    return message_id


def _message(value: Any) -> str:
    text = _text(value, "Message")
    if len(text) > LONGEST_TEXT:
        raise _Missing(f"The Message has {len(text):,} characters, and an SMS has at most {LONGEST_TEXT:,}.")
    return text


def _number(value: Any, name: str) -> str:
    raw = _text(value, name)
    number = normalise_number(raw)
    if not number:
        raise _Missing(f"The event has no {name}.")
    if len(number) > LONGEST_NUMBER:
        raise _Missing(f"{name} has {len(number)} characters; at most {LONGEST_NUMBER} are expected.")
    return number


def _subject_number(element: dict[str, Any]) -> str | None:
    """Our number as the envelope's subject, `/phonenumber/15555555555`, has it."""
    subject = element.get("subject")
    return (
        subject.rpartition("/")[2]
        if isinstance(subject, str) and "/phonenumber/" in subject.lower()
        else None
    )


def _text(value: Any, name: str = "a field") -> str:
    if type(value) is str:
        return make_storable(value)
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return make_storable(str(value))
    raise _Missing(f"{name} is not text: {_describe(value)}.")


def _event_time(element: dict[str, Any]) -> datetime | None:
    return _time(element.get("eventTime") or element.get("time"))


def _time(value: Any) -> datetime | None:
    return utc_time(value) if isinstance(value, str) else None


def _describe(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case dict():
            names = [repr(one_line(str(name), _LONGEST_NAME)) for name in islice(value, 5)]
            return "an object with " + (", ".join(names) or "nothing in it")
        case list():
            return f"an array of {len(value)}"
        case str():
            return "a text"
        case _:
            return "a number"
