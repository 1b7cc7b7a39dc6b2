"""Which of a peer's opt-outs and opt-ins counts: the newest, by their own time."""

from datetime import datetime

from msgspec.structs import replace

from bot.rulebook.decision import ConversationState


def apply_wish(wish: bool | None, state: ConversationState, now: datetime) -> tuple[ConversationState, bool]:
    """The state after an opt-out (True) or opt-in (False), and whether a newer wish is known, so that it does nothing.

    Of two wishes at the same time the opt-out counts.
    """
    known = state.consent_at
    if wish is None:
        return state, False
    if known is not None and (now < known or (now == known and not wish)):
        return state, wish != state.opted_out
    after = state if now == known else replace(state, consent_at=now)
    if wish == state.opted_out:
        return after, False
    # An opt-out ends running questions, and an opt-in does not take up those of the time before.
    return replace(after, opted_out=wish, flow=None, following=None), False
