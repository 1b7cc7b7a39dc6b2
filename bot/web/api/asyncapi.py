"""How the events for others describe themselves: an AsyncAPI document, beside the OpenAPI one."""

from typing import Any, Final

import msgspec
from litestar import get

from bot import __version__
from bot.conversation.outgoing_events import AnswerData, ConsentData, MessageData, WaitingData
from bot.event_receivers import EVENT_TYPES

#: Where it stands, below the page about the API.
PATH: Final = "/asyncapi.json"
#: The `data` of each type of event.
_DATA: Final = {
    **{
        f"message.{state}": MessageData
        for state in ("received", "sent", "delivered", "failed", "unconfirmed")
    },
    "peer.opted_out": ConsentData,
    "peer.opted_in": ConsentData,
    "conversation.waiting": WaitingData,
    "answer.finished": AnswerData,
}
_SCHEMAS: Final = "#/components/schemas/"
_MESSAGES: Final = "#/components/messages/"
_HEADERS: Final = {
    "type": "object",
    "required": ["webhook-id", "webhook-timestamp"],
    "properties": {
        "webhook-id": {
            "type": "string",
            "description": "The event's id: what was heard under it is a repeat.",
        },
        "webhook-timestamp": {
            "type": "string",
            "description": "When this try was made, in seconds since 1970.",
        },
        "webhook-signature": {
            "type": "string",
            "description": "`v1,` and the signature in base64, one for each secret, with spaces between them.",
        },
    },
}


def asyncapi_document() -> dict[str, Any]:
    """The document, as AsyncAPI 3.0 has it."""
    _, schemas = msgspec.json.schema_components(set(_DATA.values()), ref_template=_SCHEMAS + "{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "SMS keyword bot: events for others",
            "version": __version__,
            "description": (
                "The bot posts each event to the addresses in BOT_EVENTS_TO until a 2xx answer takes it, for three"
                " days: in order within a conversation, by the same id each time, signed as Standard Webhooks asks."
            ),
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "events": {
                "description": "An address in BOT_EVENTS_TO.",
                "messages": {kind: {"$ref": _MESSAGES + kind} for kind in EVENT_TYPES},
            }
        },
        "operations": {
            "postEvent": {
                "action": "send",
                "summary": "The bot posts an event.",
                "channel": {"$ref": "#/channels/events"},
                "messages": [{"$ref": f"#/channels/events/messages/{kind}"} for kind in EVENT_TYPES],
                "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
            }
        },
        "components": {
            "messages": {kind: _message(kind, summary) for kind, summary in EVENT_TYPES.items()},
            "schemas": schemas,
        },
    }


def _message(kind: str, summary: str) -> dict[str, Any]:
    return {
        "name": kind,
        "summary": summary,
        "contentType": "application/cloudevents+json",
        "headers": _HEADERS,
        "payload": {
            "type": "object",
            "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"],
            "properties": {
                "specversion": {"const": "1.0"},
                "id": {"type": "string", "format": "uuid"},
                "source": {"type": "string", "description": "`/conversations/` and the conversation's id."},
                "type": {"const": kind},
                "subject": {"type": "string", "description": "The message's id, or else the conversation's."},
                "time": {"type": "string", "format": "date-time"},
                "datacontenttype": {"const": "application/json"},
                "data": {"$ref": _SCHEMAS + _DATA[kind].__name__},
            },
        },
    }


@get(PATH, include_in_schema=False, sync_to_thread=False)
def asyncapi_json() -> dict[str, Any]:
    """The document."""
    return asyncapi_document()
