"""The person whom an argument names: by a phone number, or by the name that a sender has in its place."""

from typing import Final

from bot.cli.errors import CommandFailed
from bot.queries.conversations import list_conversations
from bot.queries.filters import ConversationFilter
from bot.storage.database import DatabaseConnection
from bot.text.inert import shown_in_terminal
from bot.text.numbers import is_phone_number

_MEND: Final = "write the number with its country, such as +15555550101"


def require_sender(peer: str, *, is_kept: bool) -> None:
    """Raise `CommandFailed` for what is no number, unless it is the name of a sender of whom something is kept."""
    if not is_kept and not is_phone_number(peer):
        raise CommandFailed(
            f'"{shown_in_terminal(peer)}" is no phone number, and nothing is kept of a sender with that name: {_MEND}.'
        )


async def require_peer(connection: DatabaseConnection, peer: str | None) -> None:
    """The same of the peer of conversations; None names nobody."""
    if peer is not None and not is_phone_number(peer):
        found = await list_conversations(connection, ConversationFilter(peer=peer), limit=1, cursor=None)
        require_sender(peer, is_kept=bool(found.items))
