"""ACS in a storm: what it takes, what it turns away, and what it remembers of repeated calls.

As strict as Azure's documentation allows: a message is known again by the pair of repeatabilityRequestId and
repeatabilityFirstSent, whoever comes with another pair gets a second SMS, and the same pair with another text, phone or
tag is refused.
"""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from msgspec import Struct

#: How long a repeatability pair is good for.
WINDOW = timedelta(minutes=5)

#: What becomes of a call. `lost` and `broken` are taken, and whoever asked does not hear of it.
Fate = Literal["taken", "throttled", "failed", "reset", "lost", "broken"]


class Storm(Struct, frozen=True, kw_only=True):
    """What goes wrong; fair weather unless told otherwise. Rates are shares of calls, or of messages."""

    #: 429 with a Retry-After of `retry_after` seconds.
    throttled: float = 0.0
    retry_after: float = 1.0
    #: 500 or 503; nothing is taken.
    failed: float = 0.0
    #: The connection is reset before anything is taken.
    reset: float = 0.0
    #: Taken, then the connection is closed without an answer.
    lost: float = 0.0
    #: Taken, then answered 500 or 504.
    broken: float = 0.0
    #: So often in a row at most is a call to a phone not answered well; None: without end. The bot waits
    #: twice as long after each, so that six in a row take it a minute.
    most_in_a_row: int | None = None
    #: Seconds that every call takes at most, half of them before it is decided on.
    latency: float = 0.0
    #: Calls that take up to `slowness` seconds instead.
    slow: float = 0.0
    slowness: float = 2.0
    #: Delivery reports: how late they set out at most, in how many copies at most, and how many say Failed.
    report_delay: float = 0.0
    report_copies: int = 1
    reports_failed: float = 0.0
    #: Messages with two reports that contradict each other, the later one being right.
    reports_contradict: float = 0.0
    #: Whether there are reports at all.
    reports: bool = True

    def seconds(self) -> float:
        """How long a call takes."""
        return random.uniform(0, self.slowness if random.random() < self.slow else self.latency)

    def fate(self) -> Fate:
        """What becomes of a call."""
        chance = random.random()
        fates: tuple[tuple[Fate, float], ...] = (
            ("throttled", self.throttled),
            ("failed", self.failed),
            ("reset", self.reset),
            ("lost", self.lost),
            ("broken", self.broken),
        )
        for fate, rate in fates:
            if chance < rate:
                return fate
            chance -= rate
        return "taken"


class Sms(Struct, kw_only=True):
    """A message that went out to a phone."""

    message_id: str
    repeatability_id: str | None
    number: str
    peer: str
    text: str
    tag: str | None
    #: What the newest of its delivery reports says; None where there is none.
    reported: str | None = None


class Ledger:
    """Every SMS that went out, and the pairs by which a repeated call is known again."""

    def __init__(self) -> None:
        self.sent: list[Sms] = []
        self._taken: dict[tuple[str, str], Sms] = {}
        self._running: set[tuple[str, str]] = set()
        #: Recipients whose pair was known: repeats that a worse ACS would have sent twice.
        self.repeats = 0

    def begin(self, body: dict[str, Any]) -> set[tuple[str, str]]:
        """A call has come in: the pairs that it uses alone, until `end`. Others are answered 409 meanwhile."""
        mine = {pair for one in body["smsRecipients"] if (pair := _pair(one)) and pair not in self._running}
        self._running |= mine
        return mine

    def end(self, mine: set[tuple[str, str]]) -> None:
        """The call is over, whatever became of it."""
        self._running -= mine

    def take(
        self, body: dict[str, Any], mine: set[tuple[str, str]]
    ) -> tuple[list[dict[str, Any]], list[Sms]]:
        """ACS's answer for each recipient, and what goes out now."""
        results, fresh = [], []
        for recipient in body["smsRecipients"]:
            result, sms = self._take_one(body, recipient, mine)
            results.append({"to": recipient["to"]} | result)
            if sms is not None:
                fresh.append(sms)
        self.sent += fresh
        return results, fresh

    def _take_one(
        self, body: dict[str, Any], recipient: dict[str, Any], mine: set[tuple[str, str]]
    ) -> tuple[dict[str, Any], Sms | None]:
        pair = _pair(recipient)
        if pair is not None:
            if pair not in mine:
                return _refused(409, "The same request is still being processed."), None
            age = datetime.now(UTC) - parsedate_to_datetime(pair[1])
            if abs(age) > WINDOW:
                return _refused(412, "repeatabilityFirstSent is out of the window."), None
            if known := self._taken.get(pair):
                mine_now = (body["from"], recipient["to"], body["message"], _tag(body))
                if (known.number, known.peer, known.text, known.tag) != mine_now:
                    return _refused(400, "The repeatability id was used for another message."), None
                self.repeats += 1
                return _accepted(known), None
        sms = Sms(
            message_id=f"Outgoing_{uuid4()}",
            repeatability_id=pair[0] if pair else None,
            number=body["from"],
            peer=recipient["to"],
            text=body["message"],
            tag=_tag(body),
        )
        if pair is not None:
            self._taken[pair] = sms
        return _accepted(sms), sms


def _pair(recipient: dict[str, Any]) -> tuple[str, str] | None:
    request_id, first_sent = pair_id(recipient), recipient.get("repeatabilityFirstSent")
    return (request_id, first_sent) if request_id and first_sent else None


def pair_id(recipient: dict[str, Any]) -> str | None:
    """The id of a recipient's repeatability pair."""
    request_id = recipient.get("repeatabilityRequestId")
    return str(UUID(request_id)) if request_id else None


def _tag(body: dict[str, Any]) -> str | None:
    tag: str | None = body.get("smsSendOptions", {}).get("tag")
    return tag


def _accepted(sms: Sms) -> dict[str, Any]:
    return {
        "messageId": sms.message_id,
        "httpStatusCode": 202,
        "repeatabilityResult": "accepted",
        "successful": True,
    }


def _refused(status: int, why: str) -> dict[str, Any]:
    return {
        "httpStatusCode": status,
        "repeatabilityResult": "rejected",
        "successful": False,
        "errorMessage": why,
    }
