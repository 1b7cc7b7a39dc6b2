"""An opt-out that a person records: nothing more is sent, asked or said later."""

from bot.conversation.follow_ups import OPTED_OUT, cancel_follow_ups
from bot.conversation.incidents import ENDED_BY_OPT_OUT, Outcome
from bot.conversation.planned_replies import hold_planned
from bot.operator.transaction import ConversationEdit


async def opt_out(edit: ConversationEdit, reason: str | None) -> bool:
    """Opt the peer out; False when they were. What they may have meant by a message is settled in either case.

    `reason`: how they said so, for the record.
    """
    await edit.close(Outcome.OPTED_OUT, *ENDED_BY_OPT_OUT)
    if edit.opted_out:
        return False
    edit.change(opted_out=True, flow=None, consent_at=edit.now)
    edit.tell_consent(reason)
    edit.conversation.fetches = ()
    edit.conversation.unanswered_since = edit.conversation.snoozed_until = None
    key = [edit.conversation.id]
    await cancel_follow_ups(edit.connection, key, OPTED_OUT, edit.now)
    await hold_planned(edit.connection, key, OPTED_OUT, edit.now)
    return True
