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
from bot.wire.calls import LARGEST_BODY, BodyTooLarge, header, is_of_event_grid, read_call
from bot.wire.envelopes import SUBSCRIPTION_DELETION, EventBatch, NotAnEventBatch
from bot.wire.event_counts import EventCounts
from bot.wire.webhook_auth import KeysUnavailable, WebhookAuth

#: In a call's `extensions`: the server's "who sends this is known", so that it need not make room for others.
VOUCH = "bot.vouch"
#: In a call's `extensions`: the server's short way to answer 200 with JSON; False when it can't now.
ANSWER = "bot.answer"
#: Event Grid sends a call again that was answered so.
_COMES_AGAIN = (408, 503)
#: Seconds after which Event Grid comes again anyway; ours only has to be no longer.
RETRY_AFTER = 30

#: Characters of a reason in the log.
_LONGEST_REASON = 200
#: Seconds between two lines about deliveries with a wrong secret.
_BETWEEN_ALARMS = 60.0
#: Seconds between two lines about handshakes that were refused for the same reason: strangers can send them, too.
_BETWEEN_HANDSHAKES = 10.0

#: A query string as nearly all are, with nothing in it to be decoded.
_PLAIN_CODE = re.compile(rb"code=([\w.~-]*)")

log = structlog.get_logger(__name__)


class DeliveryAborted(Exception):
    """The caller hung up before the body was whole: nobody waits for an answer."""


#: What `aeg-event-type` says of calls that bring events alone; in lower case.
_OF_EVENTS = frozenset({b"", b"notification"})


class Webhook:
    """`/events`: the subscription handshakes, and the delivery of every event."""

    def __init__(self, inbox: Inbox, auth: WebhookAuth, event_counts: EventCounts | None = None) -> None:
        self._inbox = inbox
        self._auth = auth
        self._event_counts = event_counts or EventCounts()
        #: Event Grid's calls that were refused: the events of each are lost for good.
        self.refused = 0
        #: Calls without any credential. Anybody can send them, with Event Grid's headers too, so they are no alarm.
        self.strangers = 0
        #: Event Grid's handshakes that were refused; no event is lost by one.
        self.refused_handshakes = 0
        self._last_alarm = -math.inf
        self._stranger_logged = -math.inf
        #: Reason → when a handshake that was refused for it was logged.
        self._handshakes_logged: dict[str, float] = {}
        #: Nothing is taken any more; Event Grid is asked to come again later.
        self.is_closed = False

    @property
    def counts(self) -> Counter[str]:
        """Events received, by what became of them; those of unknown types under one name."""
        return self._event_counts.by_outcome

    async def answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answer a call of `/events`: POST or OPTIONS. Raises Litestar's `HTTPException` for one that is refused.

        It takes the bytes as they are: at single-event posts a framework's handling of parameters and responses would
        cost more than all else (`benchmarks/intake.py`).
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
        """Note that the server has refused a call before it came here: no proper HTTP, too large or too slow."""
        given = dict(headers)
        if self._auth.knows(_offered(query, given)) or self._auth.may_accept(_authorization(given)):
            self._note_loss(given, status, reason)
        elif is_of_event_grid(given):
            log.warning(
                "A call with headers of Event Grid's was refused",
                action="event_grid_like_call_refused",
                status=status,
                reason=reason,
            )

    def _note_loss(self, headers: dict[bytes, bytes], status: int, reason: str) -> None:
        if status in _COMES_AGAIN or not is_of_event_grid(headers):
            return
        if _is_handshake(headers):
            self._note_refused_handshake(headers, reason)
            return
        self.refused += 1
        log.error(
            "Event Grid's delivery was refused and its events are lost",
            action="event_grid_delivery_refused",
            status=status,
            reason=one_line(reason, _LONGEST_REASON),
            refused=self.refused,
        )

    def _note_refused_handshake(self, headers: dict[bytes, bytes], reason: str) -> None:
        """Say why a handshake failed: Azure's own message at that moment only says that it did."""
        self.refused_handshakes += 1
        now = time.monotonic()
        if now - self._handshakes_logged.get(reason, -math.inf) < _BETWEEN_HANDSHAKES:
            return
        self._handshakes_logged[reason] = now
        log.warning(
            "A handshake of Event Grid's was refused, so that its subscription can't be made",
            action="event_grid_handshake_refused",
            reason=one_line(reason, _LONGEST_REASON),
            subscription=header(headers, b"aeg-subscription-name"),
            origin=header(headers, b"webhook-request-origin"),
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
            received = await self._take(headers, body)
            answer = (scope.get("extensions") or {}).get(ANSWER)
            if answer is None or not answer(received):  # type: ignore[operator]
                await _send_json(send, received)
        elif scope["method"] == "OPTIONS":
            # Without a credential: consent by itself delivers nothing, and whether Event Grid shows one is unknown.
            if b"webhook-request-origin" not in headers:
                self._note_refused_handshake(headers, "it has no header WebHook-Request-Origin")
            await _send_json(send, b"", _consent(headers))
        else:
            raise MethodNotAllowedException(
                detail="Events are posted here: use POST, or OPTIONS for the CloudEvents handshake.",
                headers={"Allow": "POST, OPTIONS"},
            )

    async def _take(self, headers: dict[bytes, bytes], body: bytes) -> bytes:
        """Store what a call brought; the answer's body."""
        try:
            batch = read_call(headers, body)
        except NotAnEventBatch as error:
            log.warning("A call brought no events", action="call_without_events_refused", reason=str(error))
            raise ClientException(detail=str(error)) from None
        except BodyTooLarge:
            raise _too_large() from None
        try:
            receipts = await self._inbox.accept(batch.events)
        except StorageUnavailable as error:
            retry = {"Retry-After": str(RETRY_AFTER)}
            raise ServiceUnavailableException(detail=str(error), headers=retry) from None
        self._event_counts.count(receipts, batch.ignored)
        self._log_subscription(headers, batch)
        if batch.validation_code is not None:
            return msgspec.json.encode({"validationResponse": batch.validation_code})
        return b'{"received":%d}' % len(receipts)

    def _log_subscription(self, headers: dict[bytes, bytes], batch: EventBatch) -> None:
        """Log what a call says of the subscription itself."""
        kind = headers.get(b"aeg-event-type", b"").lower()
        if kind in _OF_EVENTS and not batch.ignored and batch.validation_code is None:
            return  # as nearly every call
        name = headers.get(b"aeg-subscription-name") and header(headers, b"aeg-subscription-name")
        if batch.validation_code is not None:
            log.info(
                "Event Grid has validated this address",
                action="event_grid_address_validated",
                subscription=name,
            )
        elif kind == b"subscriptionvalidation":
            self._note_refused_handshake(headers, "its event has no validationCode")
        if kind == b"subscriptiondeletion" or SUBSCRIPTION_DELETION in batch.ignored:
            log.warning(
                "An Event Grid subscription was deleted: no more events come by it",
                action="event_grid_subscription_deleted",
                subscription=name,
            )

    def _count_refused(self, headers: dict[bytes, bytes]) -> None:
        """Count a delivery with a wrong credential; the log has one line a minute, with the count."""
        if _is_handshake(headers):
            self._note_refused_handshake(headers, "its credential is wrong")
            return
        self.refused += 1
        now = time.monotonic()
        if now - self._last_alarm < _BETWEEN_ALARMS:
            return
        self._last_alarm = now
        log.error(
            "Event Grid's delivery was refused and its events are lost: its credential is wrong",
            action="event_grid_credential_refused",
            subscription=header(headers, b"aeg-subscription-name"),
            refused=self.refused,
            mend="set BOT_WEBHOOK_SECRETS to both the old and the new secret, separated by a comma",
        )

    def _log_stranger(self, headers: dict[bytes, bytes]) -> None:
        """Log a call like Event Grid's that has no credential, once a minute; anybody can send it."""
        now = time.monotonic()
        if now - self._stranger_logged >= _BETWEEN_ALARMS:
            self._stranger_logged = now
            log.info(
                "A call like Event Grid's without any credential was refused",
                action="stranger_refused",
                subscription=header(headers, b"aeg-subscription-name"),
                strangers=self.strangers,
            )

    async def _authenticate(self, query: bytes, headers: dict[bytes, bytes]) -> None:
        """Raise 401 unless the call carries a good credential; 503 when nobody can tell."""
        if self._auth.is_the_last(query):
            return
        if self._auth.knows(_codes(query)):
            self._auth.note_good(query)
            return
        offered = _offered(query, headers)
        if self._auth.knows(offered):
            return
        try:
            if await self._auth.accepts(_authorization(headers)):
                return
        except KeysUnavailable as error:  # 401 would lose the events
            retry = {"Retry-After": str(RETRY_AFTER)}
            raise ServiceUnavailableException(detail=str(error), headers=retry) from None
        if not any(offered) and b"authorization" not in headers:
            self.strangers += 1
            if _is_handshake(headers):
                self._note_refused_handshake(headers, "it has no credential")
            elif is_of_event_grid(headers):
                self._log_stranger(headers)
        elif is_of_event_grid(headers):
            self._count_refused(headers)
        raise NotAuthorizedException(
            detail="The credential is missing or wrong:"
            " give one of BOT_WEBHOOK_SECRETS as ?code=... or in the header X-Bot-Secret."
        )


def _is_handshake(headers: dict[bytes, bytes]) -> bool:
    """Whether a call asks to deliver later and brings no events."""
    return headers.get(b"aeg-event-type", b"").lower() == b"subscriptionvalidation"


def _authorization(headers: dict[bytes, bytes]) -> str:
    return headers.get(b"authorization", b"").decode("latin-1")


def _offered(query: bytes, headers: dict[bytes, bytes]) -> list[bytes]:
    """The secrets that a call shows."""
    offered = _codes(query)
    if b"x-bot-secret" in headers:
        offered.append(headers[b"x-bot-secret"])
    return offered


def _codes(query: bytes) -> list[bytes]:
    """The values of `code` in a query string; one with a plus also as whoever writes it into a URL as it is means it.

    A form writes a space so, and base64 one of its signs.
    """
    plain = _PLAIN_CODE.fullmatch(query)
    if plain:
        return [plain[1]]
    text = query.decode("latin-1")
    read_as = (text, text.replace("+", "%2B")) if "+" in text else (text,)
    return [value.encode() for form in read_as for name, value in parse_qsl(form) if name == "code"]


def _consent(headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
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
