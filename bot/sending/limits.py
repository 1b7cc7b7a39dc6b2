"""How much is sent at once, and how long sending waits for what: values that `bot.app` hands in."""

from datetime import timedelta

from msgspec import Struct

from bot.sending.backoff import USUAL_BACKOFF, Backoff
from bot.sending.circuit_breaker import USUAL_BREAKER, BreakerLimits
from bot.sending.rush import USUAL_RUSH, RushLimits


class SendingLimits(Struct, frozen=True, kw_only=True):
    """Of the sender and its lanes; times are in seconds."""

    #: Calls of one lane at the same time: what a short code's 6,000 messages a minute need when Azure takes 300 ms a
    #: call.
    calls: int = 32
    #: So many messages of a lane are claimed in the transaction that queues them. Of more, the claim is a transaction
    #: of its own, so that whoever posted them has the answer sooner.
    few: int = 32
    #: Messages of one lane held in memory; the others wait in the database.
    held_in_memory: int = 4_000
    #: Messages that one look at the database reads.
    read_at_once: int = 1_000
    #: Before the next look, on PostgreSQL: so many times as long as the last one took, up to so many seconds.
    rest: float = 3.0
    longest_rest: float = 0.05
    #: Before another look at a message that another process sends, or will try again; what comes after it waits.
    look_at_leased: float = 0.5
    look_at_held: float = 5.0
    #: Between looks whether a number that another replica serves is ours.
    look_at_duty: float = 0.5
    #: A call takes no longer (`bot.wire.acs` has its timeouts): with less time left of its lease it is not made.
    longest_call: timedelta = timedelta(seconds=25)
    #: Before the outbox is read again after that failed.
    read_again: float = 1.0
    #: Before what ACS answered is given to the database again.
    record_again: float = 0.2
    #: Between looks at the database for what no wake-up announced.
    look_again: float = 5.0
    #: Between looks for messages that no report came for, and how many of them one transaction gives up on.
    expire_every: float = 30.0
    expired_at_once: int = 1_000
    backoff: Backoff = USUAL_BACKOFF
    breaker: BreakerLimits = USUAL_BREAKER
    rush: RushLimits = USUAL_RUSH

    def end_of_rest(self, began: float, ended: float) -> float:
        """Until when no queue is read again, after a look that lasted so: what comes meanwhile leaves together."""
        return ended + min(self.rest * (ended - began), self.longest_rest)


class ForwardingLimits(Struct, frozen=True, kw_only=True):
    """Of what is posted to addresses of others: what rules forward, and events."""

    #: Posts at the same time: in all, at one host, at one destination. Those of hosts that hang, whose posts last for
    #: ten seconds each until their circuits open, leave room for others.
    posts: int = 128
    per_host: int = 16
    per_destination: int = 8
    #: Seconds between looks at the database for what is due.
    look_again: float = 5.0
    #: Seconds before the database is given the end of a post again.
    record_again: float = 0.5
    #: A forward that could not be posted for this long is given up.
    give_up_after: timedelta = timedelta(hours=24)
    backoff: Backoff = USUAL_BACKOFF
    #: Of each destination that rules forward to.
    breaker: BreakerLimits = BreakerLimits(threshold=5, first_pause=1.0, longest_pause=60.0)
    #: Where all go to one receiver: after so many failures in a row it is taken to be down, and then asked with one
    #: post at a time, with these pauses.
    failures: int = 5
    pauses: Backoff = USUAL_BACKOFF
    #: Between looks for what waits longer than `give_up_after` and is not tried.
    look_for_old: timedelta = timedelta(minutes=10)


USUAL_SENDING = SendingLimits()
USUAL_FORWARDING = ForwardingLimits()
#: Of the events of one receiver.
USUAL_EVENTS = ForwardingLimits(
    posts=16,
    give_up_after=timedelta(days=3),
    backoff=Backoff(first=1.0, longest=300.0),
    pauses=Backoff(first=1.0, longest=60.0),
)
