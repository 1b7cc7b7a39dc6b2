"""People who begin a conversation and stand on a list of opt-outs that was brought along: they have opted out."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import exists, select

from bot.conversation.thread import ConversationThread
from bot.storage.consent_tables import imported_opt_outs
from bot.storage.lookups import LookupByKeys

#: By people's numbers, which stand on a list: peer, our number or nothing, and the list's time.
IMPORTED = LookupByKeys(
    # Most bots have no list at all: then SQLite looks for nobody.
    select(imported_opt_outs.c.peer, imported_opt_outs.c.number, imported_opt_outs.c.at).where(
        exists(select(imported_opt_outs.c.peer))
    ),
    imported_opt_outs.c.peer,
)


def opt_out_listed(rows: Collection[tuple[Any, ...]], opened: Iterable[ConversationThread]) -> None:
    """Opt out those among the newcomers whom a list names, as of the list's time; `rows` are of `IMPORTED`."""
    if not rows:
        return
    listed: dict[tuple[str, str], datetime] = {(peer, number): at for peer, number, at in rows}
    for each in opened:
        if not each.is_new:
            continue
        times = [listed[key] for key in ((each.peer, ""), (each.peer, each.number)) if key in listed]
        if times:
            each.state = replace(each.state, opted_out=True, consent_at=max(times))
