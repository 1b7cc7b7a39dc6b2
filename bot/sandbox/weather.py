"""What goes wrong in the sandbox, and how slow it is: asked wherever a fault could happen."""

from random import Random
from typing import Annotated

import msgspec

Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=600_000)]

#: How late a shuffled event comes, at most. Seconds.
SHUFFLED_BY = 1.0


class Weather(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fair unless told otherwise. Rates are the share of calls, reports or events that it happens to."""

    #: ACS takes up to so long before it looks at a call.
    latency_ms: Milliseconds = 0
    #: Calls answered 429, with Retry-After.
    throttle_rate: Rate = 0
    #: Calls answered 500.
    error_rate: Rate = 0
    #: Calls that are taken, and whose connection is then closed without an answer.
    drop_response_rate: Rate = 0
    #: Recipients that ACS does not send to.
    refuse: tuple[str, ...] = ()
    #: How long after a message was accepted its delivery report is published.
    report_delay_ms: Milliseconds = 300
    #: Reports that say Failed.
    report_failed_rate: Rate = 0
    #: Reports that never come.
    report_lost_rate: Rate = 0
    #: Events that are delivered once more; of those, so many a third time.
    duplicate_rate: Rate = 0
    #: Whether events come up to a second late, each by its own time, and so in any order.
    shuffle: bool = False

    def latency(self, chance: Random) -> float:
        """How long this call waits, in seconds."""
        return chance.uniform(0, self.latency_ms / 1000)

    def refusal(self, chance: Random) -> int | None:
        """The status with which this call is turned away."""
        if chance.random() < self.throttle_rate:
            return 429
        return 500 if chance.random() < self.error_rate else None

    def drops_response(self, chance: Random) -> bool:
        """Whether the answer to this call is lost."""
        return chance.random() < self.drop_response_rate

    def report(self, chance: Random) -> tuple[str, str] | None:
        """The status and details of this message's delivery report, or None when it never comes."""
        if chance.random() < self.report_lost_rate:
            return None
        if chance.random() < self.report_failed_rate:
            return "Failed", "ErrorCode: 4006. ErrorMessage: The phone can't be reached."
        return "Delivered", "No error."

    def arrivals(self, chance: Random) -> list[float]:
        """When each copy of this event sets out, in seconds from now."""
        copies = 1
        while copies < 3 and chance.random() < self.duplicate_rate:
            copies += 1
        return [chance.uniform(0, SHUFFLED_BY) if self.shuffle else 0 for _ in range(copies)]
