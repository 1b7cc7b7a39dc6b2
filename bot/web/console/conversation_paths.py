"""Where a form of the conversations leads back to, and who sent it."""

from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode
from uuid import NAMESPACE_URL, uuid5

from litestar import Response
from litestar.exceptions import ClientException
from msgspec.json import encode as json_encode

from bot.operator.actor import Actor
from bot.text.storable import make_storable
from bot.web.console.inbox_list import PATH, read_kept
from bot.web.console.layout import Call, Console
from bot.web.console.sessions import session_of
from bot.web.problems import sentence_of


def kept_in(form: Any) -> dict[str, str]:
    """What of the list's query the hidden field `kept` brings along."""
    return read_kept(str(form.get("kept", "")))


def back_to(kept: dict[str, str], conversation_id: str = "") -> str:
    """The list as it was, or a conversation beside it."""
    path = f"{PATH}/{quote(make_storable(conversation_id), safe='')}" if conversation_id else PATH
    return f"{path}?{urlencode(kept)}" if kept else path


def refused(console: Console, back: str, error: ClientException) -> Response[Any]:
    """Back to where a form was, there to say why it was not done; raises what is no fault of its fields."""
    if error.status_code != HTTPStatus.BAD_REQUEST:
        raise error
    return console.redirect(back, sentence_of(error), "bad")


def once_in(form: Any, *what: str) -> str | None:
    """An id for what a form says that was made with a mark of its own: the same when it is sent twice."""
    mark = form.get("once")
    if not isinstance(mark, str) or not mark:
        return None
    return str(uuid5(NAMESPACE_URL, json_encode([mark, *what]).decode()))


def person_of(request: Call) -> Actor:
    """Who does what is done in this request."""
    return session_of(request).actor
