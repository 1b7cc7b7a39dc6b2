"""Where a form of the conversations leads back to, and who sent it."""

from typing import Any
from urllib.parse import quote, urlencode

from bot.operator.actor import Actor
from bot.text.storable import make_storable
from bot.web.console.inbox_list import PATH, read_kept
from bot.web.console.layout import Call
from bot.web.console.sessions import session_of


def kept_in(form: Any) -> dict[str, str]:
    """What of the list's query the hidden field `kept` brings along."""
    return read_kept(str(form.get("kept", "")))


def back_to(kept: dict[str, str], conversation_id: str = "") -> str:
    """The list as it was, or a conversation beside it."""
    path = f"{PATH}/{quote(make_storable(conversation_id), safe='')}" if conversation_id else PATH
    return f"{path}?{urlencode(kept)}" if kept else path


def person_of(request: Call) -> Actor:
    """Who does what is done in this request."""
    return session_of(request).actor
