"""The person whom an argument names: by a phone number, or by the name that a sender has in its place."""

from bot.cli.errors import CommandFailed
from bot.operator.errors import NoSuchSender
from bot.queries.conversations import list_conversations
from bot.queries.filters import ConversationFilter
from bot.storage.database import DatabaseConnection
from bot.text.inert import shown_in_terminal
from bot.text.numbers import is_phone_number


def require_sender(peer: str, *, is_kept: bool) -> None:
    """Raise `CommandFailed` for what is no number, unless it is the name of a sender of whom something is kept."""
    if not is_kept and not is_phone_number(peer):
        raise CommandFailed(shown_in_terminal(str(NoSuchSender(peer))))


async def require_peer(connection: DatabaseConnection, peer: str | None) -> None:
    """The same of the peer of conversations; None names nobody."""
    if peer is not None and not is_phone_number(peer):
        found = await list_conversations(connection, ConversationFilter(peer=peer), limit=1, cursor=None)
        require_sender(peer, is_kept=bool(found.items))
