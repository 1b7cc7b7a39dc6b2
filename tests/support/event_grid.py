"""Event Grid's delivery as a stand-in of its own: every event again and again until it is answered 200.

It shares no line with the bot's sandbox, so that the two can't agree on a mistake. Waits are those of Azure's
documentation (event-grid/delivery-and-retry), passed `pace` times faster; nothing is ever given up.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from msgspec import Struct

#: Seconds that Event Grid waits for an answer.
ANSWER_WAIT = 30.0
#: Seconds before the second try, the third, ...; the last one repeats.
WAITS = (10, 30, 60, 300, 600)
#: The least wait after these answers, in seconds.
LEAST_WAIT = {408: 120, 503: 30}
#: Seconds after which an idle connection is made anew: the bot closes its own after five.
IDLE = 2.0
#: Seconds that a connection rests after a try without an answer, so that a dead bot does not cost a whole core.
BREATH = 0.2
#: Answers after which Event Grid drops an event for good.
NEVER_AGAIN = frozenset({400, 401, 403, 413})


class Event(Struct, kw_only=True, eq=False):
    """An event on its way."""

    body: bytes
    tries: int = 0
    #: Called once it is delivered.
    on_delivered: Callable[[], None] | None = None


class Subscription:
    """One webhook, and the events on their way to it.

    Each connection posts, waits for the answer, and takes what is due next: `batch` events a request at most. Of
    several ports, as behind a load balancer, each connection has one.
    """

    def __init__(
        self, host: str, ports: list[int], path: str, *, connections: int, pace: float, batch: int = 1
    ) -> None:
        self._host = host
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}:{ports[0]}\r\naeg-event-type: Notification\r\n"
            "Content-Type: application/json; charset=utf-8\r\nContent-Length: "
        )
        self._pace = pace
        self._batch = batch
        self._due: asyncio.Queue[Event] = asyncio.Queue()
        self._tasks = [
            asyncio.create_task(self._deliver(ports[place % len(ports)])) for place in range(connections)
        ]
        #: Events that are not delivered yet, and those that are.
        self.waiting = 0
        self.delivered = 0
        #: How each request ended: a status, or 0 where no answer came.
        self.answers: Counter[int] = Counter()
        #: Events that Event Grid would have dropped for good.
        self.dropped: list[str] = []

    def publish(self, event: Event, *, after: float = 0.0) -> None:
        """Deliver an event, for the first time in `after` seconds."""
        self.waiting += 1
        self._put(event, after)

    async def close(self) -> None:
        """Deliver no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _put(self, event: Event, after: float) -> None:
        if after > 0:
            asyncio.get_running_loop().call_later(after, self._due.put_nowait, event)
        else:
            self._due.put_nowait(event)

    async def _deliver(self, port: int) -> None:
        connection = _Connection(self._host, port)
        try:
            while True:
                events = [await self._due.get()]
                while len(events) < self._batch and not self._due.empty():
                    events.append(self._due.get_nowait())
                body = b"[%s]" % b",".join(event.body for event in events)
                status = await connection.post(self._head, body)
                self._end_try(events, status)
                if not status:
                    await asyncio.sleep(BREATH)
        finally:
            connection.close()

    def _end_try(self, events: list[Event], status: int) -> None:
        self.answers[status] += 1
        if status == 200:
            self.waiting -= len(events)
            self.delivered += len(events)
            for event in events:
                if event.on_delivered is not None:
                    event.on_delivered()
        elif status in NEVER_AGAIN:
            self.waiting -= len(events)
            self.dropped += [event.body.decode() for event in events]
        else:
            for event in events:
                wait = max(WAITS[min(event.tries, len(WAITS) - 1)], LEAST_WAIT.get(status, 0))
                event.tries += 1
                # A little chance, as Event Grid adds to every wait, or all would come back as one herd.
                self._put(event, wait * random.uniform(0.8, 1.2) / self._pace)


class _Connection:
    """A kept HTTP/1.1 connection; made again whenever it is lost."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used = 0.0

    async def post(self, head: str, body: bytes) -> int:
        """The status of the answer; 0 when there is none."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._used > IDLE:
            self.close()
        try:
            async with asyncio.timeout(ANSWER_WAIT):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(self._host, self._port)
                reader, writer = self._streams
                writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
                answer = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = answer.partition(b"content-length:")[2].partition(b"\r")[0]
                await reader.readexactly(int(length or 0))
                self._used = loop.time()
                if b"connection: close" in answer:
                    self.close()
                return int(answer.split(b" ", 2)[1])
        except (OSError, EOFError, TimeoutError):
            self.close()
            return 0

    def close(self) -> None:
        """Let go of it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
