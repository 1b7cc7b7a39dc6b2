"""The sandbox itself: one ACS resource with its number, one Event Grid subscription, and all the phones."""

import asyncio
import base64
import binascii
import random
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec
import structlog

from bot.sandbox import acs
from bot.sandbox.acs_errors import foreign_number
from bot.sandbox.event_grid import Delivery, EventGrid, TooManyWaiting, Watcher
from bot.sandbox.events import Event, Schema, delivery_report, incoming_message_id, sms_received
from bot.sandbox.message_log import AcceptedMessage, MessageLog, PhoneText
from bot.sandbox.weather import EXPIRED, Weather
from bot.text.numbers import normalise_number
from bot.text.segments import measure

log = structlog.get_logger(__name__)

#: The access key of a sandbox that was given none: always the same, so that a .env stays good.
ACCESS_KEY = base64.b64encode(b"the sandbox's access key is no secret").decode()
NUMBER = "+15555550100"
#: How many times faster than Azure the sandbox tries again, so that people need not wait.
PACE = 10.0
#: What a newcomer can text the example rule book.
HINTS = ("HOURS", "ORDER 12345", "HELP")
LONGEST_TEXT = 100_000


#: What an event's delivery means for the text it carries.
_TEXT_STATES: Final[dict[str, Literal["sending", "received", "refused"]]] = {
    "waiting": "sending",
    "delivered": "received",
    "dead-lettered": "refused",
}


class WrongAccessKey(ValueError):
    """The access key is not base64, as Azure's are."""


class BadText(ValueError):
    """A phone's text can't be sent: its field and what is wrong with it."""

    def __init__(self, field: str, rest: str) -> None:
        super().__init__(f"{field} {rest}")
        self.field = field
        #: The sentence without the field's name, for a page that shows it beside the field.
        self.rest = rest


class Sandbox:
    """A stand-in for ACS and Event Grid that delivers to one webhook while it is started.

    `pace` says how many times faster than Azure a failed delivery is tried again; `hints` are texts that the
    phone page offers to someone who has said nothing yet.
    """

    def __init__(
        self,
        webhook_url: str,
        access_key: str = ACCESS_KEY,
        number: str = NUMBER,
        *,
        pace: float = PACE,
        hints: Sequence[str] = HINTS,
        schema: Schema = "cloudevents",
    ) -> None:
        """Check the key; nothing runs before `start`."""
        try:
            base64.b64decode(access_key, validate=True)
        except (binascii.Error, ValueError):
            raise WrongAccessKey("The access key must be base64, as the Azure portal shows it.") from None
        self.access_key = access_key
        self.number = normalise_number(number)
        self.hints = tuple(hints)
        self._weather = Weather()
        self._pace = pace
        self.chance = random.Random()  # noqa: S311 - it is the weather, not a secret
        self.log = MessageLog()
        self.event_grid = EventGrid(webhook_url, pace=pace, schema=schema)
        self.stopping = False
        self._repeatability = acs.Repeatability()
        self._timers: set[asyncio.TimerHandle] = set()

    @property
    def weather(self) -> Weather:
        """What goes wrong from now on."""
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._weather = msgspec.structs.replace(
            weather,
            refuse=tuple(map(normalise_number, weather.refuse)),
            foreign_numbers=tuple(map(normalise_number, weather.foreign_numbers)),
            opted_out=tuple(map(normalise_number, weather.opted_out)),
        )
        self.event_grid.batch = weather.batch

    async def start(self) -> None:
        """Begin to deliver events; returns at once, whether the webhook is up yet or not."""
        self.stopping = False
        await self.event_grid.start()

    async def stop(self) -> None:
        """End open streams, timers and requests."""
        self.stopping = True
        self.log.wake_all()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        await self.event_grid.stop()

    def text_the_bot(self, *, sender: str, recipient: str | None, text: str) -> PhoneText:
        """Send `text` from a phone to one of our numbers; raises BadText, or TooManyWaiting."""
        sms = PhoneText(
            message_id="",
            event_id="",
            from_=read_number("from", sender),
            to=self.number if recipient is None else read_number("to", recipient),
            text=_read_text(text),
            sent_at=datetime.now(UTC),
        )
        event = sms_received(
            message_id=incoming_message_id(sms.sent_at),
            sender=sms.from_,
            recipient=sms.to,
            text=sms.text,
            segments=measure(sms.text).segments,
            now=sms.sent_at,
        )
        sms = msgspec.structs.replace(sms, message_id=event.id, event_id=event.id)
        if self.event_grid.full:
            raise TooManyWaiting
        self.log.note_text(sms)
        self._publish(event, lambda delivery: self._note_text_state(event.id, delivery))
        return sms

    def send(self, request: acs.SendRequest) -> list[acs.Result]:
        """Answer a checked call of ``POST /sms``, recipient by recipient; raises Refusal for a foreign sender."""
        if normalise_number(request.sender) in self.weather.foreign_numbers:
            raise foreign_number(request.sender, self.weather.foreign_number_status)
        now = datetime.now(UTC)
        return [self._send_to(recipient, request, now) for recipient in request.recipients]

    def _send_to(self, recipient: acs.SentRecipient, request: acs.SendRequest, now: datetime) -> acs.Result:
        if status := self.weather.recipient_refusal(recipient.to, self.chance):
            return acs.refuse(recipient, status, "The sandbox's weather refuses this recipient.")
        return acs.send_to(recipient, request, self._repeatability, now, self._accept)

    def _accept(self, message_id: str, recipient: acs.SentRecipient, request: acs.SendRequest) -> None:
        message = AcceptedMessage(
            message_id=message_id,
            from_=request.sender,
            to=recipient.to,
            message=request.message,
            repeatability_request_id=recipient.repeatability_request_id,
            repeatability_first_sent=recipient.repeatability_first_sent,
            tag=request.tag,
            accepted_at=datetime.now(UTC),
        )
        self.log.note_accepted(message)
        if request.report:
            self._later(
                self.weather.report_delay_ms / 1000, lambda: self._report(message, request.report_timeout)
            )

    def _report(self, message: AcceptedMessage, timeout: int | None) -> None:
        """Publish what became of a message; one that never comes expires after `timeout`, if there is one."""
        outcome = self.weather.report(self.chance, message.to)
        if outcome is not None:
            self._publish_report(message, *outcome)
        elif timeout is not None:
            self._later(timeout / self._pace, lambda: self._publish_report(message, *EXPIRED))

    def _publish_report(self, message: AcceptedMessage, status: str, details: str) -> None:
        def watch(delivery: Delivery) -> None:
            if delivery.state == "delivered":
                self.log.note_delivery(message.message_id, status, details)

        event = delivery_report(
            message_id=message.message_id,
            sender=message.from_,
            recipient=message.to,
            status=status,
            details=details,
            tag=message.tag,
            segments=measure(message.message).segments,
            accepted_at=message.accepted_at,
            now=datetime.now(UTC),
        )
        self._publish(event, watch)

    def _note_text_state(self, message_id: str, delivery: Delivery) -> None:
        text = self.log.text(message_id)
        # Another copy of the same event may have been taken before.
        if text is not None and text.state != "received":
            self.log.note_text_state(
                message_id, _TEXT_STATES[delivery.state], delivery.reason, delivery.tries
            )

    def _publish(self, event: Event, watcher: Watcher) -> None:
        if self.weather.gives_up(self.chance):
            self._publish_now(event, watcher, "The sandbox's weather made a dead letter of it.")
            return
        for seconds in self.weather.arrivals(self.chance):
            if seconds:
                self._later(seconds, lambda: self._publish_now(event, watcher))
            else:
                self._publish_now(event, watcher)

    def _publish_now(self, event: Event, watcher: Watcher, give_up: str | None = None) -> None:
        try:
            self.event_grid.publish(event, watcher, give_up=give_up)
        except TooManyWaiting as error:
            log.warning("An event is lost.", action="event_lost", event_id=event.id, reason=str(error))

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.discard(timer)
            do()

        timer = asyncio.get_running_loop().call_later(seconds, due)
        self._timers.add(timer)


def read_number(field: str, raw: str) -> str:
    """Return a phone's number in its canonical form; raises BadText, which names `field`."""
    number = normalise_number(raw)
    if not re.fullmatch(r"\+?\d{3,15}", number, re.ASCII):
        raise BadText(field, "must be a phone number such as +15555550101, or a short code.")
    return number


def _read_text(text: str) -> str:
    if not text.strip():
        raise BadText("text", "must say something.")
    if len(text) > LONGEST_TEXT:
        raise BadText("text", f"must have at most {LONGEST_TEXT:,} characters.")
    return text
