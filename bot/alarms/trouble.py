"""A trouble that people are told of, and what is said of its kind."""

from datetime import timedelta
from typing import Final, Literal

from msgspec import Struct

Kind = Literal[
    "handover", "opt-out", "loop", "repeats", "codes", "refused", "acs-down", "acs-refused", "rules", "queue",
    "quiet", "reports", "ceiling-near", "ceiling", "clock", "background", "events-queue", "fetch", "forward",
    "database",
    "events-out", "rejected", "queue-old", "deliveries", "forwards", "slow-replies", "slow-commits", "database-grows",
]  # fmt: skip

#: What each kind is called at its beginning and at its end. A sentence, with the reason behind it.
BEGUN: Final[dict[Kind, str]] = {
    "handover": "Somebody waits for a person",
    "opt-out": "A message may be an opt-out",
    "loop": "A conversation fell silent: it looks like another auto-responder",
    "repeats": "One message comes too often",
    "codes": "A list of codes runs out",
    "refused": "Event Grid's deliveries are refused, and their events are lost",
    "acs-down": "Azure Communication Services takes no messages",
    "acs-refused": "Azure Communication Services refuses the credential or the number",
    "rules": "The rule files have errors; the book before them answers",
    "queue": "The queue is full: messages are turned away, to come again",
    "quiet": "A number that is usually texted is not",
    "reports": "Delivery reports have stopped",
    "ceiling-near": "A number has sent most of what it may send in a day",
    "ceiling": "A number has sent all that it may send in a day, and its replies wait",
    "clock": "The clock of the bot's machine is wrong",
    "background": "A part of the bot ended, and is started again",
    "events-queue": "The queue of events can't be read",
    "fetch": "A service that rules ask does not answer",
    "forward": "A service that rules forward to does not answer, and what is for it waits",
    "database": "The database can't be written, so no message is taken",
    "events-out": "Events for others were not taken in three days, and are posted no more",
    "rejected": "Events came that could not be read, and wait for somebody",
    "queue-old": "Replies leave more slowly than they come, or not at all",
    "deliveries": "Many replies do not arrive",
    "forwards": "Messages that rules forward were not taken, and are posted no more",
    "slow-replies": "People wait for their replies",
    "slow-commits": "The database is slow, and all waits for it",
    "database-grows": "The database grows fast",
}
OVER: Final[dict[Kind, str]] = {
    "handover": "Nobody waits there any more",
    "opt-out": "What might have been an opt-out is settled",
    "loop": "The loop has been looked at",
    "repeats": "The repeated message has been looked at",
    "codes": "The list of codes has been looked at",
    "refused": "Event Grid's deliveries are taken again",
    "acs-down": "Azure Communication Services takes messages again",
    "acs-refused": "Azure Communication Services accepts the credential and the number again",
    "rules": "The rule files have no errors any more",
    "queue": "The queue has room again",
    "quiet": "A number is texted again",
    "reports": "Delivery reports come again",
    "ceiling-near": "A number is well below its daily ceiling again",
    "ceiling": "A number's replies leave again",
    "clock": "The clock is right again",
    "background": "A part of the bot runs again",
    "events-queue": "The queue of events can be read again",
    "fetch": "A service that rules ask answers again",
    "forward": "A service that rules forward to answers again",
    "database": "The database can be written again",
    "events-out": "No events for others are left that were given up",
    "rejected": "No event waits for somebody any more",
    "queue-old": "Replies leave in time again",
    "deliveries": "Replies arrive again, but for a few",
    "forwards": "What rules forward is taken again",
    "slow-replies": "Replies are quick again",
    "slow-commits": "The database is quick again",
    "database-grows": "The database grows no faster than it may",
}
#: Of these there are as many as conversations; of all others a few.
OF_CONVERSATIONS: Final[frozenset[Kind]] = frozenset({"handover", "opt-out", "loop", "repeats", "codes"})


class Trouble(Struct, frozen=True, kw_only=True):
    """Something that is so now."""

    #: What makes it the same one at the next look.
    key: str
    kind: Kind
    #: Nothing that a peer wrote.
    reason: str = ""
    #: A path of the console.
    place: str = "/console"


class AlarmLimits(Struct, frozen=True, kw_only=True):
    """How often is looked, and how often people are told."""

    #: Seconds between looks.
    every: float = 5.0
    #: What begins or ends within this time is told together; it and a look are less than a minute.
    gather: timedelta = timedelta(seconds=40)
    #: Messages in an hour; what does not fit is summed up in the next one.
    per_hour: int = 10
    #: A trouble that another process, or the one before this, found is over when nobody has found it for so long.
    unseen: timedelta = timedelta(seconds=60)
    #: How long after the last refused delivery that trouble is over.
    refused: timedelta = timedelta(minutes=15)
    #: Seconds for which one process is the one that tells.
    lease: timedelta = timedelta(seconds=90)
    #: After a message that reached nobody: the first pause, doubling up to the longest.
    first_pause: timedelta = timedelta(seconds=30)
    longest_pause: timedelta = timedelta(minutes=10)
    #: Bytes; a database that will have more in a week is worth a word.
    largest_database: int = 100_000_000_000
    #: What is over and told of is forgotten after so long.
    kept: timedelta = timedelta(days=30)


USUAL_ALARMS = AlarmLimits()
