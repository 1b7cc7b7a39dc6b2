"""What becomes of a decision where the peer's country is not answered (`answer` beside a number)."""

from msgspec.structs import replace

from bot.rulebook.decision import ConversationState, Decision, HeldBack


def unanswered_abroad(decision: Decision, before: ConversationState) -> Decision:
    """The decision without what it says and does: the message is kept, and a wish for or against messages counts.

    The confirmation of an opt-out leaves all the same.
    """
    after = decision.after
    if after.opted_out and not before.opted_out:
        return decision
    if decision.held_back_by is not None and not decision.replies:
        return replace(decision, after=_with_wish(before, after), later=())
    return replace(
        decision,
        replies=(),
        withheld=decision.replies,
        held_back_by=HeldBack.ABROAD,
        exempt=False,
        after=_with_wish(before, after),
        kept=None,
        flow_end=None,
        wants_code=None,
        code=None,
        fetch=None,
        later=(),
    )


def _with_wish(before: ConversationState, after: ConversationState) -> ConversationState:
    return replace(before, opted_out=after.opted_out, consent_at=after.consent_at)
