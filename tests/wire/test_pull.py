"""Events are fetched from a queue: acknowledged once they are stored; poison is moved aside with its reason."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from azure.storage.queue import QueueClient

from bot.conversation.event_tally import Receipt
from bot.conversation.events import Event, UnreadableEvent
from bot.conversation.inbox import ACCEPTED
from bot.settings import NamespaceTopic, StorageQueue, WrongSetting, load
from bot.storage.writer import StorageUnavailable
from bot.supervisor import Supervisor
from bot.wire.event_counts import EventCounts
from bot.wire.namespace_topic import NamespaceTopicEvents
from bot.wire.pull import PulledMessage, Puller, PullLimits, decode_body
from bot.wire.storage_queue import StorageQueueEvents
from tests.support.azurite_server import azurite, make_queue
from tests.support.databases import Databases
from tests.support.envelopes import INBOUND_DATA, SMS, event, inbound
from tests.support.services import Acs, running

QUICK = PullLimits(idle_pause=0.02, first_pause=0.02, longest_pause=0.05, hold_pause=0.05, count_pause=0)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite")) as connection_string:
        yield connection_string


@pytest.fixture
def queue(storage: str) -> Iterator[QueueClient]:
    with make_queue(storage, f"events-{uuid4().hex[:8]}") as queue:
        yield queue


async def until(holds: Any) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - what is waited for is elsewhere
            await asyncio.sleep(0.02)


class Taken:
    """An inbox that keeps events in a list, or says that it can't."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.errors: list[Exception] = []
        self.calls = 0

    async def accept(self, events: Sequence[Event]) -> list[Receipt]:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        self.events += events
        return [ACCEPTED] * len(events)

    def rejected(self) -> list[UnreadableEvent]:
        return [event for event in self.events if isinstance(event, UnreadableEvent)]


class Listed:
    """A queue in memory that hands a message out again unless it was acknowledged."""

    kind: str = "storage"

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = dict(enumerate(bodies))
        self.tries = dict.fromkeys(self.bodies, 0)
        self.renewed = 0
        self.released = 0
        self.errors: list[Exception] = []

    async def receive(self) -> Sequence[PulledMessage]:
        if self.errors:
            raise self.errors.pop(0)
        for key in self.bodies:
            self.tries[key] += 1
        return [
            PulledMessage(id=str(key), body=body, tries=self.tries[key], handle=key)
            for key, body in self.bodies.items()
        ]

    async def acknowledge(self, messages: Sequence[PulledMessage]) -> None:
        for message in messages:
            del self.bodies[message.handle]

    set_aside = acknowledge

    async def release(self, messages: Sequence[PulledMessage]) -> None:
        self.released += len(messages)

    async def renew(self, messages: Sequence[PulledMessage]) -> Sequence[PulledMessage]:
        self.renewed += 1
        return messages

    async def count_waiting(self) -> int | None:
        return len(self.bodies)

    async def close(self) -> None:
        return


async def test_a_storage_queue_is_read_whatever_form_its_messages_have(
    tmp_path: Path, databases: Databases, acs: Acs, storage: str, queue: QueueClient
) -> None:
    forms = {f"+1555555020{at}": form for at, form in enumerate(("plain", "base64", "array", "base64 array"))}
    for peer, form in forms.items():
        data = INBOUND_DATA | {"MessageId": f"Incoming_{form}", "From": peer}
        cloud_event = {"specversion": "1.0", "type": SMS, "source": "/x", "id": form, "data": data}
        text = json.dumps([cloud_event] if "array" in form else cloud_event)
        queue.send_message(base64.b64encode(text.encode()).decode() if "base64" in form else text)
    queue.send_message("hello")
    setting = f"storage:{storage};queue={queue.queue_name}"
    url = databases.migrated("sqlite")
    async with running(tmp_path, url, acs, BOT_WEBHOOK_SECRETS="", BOT_EVENTS_QUEUE=setting) as bot:
        counts = bot.service.webhook.counts
        await until(lambda: counts["accepted"] == len(forms) and counts["rejected"])
        for peer, form in forms.items():
            (reply,) = await bot.replies(peer)
            assert reply["text"] == "Corner Books is open Mon-Sat 9-18.", form
        (kept,) = await bot.items("/api/rejected")
        assert (kept["raw"], kept["reason"][:20]) == ("hello", "The body is not JSON")
        await until(lambda: queue.get_queue_properties().approximate_message_count == 0)
        bot.service.puller._counted_at = 0.0  # type: ignore[union-attr]  # count at the next look
        await until(lambda: bot.service.puller.waiting == 0)  # type: ignore[union-attr]
        health = (await bot.http.get("/health/ready")).json()["checks"]["events_queue"]
        assert health == {"status": "ok", "kind": "storage", "waiting": 0}
        assert "bot_events_queue_waiting 0.0" in (await bot.get("/metrics")).text


async def test_the_webhook_and_a_queue_bring_the_same_event_and_it_is_answered_once(
    tmp_path: Path, databases: Databases, acs: Acs, storage: str, queue: QueueClient
) -> None:
    queue.send_message(json.dumps(event()))
    setting = f"storage:{storage};queue={queue.queue_name}"
    async with running(tmp_path, databases.migrated("sqlite"), acs, BOT_EVENTS_QUEUE=setting) as bot:
        assert (await bot.post([event()])).status_code == 200
        await until(lambda: bot.service.webhook.counts.total() == 2)
        await bot.replies()
        assert len(await bot.messages()) == 2


async def test_a_queue_that_is_not_there_degrades_health_and_is_read_once_it_is(
    tmp_path: Path, databases: Databases, acs: Acs, storage: str
) -> None:
    name = f"later-{uuid4().hex[:8]}"
    setting = f"storage:{storage};queue={name}"
    async with running(tmp_path, databases.migrated("sqlite"), acs, BOT_EVENTS_QUEUE=setting) as bot:
        await until(lambda: bot.service.puller.trouble)  # type: ignore[union-attr]
        answer = await bot.http.get("/health/ready")
        health = answer.json()["checks"]["events_queue"]
        assert (answer.status_code, health["status"]) == (200, "degraded")
        assert "queue" in health["reason"].lower()
        assert "bot_events_queue_readable 0.0" in (await bot.get("/metrics")).text
        with make_queue(storage, name) as queue:
            queue.send_message(json.dumps(event()))
            await bot_replies_soon(bot)
        await until(lambda: bot.service.puller.trouble is None)  # type: ignore[union-attr]


async def bot_replies_soon(bot: Any) -> None:
    await until(lambda: bot.service.webhook.counts["accepted"])
    await bot.replies()


async def test_a_message_that_can_not_be_stored_is_held_and_acknowledged_once_it_is(
    storage: str, queue: QueueClient
) -> None:
    """The bot holds it while the database is in trouble: that is not the message's fault and costs no try."""
    queue.send_message(json.dumps(event()))
    taken = Taken()
    taken.errors = [StorageUnavailable("the disk is full")] * 3
    puller = Puller(StorageQueueEvents(storage, queue.queue_name), taken.accept, EventCounts(), QUICK)
    puller.start(Supervisor())
    await until(lambda: taken.events)
    await until(lambda: queue.get_queue_properties().approximate_message_count == 0)
    await puller.close()
    assert (len(taken.events), taken.calls) == (1, 4)


async def test_a_bot_that_stops_while_it_can_not_store_gives_the_message_back(
    storage: str, queue: QueueClient
) -> None:
    queue.send_message(json.dumps(event()))
    taken = Taken()
    taken.errors = [StorageUnavailable("the disk is full")] * 1_000
    puller = Puller(StorageQueueEvents(storage, queue.queue_name), taken.accept, EventCounts(), QUICK)
    puller.start(Supervisor())
    await until(lambda: taken.calls)
    await puller.stop(patience=10)
    await puller.close()
    assert len(queue.peek_messages()) == 1, "it is visible to the next reader at once"
    assert taken.events == []


async def test_a_message_that_ended_the_process_at_each_try_is_moved_aside_with_the_reason() -> None:
    body = json.dumps(event()).encode()
    queue, taken = Listed(body, json.dumps(inbound(MessageId="good")).encode()), Taken()
    queue.tries[0] = 4
    taken.errors = [ValueError("the fifth try fails, too")]
    puller = Puller(queue, taken.accept, EventCounts(), QUICK)
    puller.start(Supervisor())
    await until(lambda: not queue.bodies)
    await puller.close()
    (rejected,) = taken.rejected()
    assert rejected.reason == "It was fetched 5 times and never stored: ValueError: the fifth try fails, too."
    assert json.loads(rejected.raw) == event()
    assert puller.set_aside == 1
    assert len(taken.events) == 2, "the good one beside it was taken"


async def test_five_tries_are_not_too_many() -> None:
    queue, taken = Listed(json.dumps(event()).encode()), Taken()
    queue.tries[0] = 4
    puller = Puller(queue, taken.accept, EventCounts(), QUICK)
    puller.start(Supervisor())
    await until(lambda: not queue.bodies)
    await puller.close()
    assert not taken.rejected()


@pytest.mark.parametrize(
    ("content", "body"),
    [
        ('{"a": 1}', b'{"a": 1}'),
        (" [1]", b"[1]"),
        (base64.b64encode(b'{"a": 1}').decode(), b'{"a": 1}'),
        (base64.b64encode(b"\xef\xbb\xbf [1]").decode(), b"\xef\xbb\xbf [1]"),
        ("hello", b"hello"),
        ("hell", b"hell"),
        ("", b""),
    ],
)
def test_a_message_is_json_or_base64_of_it(content: str, body: bytes) -> None:
    assert decode_body(content) == body


class Namespace:
    """The four calls of a namespace topic that the bot makes, and the lock's renewal, as Azure's contract has them."""

    def __init__(self) -> None:
        self.events: dict[str, Any] = {}
        self.tries: dict[str, int] = {}
        self.calls: list[tuple[str, Any]] = []
        self.status = 200
        self.port = 0

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/topics/{topic}/eventsubscriptions/{deed}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        subscription, _, deed = request.match_info["deed"].partition(":")
        assert (request.match_info["topic"], subscription) == ("sms", "bot")
        assert request.query["api-version"] == "2024-06-01"
        assert request.headers["Authorization"] == "SharedAccessKey the-key"
        if self.status != 200:
            return web.json_response({"error": {"code": "x", "message": "no"}}, status=self.status)
        if deed == "receive":
            return await self._receive(request)
        tokens = (await request.json())["lockTokens"]
        self.calls.append((deed, tokens))
        for token in tokens if deed in ("acknowledge", "reject") else []:
            self.events.pop(token, None)
        return web.json_response({"succeededLockTokens": tokens, "failedLockTokens": []})

    async def _receive(self, request: web.Request) -> web.Response:
        assert 1 <= int(request.query["maxEvents"]) <= 100
        assert 10 <= int(request.query["maxWaitTime"]) <= 120
        if not self.events:
            await asyncio.sleep(0.05)
        for token in self.events:
            self.tries[token] = self.tries.get(token, 0) + 1
        value = [
            {"brokerProperties": {"lockToken": token, "deliveryCount": self.tries[token]}, "event": event}
            for token, event in self.events.items()
        ]
        return web.json_response({"value": value})


@pytest.fixture
async def namespace() -> AsyncIterator[Namespace]:
    namespace = Namespace()
    await namespace.start()
    yield namespace
    await namespace.stop()


def cloud_event(**changes: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "type": SMS, "source": "/x", "id": "1", "data": INBOUND_DATA} | changes


async def test_a_namespace_topic_is_read_by_azures_own_client(
    namespace: Namespace, tmp_path: Path, databases: Databases, acs: Acs
) -> None:
    namespace.events = {"token-1": cloud_event(), "token-2": {"id": "2", "data": "no event at all"}}
    setting = f"namespace:http://127.0.0.1:{namespace.port}/topics/sms/subscriptions/bot;key=the-key"
    url = databases.migrated("sqlite")
    async with running(tmp_path, url, acs, BOT_WEBHOOK_SECRETS="", BOT_EVENTS_QUEUE=setting) as bot:
        await bot_replies_soon(bot)
        await until(lambda: not namespace.events)
        assert namespace.calls == [("acknowledge", ["token-1", "token-2"])]
        (kept,) = await bot.items("/api/rejected")
        assert kept["reason"].startswith("It has no eventType or type")
        health = (await bot.http.get("/health/ready")).json()["checks"]["events_queue"]
        assert health == {"status": "ok", "kind": "namespace", "waiting": None}


async def test_a_namespace_topics_events_are_held_released_and_rejected_by_their_locks(
    namespace: Namespace,
) -> None:
    namespace.events = {"token": cloud_event()}
    taken = Taken()
    taken.errors = [StorageUnavailable("the disk is full")] * 1_000
    address = f"http://127.0.0.1:{namespace.port}"

    def puller() -> Puller:
        queue = NamespaceTopicEvents(address, "sms", "bot", "the-key")
        return Puller(queue, taken.accept, EventCounts(), QUICK)

    first = puller()
    first.start(Supervisor())
    await until(lambda: ("renewLock", ["token"]) in namespace.calls)
    await first.stop(patience=10)
    await first.close()
    assert namespace.calls[-1] == ("release", ["token"])
    assert namespace.events, "it was not stored"
    taken.errors = []
    namespace.tries["token"] = 9
    second = puller()
    second.start(Supervisor())
    await until(lambda: not namespace.events)
    await second.close()
    assert namespace.calls[-1] == ("reject", ["token"])
    (rejected,) = taken.rejected()
    assert "fetched 9 times" in rejected.reason


async def test_a_namespace_that_answers_no_is_a_trouble_that_ends(namespace: Namespace) -> None:
    namespace.status = 401
    taken = Taken()
    queue = NamespaceTopicEvents(f"http://127.0.0.1:{namespace.port}", "sms", "bot", "the-key")
    puller = Puller(queue, taken.accept, EventCounts(), QUICK)
    puller.start(Supervisor())
    await until(lambda: puller.trouble)
    namespace.events, namespace.status = {"token": cloud_event()}, 200
    await until(lambda: puller.trouble is None and taken.events)
    await puller.close()


def test_the_setting_names_either_queue() -> None:
    account = (
        "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=a2V5;EndpointSuffix=core.windows.net"
    )
    queue = load({"BOT_EVENTS_QUEUE": f"storage:{account};queue=sms-events"}).events_queue
    assert isinstance(queue, StorageQueue)
    assert (queue.connection_string.reveal(), queue.name) == (account, "sms-events")
    assert "a2V5" not in repr(queue)
    topic = load(
        {"BOT_EVENTS_QUEUE": "namespace:https://x.eventgrid.azure.net/topics/sms/subscriptions/bot"}
    ).events_queue
    assert topic == NamespaceTopic(endpoint="https://x.eventgrid.azure.net", topic="sms", subscription="bot")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("queue:hunter2", "must begin with storage: or namespace:"),
        ("storage:AccountName=x;AccountKey=hunter2", "has no queue="),
        ("storage:AccountName=x;AccountKey=hunter2;queue=NO", "no queue's name"),
        ("storage:hunter2;queue=events", "no whole connection string"),
        ("namespace:https://x/topics/sms;key=hunter2", "does not name a topic's subscription"),
        ("namespace:http://x/topics/sms/subscriptions/bot", "only a loopback host"),
        ("namespace:https://x/topics/a/subscriptions/b;hunter2", "that is not ;key=KEY"),
    ],
)
def test_a_queue_that_is_none_is_refused_without_showing_its_key(text: str, sentence: str) -> None:
    with pytest.raises(WrongSetting) as refused:
        load({"BOT_EVENTS_QUEUE": text})
    assert str(refused.value).startswith("BOT_EVENTS_QUEUE ")
    assert sentence in str(refused.value)
    assert "hunter2" not in str(refused.value)
