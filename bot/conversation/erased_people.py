"""People who were erased and write again: their opt-out still holds, and old events bring nothing back."""

from collections.abc import Collection

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.erasure_marks import ErasureMarks, Mark
from bot.conversation.thread import ConversationThread


async def recall_erased(
    connection: AsyncConnection,
    marks: ErasureMarks,
    ids: Collection[str],
    opened: dict[tuple[str, str], ConversationThread],
) -> tuple[set[str], dict[Mark, ConversationThread]]:
    """Which of these messages were erased; and the newcomers who opted out before they were, who are so again."""
    newcomers = {Mark("opt-out", key): each for key, each in opened.items() if each.is_new}
    # Of those on a list that was imported and erased: for every number.
    of_all = {Mark("opt-out", ("", each.peer)) for each in newcomers.values()}
    wanted = [*newcomers, *of_all, *(Mark("event", (message_id,)) for message_id in ids)]
    found = await marks.find(connection, wanted)
    erased = {mark.parts[0] for mark in found if mark.kind == "event"}
    back = {mark: newcomers[mark] for mark in found if mark in newcomers}
    for conversation in newcomers.values():
        key = (conversation.number, conversation.peer)
        marks_of_it = (Mark("opt-out", ("", conversation.peer)), Mark("opt-out", key))
        for mark in marks_of_it:
            if mark in found:
                conversation.state = replace(conversation.state, opted_out=True, consent_at=found[mark])
    return erased, back
