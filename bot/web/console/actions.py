"""What a person does in a conversation: plain forms, each of which leads back to where it was."""

from collections.abc import Awaitable
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from litestar import Response, post
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from bot.operator.errors import CannotAct, NotThere
from bot.queries.conversations import find_message
from bot.storage.writer import StorageUnavailable
from bot.text.storable import make_storable, one_line
from bot.web.console.layout import Call, Console
from bot.web.console.sessions import require_editor, session_of

PATH: Final = "/console/conversations"
_LONGEST_TEXT, _LONGEST_TAG, _LONGEST_SENTENCE = 2048, 64, 500


def routes(console: Console) -> list[HTTPRouteHandler]:
    """The handlers, for the admin alone."""
    return [*_talking(console), *_standing(console), *_seeing_to(console)]


def _talking(console: Console) -> list[HTTPRouteHandler]:
    operator = console.operator

    @post("/conversations/{conversation_id:str}/reply", include_in_schema=False, guards=[require_editor])
    async def reply(request: Call, conversation_id: FromPath[str]) -> Response[Any]:
        text = await _field(request, "text", _LONGEST_TEXT, "A reply")
        doing = operator.reply(make_storable(conversation_id), text, by=_person(request))
        return await _done(console, request, conversation_id, doing)

    @post("/messages/{message_id:str}/resend", include_in_schema=False, guards=[require_editor])
    async def resend(request: Call, message_id: FromPath[str]) -> Response[Any]:
        key, form = make_storable(message_id), await request.form()
        async with console.database.reading() as connection:
            message = await find_message(connection, key)
        if message is None:
            raise ClientException(detail=str(NotThere("message", key)), status_code=404)
        doing = operator.resend(key, by=_person(request), may_arrive_twice="may_arrive_twice" in form)
        return await _done(
            console, request, message.conversation_id, doing, "It is sent again, as a new message."
        )

    return [reply, resend]


def _standing(console: Console) -> list[HTTPRouteHandler]:
    operator = console.operator

    @post("/conversations/{conversation_id:str}/{verb:str}", include_in_schema=False, guards=[require_editor])
    async def change(request: Call, conversation_id: FromPath[str], verb: FromPath[str]) -> Response[Any]:
        key, by = make_storable(conversation_id), _person(request)
        sentence: str | None = None
        doing: Awaitable[Any]
        match verb:
            case "hand-over":
                doing = operator.hand_over(key, by=by)
                sentence = "You have taken over: the bot is silent here until you hand back."
            case "hand-back":
                doing = operator.hand_back(key, by=by)
                sentence = "Handed back: the bot answers the next message."
            case "tag":
                tag = one_line(await _field(request, "tag", _LONGEST_TAG, "A tag"), _LONGEST_TAG)
                doing = operator.tag(key, tag, by=by)
            case "untag":
                doing = operator.untag(key, await _field(request, "tag", _LONGEST_TAG, "A tag"), by=by)
            case "opt-out":
                reason = make_storable(str((await request.form()).get("reason", ""))).strip()
                doing = operator.opt_out(key, by=by, reason=reason[:_LONGEST_SENTENCE] or None)
                sentence = "Opted out: nothing more is sent to this number."
            case "opt-in":
                consent = await _field(request, "consent", _LONGEST_SENTENCE, "How they agreed")
                doing = operator.opt_in(key, by=by, consent=consent)
                sentence = "The new consent is recorded, and texts go out again."
            case _:
                raise ClientException(detail=f"Nothing here is called {verb!r}.", status_code=404)
        return await _done(console, request, conversation_id, doing, sentence)

    return [change]


def _seeing_to(console: Console) -> list[HTTPRouteHandler]:
    @post("/incidents/{incident_id:str}/release", include_in_schema=False, guards=[require_editor])
    async def release(request: Call, incident_id: FromPath[str]) -> Response[Any]:
        form = await request.form()
        key, opt_out = make_storable(incident_id), "opt_out" in form
        doing = console.operator.release(key, by=_person(request), opt_out=opt_out)
        sentence = "Opted out: nothing more is sent to this number." if opt_out else "Seen to."
        return await _done(console, request, str(form.get("conversation", "")), doing, sentence)

    return [release]


async def _done(
    console: Console, request: Call, conversation_id: str, doing: Awaitable[Any], sentence: str | None = None
) -> Response[Any]:
    """Do it, and go back to the conversation, there to say what was done or why it was not."""
    kept = parse_qsl(str((await request.form()).get("kept", "")))
    back = f"{PATH}/{urlencode({'': make_storable(conversation_id)})[1:]}" + (
        f"?{urlencode(kept)}" if kept else ""
    )
    try:
        await doing
    except (CannotAct, StorageUnavailable) as error:
        return console.redirect(back, str(error), "bad")
    return console.redirect(back, sentence)


async def _field(request: Call, name: str, longest: int, what: str) -> str:
    text = make_storable(str((await request.form()).get(name, ""))).replace("\r\n", "\n").strip()
    if not text or len(text) > longest:
        raise ClientException(detail=f"{what} has at least one character, and at most {longest:,}.")
    return text


def _person(request: Call) -> str:
    return session_of(request).role
