"""As if: the time, the sender and what the bot knows of them, where somebody tries a talk."""

from datetime import datetime, tzinfo

import msgspec

from bot.rulebook.decision import ConversationState


class PhoneContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything is as usual where nothing is said: a new person texts the first number, now."""

    #: In the zone of the rules where it has none.
    at: datetime | None = None
    sender: str | None = None
    #: Our number.
    recipient: str | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    values: dict[str, str] = {}
    #: They have written before.
    known: bool = False

    @property
    def knows_something(self) -> bool:
        """Whether the conversation has begun before the talk does."""
        return bool(self.tags or self.values or self.known)

    def start(self, now: datetime, zone: tzinfo) -> datetime:
        """When the talk begins."""
        if self.at is None:
            return now
        return self.at if self.at.tzinfo else self.at.replace(tzinfo=zone)

    def state(self) -> ConversationState:
        """What the conversation brings to the talk."""
        return ConversationState(
            known=self.knows_something, tags=self.tags, values=self.values, language=self.language
        )


#: A test without a time plays then: a Monday at noon.
USUAL_TEST_DAY = (2026, 1, 5, 12)


def usual_test_time(zone: tzinfo) -> datetime:
    """When a test plays that says no time."""
    year, month, day, hour = USUAL_TEST_DAY
    return datetime(year, month, day, hour, tzinfo=zone)


def to_the_minute(at: datetime, zone: tzinfo) -> str:
    """A time as tests are written: `2026-12-24 10:00`."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
