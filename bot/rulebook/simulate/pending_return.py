"""When a conversation that is only played goes back to the bot, as nobody there writes for a person."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from bot.rulebook.decision import ConversationState, Decision
from bot.rulebook.handed_over import HandedOver


class PendingReturn:
    """The return of a played conversation that was handed over for a time."""

    def __init__(self) -> None:
        self._given: HandedOver | None = None
        self._rule = ""
        self._back_at: datetime | None = None

    def hear(self, decision: Decision, now: datetime) -> None:
        """A message of theirs, and what it brings about."""
        given = decision.handover
        if given is not None and given.back_after is not None:
            self._given, self._back_at = given, now + timedelta(seconds=given.back_after)
            self._rule = decision.rule or ""

    def look(
        self, now: datetime, standing: ConversationState
    ) -> tuple[ConversationState, tuple[tuple[str, str], ...]]:
        """The standing by now, and what is said when the conversation goes back: each text behind its rule."""
        given = self._given
        if given is None or self._back_at is None or not standing.handed_over or now < self._back_at:
            return standing, ()
        self._given = None
        texts = () if standing.opted_out else given.spoken(standing.language)
        return replace(standing, handed_over=False), tuple((self._rule, text) for text in texts)
