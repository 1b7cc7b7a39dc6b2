"""What a person does in a conversation: plain forms, each of which leads back to where it was."""

from collections.abc import Awaitable
from typing import Any

from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath

from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.operator.errors import CannotAct, NotThere
from bot.queries.conversations import find_message
from bot.storage.writer import StorageUnavailable
from bot.text.storable import make_storable, one_line
from bot.web.api.conversations import value_name
from bot.web.console.conversation_paths import back_to, kept_in, refused
from bot.web.console.layout import Call, Console
from bot.web.console.sessions import require_support, session_of
from bot.web.limits import LONGEST_LANGUAGE, LONGEST_NAME, LONGEST_SAVED, LONGEST_SENTENCE, LONGEST_TAG


class ConversationForms(Controller):
    """The forms of a conversation, for those who answer people."""

    guards = (require_support,)

    @post("/messages/{message_id:str}/resend")
    async def resend(
        self, request: Call, console: NamedDependency[Console], message_id: FromPath[str]
    ) -> Response[Any]:
        """Send a message again."""
        key, form = make_storable(message_id), await request.form()
        async with console.database.reading() as connection:
            message = await find_message(connection, key)
        if message is None:
            raise NotThere("message", key)
        may_arrive_twice = "may_arrive_twice" in form
        action = console.operator.resend(key, by=_person(request), may_arrive_twice=may_arrive_twice)
        sentence = "It is sent again, as a new message."
        return await _done(console, request, message.conversation_id, action, sentence)

    @post("/conversations/{conversation_id:str}/{verb:str}")
    async def change(
        self,
        request: Call,
        console: NamedDependency[Console],
        conversation_id: FromPath[str],
        verb: FromPath[str],
    ) -> Response[Any]:
        """Hand over or back, tag or untag, opt out or in."""
        try:
            action, sentence = await _change(request, console.operator, make_storable(conversation_id), verb)
        except ClientException as error:
            return refused(console, await _back(request, conversation_id), error)
        return await _done(console, request, conversation_id, action, sentence)

    @post("/later/{follow_up_id:str}/cancel")
    async def cancel_follow_up(
        self, request: Call, console: NamedDependency[Console], follow_up_id: FromPath[str]
    ) -> Response[Any]:
        """Don't say what was to be said later."""
        form = await request.form()
        action = console.operator.cancel_follow_up(make_storable(follow_up_id), by=_person(request))
        return await _done(console, request, str(form.get("conversation", "")), action, "It is not said.")

    @post("/incidents/{incident_id:str}/release")
    async def release(
        self, request: Call, console: NamedDependency[Console], incident_id: FromPath[str]
    ) -> Response[Any]:
        """Say that an incident has been seen to."""
        form = await request.form()
        key, opt_out = make_storable(incident_id), "opt_out" in form
        action = console.operator.release(key, by=_person(request), opt_out=opt_out)
        sentence = "Opted out: nothing more is sent to this number." if opt_out else "Seen to."
        return await _done(console, request, str(form.get("conversation", "")), action, sentence)


async def _change(
    request: Call, operator: Operator, key: str, verb: str
) -> tuple[Awaitable[Any], str | None]:
    """The action that a form's address names, and the sentence to show once it is done."""
    by = _person(request)
    match verb:
        case "hand-over":
            sentence = "You have taken over: the bot is silent here until you hand back."
            return operator.hand_over(key, by=by), sentence
        case "hand-back":
            return operator.hand_back(key, by=by), "Handed back: the bot answers the next message."
        case "tag":
            tag = one_line(await _field(request, "tag", LONGEST_TAG, "A tag"), LONGEST_TAG)
            return operator.tag(key, tag, by=by), None
        case "untag":
            return operator.untag(key, await _field(request, "tag", LONGEST_TAG, "A tag"), by=by), None
        case "language":
            code = make_storable(str((await request.form()).get("language", ""))).strip()[:LONGEST_LANGUAGE]
            sentence = (
                f"The bot speaks {code} here from now on." if code else "The rules say which language it is."
            )
            return operator.speak(key, code or None, by=by), sentence
        case "value":
            return await _change_value(request, operator, key), None
        case "answer":
            return await _correct_answer(request, operator), "The answer is corrected."
        case "opt-out":
            reason = make_storable(str((await request.form()).get("reason", ""))).strip()
            action = operator.opt_out(key, by=by, reason=reason[:LONGEST_SENTENCE] or None)
            return action, "Opted out: nothing more is sent to this number."
        case "opt-in":
            consent = await _field(request, "consent", LONGEST_SENTENCE, "How they agreed")
            action = operator.opt_in(key, by=by, consent=consent)
            return action, "The new consent is recorded, and texts go out again."
    raise NotFoundException(detail=f"Nothing here is called {verb!r}.")


async def _change_value(request: Call, operator: Operator, key: str) -> Awaitable[Any]:
    """Correct what is saved of a person under a name, or forget it."""
    name, by = value_name(await _field(request, "name", LONGEST_TAG, "A name")), _person(request)
    if "forget" in await request.form():
        return operator.forget_value(key, name, by=by)
    return operator.set_value(key, name, await _field(request, "value", LONGEST_SAVED, "A value"), by=by)


async def _correct_answer(request: Call, operator: Operator) -> Awaitable[Any]:
    """Correct what somebody answered to one question."""
    row = make_storable(str((await request.form()).get("row", "")))
    name = await _field(request, "name", LONGEST_NAME, "A name")
    value = await _field(request, "value", LONGEST_SAVED, "An answer")
    return operator.correct_answer(row, name, value, by=_person(request))


async def _done(
    console: Console, request: Call, conversation_id: str, action: Awaitable[Any], sentence: str | None = None
) -> Response[Any]:
    """Do it, and go back to the conversation, there to say what was done or why it was not."""
    back = await _back(request, conversation_id)
    try:
        await action
    except (CannotAct, StorageUnavailable) as error:
        return console.redirect(back, str(error), "bad")
    return console.redirect(back, sentence)


async def _back(request: Call, conversation_id: str) -> str:
    return back_to(kept_in(await request.form()), conversation_id)


async def _field(request: Call, name: str, longest: int, what: str) -> str:
    text = make_storable(str((await request.form()).get(name, ""))).replace("\r\n", "\n").strip()
    if not text or len(text) > longest:
        raise ClientException(detail=f"{what} has at least one character, and at most {longest:,}.")
    return text


def _person(request: Call) -> Actor:
    return session_of(request).actor
