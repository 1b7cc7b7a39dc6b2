"""What goes wrong in the sandbox, and how slow it is: asked wherever a fault could happen."""

from random import Random
from typing import Annotated, Literal

import msgspec

Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=600_000)]
#: Statuses with which a whole call can be turned away.
CallStatus = Literal[401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 500, 501, 502, 503, 504]

#: How late a shuffled event comes, at most. Seconds.
SHUFFLED_BY = 1.0
#: Status and details of a delivery report, in the words that carriers and Azure use.
DELIVERED = ("Delivered", "No error.")
UNREACHABLE = ("Failed", "ErrorCode: 4006. ErrorMessage: The phone can't be reached.")
OPTED_OUT = ("Failed", "ErrorCode: 4007. ErrorMessage: Sender blocked for given recipient.")
NO_REPORT = ("Failed", "ErrorCode: 5002. ErrorMessage: Message Delivery Timeout")
EXPIRED = ("Expired", "")


class Weather(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fair by default. Rates are the share of calls, recipients, reports or events that a fault happens to."""

    #: ACS takes up to this long before it looks at a call.
    latency_ms: Milliseconds = 0
    #: Calls answered 429, with Retry-After.
    throttle_rate: Rate = 0
    #: Calls answered 500.
    error_rate: Rate = 0
    #: Calls that are taken, and whose connection is then closed without an answer.
    drop_response_rate: Rate = 0
    #: What whole calls are turned away with, and how many of them.
    call_status: CallStatus | None = None
    call_status_rate: Rate = 1
    #: Sender numbers that are not the resource's, and what a call from one gets: 401, or 404 as in 2021.
    foreign_numbers: tuple[str, ...] = ()
    foreign_number_status: Literal[401, 404] = 401
    #: API versions that ACS does not know, besides those that nobody has heard of.
    unknown_api_versions: tuple[str, ...] = ()
    #: Recipients that ACS does not send to, and the status that each gets within the 202 of the call.
    refuse: tuple[str, ...] = ()
    refuse_status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 400
    #: Recipients that get 503 within the 202 of the call.
    recipient_unavailable_rate: Rate = 0
    #: Recipients that opted out at their carrier: ACS takes the message, the report says Failed with 4007.
    opted_out: tuple[str, ...] = ()
    #: How long after a message was accepted its delivery report is published.
    report_delay_ms: Milliseconds = 300
    #: Reports that say Failed, with 4006.
    report_failed_rate: Rate = 0
    #: Reports that never come.
    report_lost_rate: Rate = 0
    #: Reports that say Failed with 5002: the carrier said nothing, the message may have arrived.
    report_timeout_rate: Rate = 0
    #: Reports that say Expired, with no details.
    report_expired_rate: Rate = 0
    #: Events that are delivered once more; the same share of those comes a third time.
    duplicate_rate: Rate = 0
    #: Whether events come up to a second late, each by its own time, and so in any order.
    shuffle: bool = False
    #: How many events one request may bring; 1 is Azure's default.
    batch: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 1
    #: How late new events set out, as for a webhook on probation.
    probation_ms: Milliseconds = 0
    #: Events that Event Grid gives up at once, as it does with those that were refused.
    dead_letter_rate: Rate = 0

    def latency(self, chance: Random) -> float:
        """How long this call waits, in seconds."""
        return chance.uniform(0, self.latency_ms / 1000)

    def refusal(self, chance: Random) -> int | None:
        """The status with which this call is turned away."""
        if chance.random() < self.throttle_rate:
            return 429
        if chance.random() < self.error_rate:
            return 500
        return self.call_status if self.call_status and chance.random() < self.call_status_rate else None

    def drops_response(self, chance: Random) -> bool:
        """Whether the answer to this call is lost."""
        return chance.random() < self.drop_response_rate

    def recipient_refusal(self, number: str, chance: Random) -> int | None:
        """The status that this recipient gets within the 202 of its call."""
        if number in self.refuse:
            return self.refuse_status
        return 503 if chance.random() < self.recipient_unavailable_rate else None

    def report(self, chance: Random, number: str = "") -> tuple[str, str] | None:
        """The status and details of the report about a message to `number`, or None when it never comes."""
        if number in self.opted_out:
            return OPTED_OUT
        if chance.random() < self.report_lost_rate:
            return None
        if chance.random() < self.report_failed_rate:
            return UNREACHABLE
        if chance.random() < self.report_timeout_rate:
            return NO_REPORT
        return EXPIRED if chance.random() < self.report_expired_rate else DELIVERED

    def arrivals(self, chance: Random) -> list[float]:
        """When each copy of this event sets out, in seconds from now."""
        copies = 1
        while copies < 3 and chance.random() < self.duplicate_rate:
            copies += 1
        late = self.probation_ms / 1000
        return [late + (chance.uniform(0, SHUFFLED_BY) if self.shuffle else 0) for _ in range(copies)]

    def gives_up(self, chance: Random) -> bool:
        """Whether Event Grid gives this event up without a try."""
        return chance.random() < self.dead_letter_rate
