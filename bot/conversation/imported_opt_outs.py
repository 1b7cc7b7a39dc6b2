"""People who begin a conversation and stand on a list of opt-outs that was brought along: they have opted out."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.thread import ConversationThread
from bot.storage.bulk import LookupByKeys
from bot.storage.consent_tables import imported_opt_outs


async def recall_imported(connection: AsyncConnection, opened: Iterable[ConversationThread]) -> None:
    """Opt out those among the newcomers whom a list names, as of the list's time."""
    newcomers = [each for each in opened if each.is_new]
    if not newcomers:
        return
    rows = await _IMPORTED.fetch(connection, {each.peer for each in newcomers})
    if not rows:
        return
    listed: dict[tuple[str, str], datetime] = {(peer, number): at for peer, number, at in rows}
    for each in newcomers:
        times = [listed[key] for key in ((each.peer, ""), (each.peer, each.number)) if key in listed]
        if times:
            each.state = replace(each.state, opted_out=True, consent_at=max(times))


_IMPORTED = LookupByKeys(
    select(imported_opt_outs.c.peer, imported_opt_outs.c.number, imported_opt_outs.c.at),
    imported_opt_outs.c.peer,
)
