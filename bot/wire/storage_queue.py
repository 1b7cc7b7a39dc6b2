"""A queue of an Azure Storage account, through azure-storage-queue, as `bot.wire.pull` reads it."""

import asyncio
from collections.abc import Sequence
from urllib.request import getproxies

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient
from msgspec.structs import replace

from bot.wire.acs_transport import BoundedTransport
from bot.wire.pull import PulledMessage, decode_body

#: Messages of one call: Azure's most.
_MOST_MESSAGES = 32
#: Seconds for which a message that was handed out is not handed out again. They are stored within milliseconds, and a
#: longer time only delays those of a process that was killed.
_VISIBILITY = 10
#: Seconds.
_CONNECT_TIMEOUT, _READ_TIMEOUT = 5, 15


class StorageQueueEvents:
    """A Storage Queue; raises `ValueError` for a connection string that azure-storage-queue can't read."""

    kind: str = "storage"

    def __init__(self, connection_string: str, name: str) -> None:
        self._client = QueueClient.from_connection_string(
            connection_string,
            name,
            retry_total=0,  # the puller tries again, and health shows the trouble meanwhile
            transport=BoundedTransport(
                total=_CONNECT_TIMEOUT + _READ_TIMEOUT,
                connection_timeout=_CONNECT_TIMEOUT,
                read_timeout=_READ_TIMEOUT,
                use_env_settings=bool(getproxies()),
            ),
        )

    async def receive(self) -> Sequence[PulledMessage]:
        """Up to 32 messages."""
        pages = self._client.receive_messages(
            messages_per_page=_MOST_MESSAGES, max_messages=_MOST_MESSAGES, visibility_timeout=_VISIBILITY
        )
        return [
            PulledMessage(
                id=str(message.id),
                body=decode_body(str(message.content or "")),
                tries=message.dequeue_count or 1,
                handle=message,
            )
            async for message in pages
        ]

    async def acknowledge(self, messages: Sequence[PulledMessage]) -> None:
        """Delete messages; one that was handed out to another reader meanwhile is that reader's to delete."""
        await asyncio.gather(*(self._delete(message.handle) for message in messages))

    async def set_aside(self, messages: Sequence[PulledMessage]) -> None:
        """Delete messages: a Storage Queue has no dead letters of its own."""
        await self.acknowledge(messages)

    async def release(self, messages: Sequence[PulledMessage]) -> None:
        """Make messages visible."""
        await asyncio.gather(*(self._show_in(message, 0) for message in messages))

    async def renew(self, messages: Sequence[PulledMessage]) -> Sequence[PulledMessage]:
        """Keep messages from other readers for another while."""
        return await asyncio.gather(*(self._show_in(message, _VISIBILITY) for message in messages))

    async def count_waiting(self) -> int | None:
        """About how many messages there are, those in hand among them."""
        properties = await self._client.get_queue_properties()
        count = properties.approximate_message_count
        return None if count is None else int(count)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _delete(self, message: QueueMessage) -> None:
        try:
            await self._client.delete_message(message)
        except ResourceNotFoundError:
            return

    async def _show_in(self, message: PulledMessage, seconds: int) -> PulledMessage:
        try:
            updated = await self._client.update_message(message.handle, visibility_timeout=seconds)
        except ResourceNotFoundError:
            return message
        handle = message.handle
        handle.pop_receipt = updated.pop_receipt
        return replace(message, handle=handle)
