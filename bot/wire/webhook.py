"""The address that Event Grid posts to.

It answers 200 only once every event of the call is durable. Anything but 200, 408 and 503 makes Event Grid drop
the events for good, so errors are dear: what can't be understood is kept and acknowledged.
"""

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl

import msgspec
import structlog
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotAuthorizedException,
    ServiceUnavailableException,
)
from litestar.types import HTTPScope, Receive, Send

from bot.conversation.inbox import Inbox
from bot.storage.writer import StorageUnavailable
from bot.text.storable import one_line
from bot.wire.envelopes import NotAnEventBatch, read_batch
from bot.wire.webhook_auth import KeysUnavailable, WebhookAuth

#: Bytes. Event Grid's page says that it sends at most 1 MiB, but what is refused for its size is lost for good.
LARGEST_BODY = 8 * 1024 * 1024
#: In a call's `extensions`: the server's "who sends this is known", so that it need not make room for others.
VOUCH = "bot.vouch"
#: Event Grid comes again after these.
_COMES_AGAIN = (408, 503)
#: Seconds after which Event Grid comes again anyway; ours only has to be no longer.
RETRY_AFTER = 30

#: The name under which `Webhook.counts` has all events of types that mean nothing here.
UNKNOWN_TYPE = "unknown_type"
#: Of types that mean nothing here so many are named in the log, once each.
_MOST_TYPES_TOLD = 50
#: Characters of a name from outside in a line of the log.
_LONGEST_NAME = 100
#: Seconds between two lines about deliveries with a wrong secret.
_BETWEEN_ALARMS = 60.0

#: A query string as nearly all are, with nothing in it to be decoded.
_PLAIN_CODE = re.compile(rb"code=([\w.~-]*)")

log = structlog.get_logger(__name__)


class DeliveryAborted(Exception):
    """The caller hung up before the body was whole: nobody waits for an answer."""


class Webhook:
    """`/events`: the subscription handshakes, and the way in for every event."""

    def __init__(self, inbox: Inbox, auth: WebhookAuth) -> None:
        self._inbox = inbox
        self._auth = auth
        #: Calls of Event Grid's that showed a wrong credential: each is an event lost for good.
        self.refused = 0
        #: Calls that showed none at all. Anybody can send them, with Event Grid's headers too, so they are no alarm.
        self.strangers = 0
        #: Events received, by what became of them; those of a type that means nothing here under one name.
        self.counts: Counter[str] = Counter()
        self._unknown_types: set[str] = set()
        self._last_alarm = -math.inf
        #: Nothing is taken any more; Event Grid is told to come again later.
        self.is_closed = False

    async def answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answer a call of `/events`: POST or OPTIONS. Raises Litestar's `HTTPException` for one that is refused.

        It takes the bytes as they are: at single-event posts a framework's handling of parameters and responses would
        cost more than all that we do (`benchmarks/intake.py`).
        """
        headers = dict(scope["headers"])
        try:
            await self._answer(scope, headers, receive, send)
        except NotAuthorizedException:
            raise  # counted where it was judged
        except HTTPException as error:
            self._note_loss(headers, error.status_code, error.detail)
            raise

    def note_refusal(
        self, query: bytes, headers: Sequence[tuple[bytes, bytes]], status: int, reason: str
    ) -> None:
        """The server has refused a call before it came here: it was no proper HTTP, too large or too slow."""
        given = dict(headers)
        if self._auth.knows(_offered(query, given)):
            self._note_loss(given, status, reason)
        elif any(name.startswith(b"aeg-") for name in given):
            log.warning(
                "A call with headers of Event Grid's was refused",
                action="webhook_call_refused",
                status=status,
                reason=reason,
            )

    def _note_loss(self, headers: dict[bytes, bytes], status: int, reason: str) -> None:
        if status not in _COMES_AGAIN and any(name.startswith(b"aeg-") for name in headers):
            self.refused += 1
            log.error(
                "Event Grid's delivery was refused and its events are lost",
                action="delivery_refused",
                status=status,
                reason=reason,
                refused=self.refused,
            )

    async def _answer(
        self, scope: HTTPScope, headers: dict[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        if scope["method"] == "POST":
            await self._authenticate(scope["query_string"], headers)
            try:
                body = await _read_body(receive, headers, scope)
            except DeliveryAborted:
                return
            if self.is_closed:
                raise ServiceUnavailableException(
                    detail="The bot is stopping; send it again later.",
                    headers={"Retry-After": str(RETRY_AFTER)},
                )
            await _send_json(send, await self._take(body))
        elif scope["method"] == "OPTIONS":
            await self._authenticate(scope["query_string"], headers)
            await _send_json(send, b"", _handshake(headers))
        else:
            raise MethodNotAllowedException(
                detail="Events are posted here: use POST, or OPTIONS for the CloudEvents handshake.",
                headers={"Allow": "POST, OPTIONS"},
            )

    async def _take(self, body: bytes) -> bytes:
        """Store what a call brought; the answer's body."""
        try:
            batch = read_batch(body)
        except NotAnEventBatch as error:
            log.warning("A call brought no events", action="webhook_call_without_events", reason=str(error))
            raise ClientException(detail=str(error)) from None
        try:
            receipts = await self._inbox.accept(batch.events)
        except StorageUnavailable as error:
            headers = {"Retry-After": str(RETRY_AFTER)}
            raise ServiceUnavailableException(detail=str(error), headers=headers) from None
        for receipt in receipts:
            self.counts[receipt.outcome] += 1
        if batch.ignored:
            self._count_unknown(batch.ignored)
        if batch.validation_code is not None:
            log.info("Event Grid has validated this address", action="webhook_validated")
            return msgspec.json.encode({"validationResponse": batch.validation_code})
        return b'{"received":%d}' % len(receipts)

    def _count_unknown(self, types: dict[str, int]) -> None:
        """Count events of unknown types together: as labels they would be a series each, without end."""
        self.counts[UNKNOWN_TYPE] += sum(types.values())
        for event_type in types:
            if len(self._unknown_types) >= _MOST_TYPES_TOLD:
                return
            name = one_line(event_type, _LONGEST_NAME)
            if name not in self._unknown_types:
                self._unknown_types.add(name)
                log.info(
                    "Events of a type that means nothing here are acknowledged",
                    action="event_type_unknown",
                    type=name,
                )

    def _count_refused(self, headers: dict[bytes, bytes]) -> None:
        """Count a delivery with a wrong credential; the log says so once a minute, and how many there were."""
        self.refused += 1
        now = time.monotonic()
        if now - self._last_alarm < _BETWEEN_ALARMS:
            return
        self._last_alarm = now
        log.error(
            "Event Grid's delivery was refused and its events are lost: its secret is none of ours",
            action="delivery_secret_wrong",
            subscription=one_line(
                headers.get(b"aeg-subscription-name", b"").decode("latin-1"), _LONGEST_NAME
            ),
            refused=self.refused,
            mend="set BOT_WEBHOOK_SECRETS to both the old and the new secret, separated by a comma",
        )

    async def _authenticate(self, query: bytes, headers: dict[bytes, bytes]) -> None:
        """Raise 401 unless the call carries a good credential."""
        offered = _offered(query, headers)
        if self._auth.knows(offered):
            return
        try:
            if await self._auth.accepts(headers.get(b"authorization", b"").decode("latin-1")):
                return
        except KeysUnavailable as error:  # 401 would lose the events
            headers_back = {"Retry-After": str(RETRY_AFTER)}
            raise ServiceUnavailableException(detail=str(error), headers=headers_back) from None
        if not any(offered) and b"authorization" not in headers:
            self.strangers += 1
        elif any(name.startswith(b"aeg-") for name in headers):
            self._count_refused(headers)
        raise NotAuthorizedException(
            detail="The credential is missing or wrong:"
            " give one of BOT_WEBHOOK_SECRETS as ?code=... or in the header X-Bot-Secret."
        )


def _offered(query: bytes, headers: dict[bytes, bytes]) -> list[bytes]:
    """The secrets that a call shows."""
    offered = _codes(query)
    if b"x-bot-secret" in headers:
        offered.append(headers[b"x-bot-secret"])
    return offered


def _codes(query: bytes) -> list[bytes]:
    """The values of `code` in a query string."""
    plain = _PLAIN_CODE.fullmatch(query)
    if plain:
        return [plain[1]]
    return [value.encode() for name, value in parse_qsl(query.decode("latin-1")) if name == "code"]


def _handshake(headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """CloudEvents' "yes, I want these events" (HTTP 1.1 Web Hooks for Event Delivery, section 4)."""
    answer = [
        (b"allow", b"POST, OPTIONS"),
        (b"webhook-allowed-rate", headers.get(b"webhook-request-rate", b"*")),
    ]
    origin = headers.get(b"webhook-request-origin")
    return [*answer, (b"webhook-allowed-origin", origin)] if origin else answer


async def _read_body(receive: Receive, headers: dict[bytes, bytes], scope: HTTPScope) -> bytes:
    """The body of a call whose credential is good; raises 413, and `DeliveryAborted`."""
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > LARGEST_BODY:
        raise _too_large()
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message["body"]
    else:
        vouch: Callable[[], None] | None = (scope.get("extensions") or {}).get(VOUCH)  # type: ignore[assignment]
        if vouch is not None:
            vouch()
        chunks: list[bytes] = []
        size = 0
        while True:
            if message["type"] != "http.request":
                raise DeliveryAborted
            chunks.append(message["body"])
            size += len(message["body"])
            if size > LARGEST_BODY:
                chunks.clear()
                raise _too_large()
            if not message.get("more_body"):
                break
            message = await receive()
        body = b"".join(chunks)
    if len(body) > LARGEST_BODY:
        raise _too_large()
    return body


def _too_large() -> HTTPException:
    return HTTPException(
        status_code=413,
        detail=f"The body is larger than {LARGEST_BODY:,} bytes, eight times what Event Grid sends in one call.",
    )


async def _send_json(send: Send, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
                *(headers or ()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
