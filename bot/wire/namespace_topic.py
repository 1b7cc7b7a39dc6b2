"""A queue subscription of an Event Grid namespace's topic, through azure-eventgrid, as `bot.wire.pull` reads it."""

from collections.abc import Sequence
from typing import Any
from urllib.request import getproxies

import msgspec
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.eventgrid.aio import EventGridConsumerClient

from bot.wire.acs import managed_identity
from bot.wire.acs_transport import BoundedTransport
from bot.wire.pull import PulledMessage

#: Events of one call: Azure takes 1 to 100.
_MOST_EVENTS = 100
#: Seconds that Azure waits for an event before it answers that there is none: 10 to 120.
_MAX_WAIT = 30
#: Seconds.
_CONNECT_TIMEOUT = 5


class NamespaceTopicEvents:
    """A namespace topic's subscription. Raises `bot.wire.acs.CannotAuthenticate` without key and azure-identity."""

    kind: str = "namespace"

    def __init__(self, endpoint: str, topic: str, subscription: str, key: str | None) -> None:
        # azure-core gives tokens to https alone; http is for loopback hosts, as the settings have it.
        is_token_in_clear = key is None and not endpoint.startswith("https://")
        self._options: dict[str, Any] = {"enforce_https": False} if is_token_in_clear else {}
        self._identity = None if key else managed_identity("BOT_EVENTS_QUEUE")
        self._client = EventGridConsumerClient(
            endpoint,
            self._identity or AzureKeyCredential(key or ""),
            namespace_topic=topic,
            subscription=subscription,
            retry_total=0,  # the puller tries again, and health shows the trouble meanwhile
            permit_redirects=False,
            transport=BoundedTransport(
                total=_MAX_WAIT + 15,
                connection_timeout=_CONNECT_TIMEOUT,
                read_timeout=_MAX_WAIT + 10,
                use_env_settings=bool(getproxies()),
            ),
        )

    async def receive(self) -> Sequence[PulledMessage]:
        """Up to 100 events, as soon as there is one."""
        answers: list[Any] = []
        try:
            await self._client.receive(
                max_events=_MOST_EVENTS,
                max_wait_time=_MAX_WAIT,
                # The client refuses a whole answer for one event that lacks a field: it is read here, event by event.
                raw_response_hook=lambda response: answers.append(response.http_response),
                **self._options,
            )
        except HttpResponseError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError):
            if not answers or answers[-1].status_code != 200:
                raise
        return _messages_in(msgspec.json.decode(answers[-1].text()))

    async def acknowledge(self, messages: Sequence[PulledMessage]) -> None:
        """Remove events; of one whose lock has ended Azure says so, and hands it out again."""
        await self._client.acknowledge(lock_tokens=_tokens(messages), **self._options)

    async def set_aside(self, messages: Sequence[PulledMessage]) -> None:
        """Reject events: Azure keeps them as dead letters where it was given a place for those."""
        await self._client.reject(lock_tokens=_tokens(messages), **self._options)

    async def release(self, messages: Sequence[PulledMessage]) -> None:
        """Let events be handed out again."""
        await self._client.release(lock_tokens=_tokens(messages), **self._options)

    async def renew(self, messages: Sequence[PulledMessage]) -> Sequence[PulledMessage]:
        """Lock events for another while."""
        await self._client.renew_locks(lock_tokens=_tokens(messages), **self._options)
        return messages

    async def count_waiting(self) -> int | None:
        """Unknown: a namespace topic tells it by Azure Monitor alone."""
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
        if self._identity is not None:
            await self._identity.close()


def _messages_in(answer: Any) -> list[PulledMessage]:
    messages: list[PulledMessage] = []
    for detail in answer["value"]:
        properties = detail["brokerProperties"]
        event = detail.get("event")
        name = event.get("id") if isinstance(event, dict) else None
        token = properties["lockToken"]
        messages.append(
            PulledMessage(
                id=str(name or token),
                body=msgspec.json.encode(event),
                tries=properties.get("deliveryCount") or 1,
                handle=token,
            )
        )
    return messages


def _tokens(messages: Sequence[PulledMessage]) -> list[str]:
    return [message.handle for message in messages]
