"""What is to be said to a peer later."""

from datetime import datetime

import msgspec


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """One text, or several, that leave at a time unless something comes in between."""

    due_at: datetime
    texts: tuple[str, ...]
    #: A message of the peer's cancels it.
    unless_answered: bool = False
    #: Hours by the clock of these zones, outside of which it is not said.
    between: str
    zones: tuple[str, ...]
