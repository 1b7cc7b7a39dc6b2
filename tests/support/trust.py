"""A clock that is trusted, or is not, as a test says."""

from datetime import datetime

from bot.clock import PastState


class ToldTrust:
    """A `bot.clock.ClockTrust` that is told what to say."""

    def __init__(self, waits_for: str | None = "The clock is 3,456,000 seconds ahead") -> None:
        self.waits_for = waits_for
        self.state: PastState = "wrong clock"

    @property
    def is_trusted(self) -> bool:
        return self.waits_for is None

    def state_at(self, _moment: datetime, /) -> PastState:
        return self.state
