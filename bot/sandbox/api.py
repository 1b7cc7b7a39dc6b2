"""The sandbox for programs: a text from a phone, what was sent, what was delivered, and the weather."""

import re
from typing import Any

import msgspec
from litestar import Request, Response, get, post, put
from litestar.handlers import HTTPRouteHandler

from bot.sandbox.event_grid import TooManyWaiting
from bot.sandbox.json_bodies import UnreadableBody, read_json
from bot.sandbox.sandbox import BadText, Sandbox
from bot.sandbox.weather import Weather
from bot.text.numbers import normalise_number


class InboundRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of ``POST /sandbox/inbound``."""

    from_: str = msgspec.field(name="from")
    to: str | None = None
    text: str


def problem(status: int, detail: str, **more: object) -> Response[bytes]:
    """Return an RFC 9457 answer."""
    titles = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}
    body = {"type": "about:blank", "title": titles[status], "status": status, "detail": detail, **more}
    headers = {"Retry-After": "5"} if status == 503 else {}
    return Response(
        msgspec.json.encode(body), status_code=status, media_type="application/problem+json", headers=headers
    )


def routes(sandbox: Sandbox) -> list[HTTPRouteHandler]:
    """Return the handlers; they are left out of the app's OpenAPI, being no part of the bot's own API."""

    @post("/sandbox/inbound", include_in_schema=False)
    async def inbound(request: Request[Any, Any, Any]) -> Response[bytes]:
        if from_another_site(request):
            return problem(403, "A page of another site may not text the bot.")
        return receive(sandbox, await request.body())

    @get("/sandbox/inbound/{message_id:str}", include_in_schema=False)
    async def inbound_state(request: Request[Any, Any, Any]) -> Response[bytes]:
        if sms := sandbox.log.text(request.path_params["message_id"]):
            return _json(sms)
        return problem(404, "No phone of this sandbox sent a text of that id.")

    @get("/sandbox/sent", include_in_schema=False)
    async def sent(request: Request[Any, Any, Any]) -> Response[bytes]:
        to, after = request.query_params.get("to"), request.query_params.get("after")
        number = None if to is None else normalise_number(to)
        return _json({"items": sandbox.log.accepted(number, after), "next": None})

    @get("/sandbox/events", include_in_schema=False)
    async def events() -> Response[bytes]:
        return _json({"items": sandbox.event_grid.deliveries(), "next": None})

    @get("/sandbox/weather", include_in_schema=False)
    async def weather() -> Response[bytes]:
        return _json(sandbox.weather)

    @put("/sandbox/weather", include_in_schema=False)
    async def set_weather(request: Request[Any, Any, Any]) -> Response[bytes]:
        return change_weather(sandbox, await request.body())

    @get("/sandbox/dead-letters", include_in_schema=False)
    async def dead_letters() -> Response[bytes]:
        # Bare, as the file in Azure's storage container is: `bot events post` takes it.
        return _json(list(sandbox.event_grid.dead_letters))

    return [inbound, inbound_state, sent, events, weather, set_weather, dead_letters]


def receive(sandbox: Sandbox, body: bytes) -> Response[bytes]:
    """Answer ``POST /sandbox/inbound``: 202 with the ids, or problem details that name the wrong field."""
    try:
        sms = read_json(body, InboundRequest)
        text = sandbox.text_the_bot(sender=sms.from_, recipient=sms.to, text=sms.text)
    except BadText as bad:
        return problem(400, str(bad), field=bad.field)
    except (UnreadableBody, msgspec.ValidationError) as error:
        return _unreadable(error)
    except TooManyWaiting as error:
        return problem(503, str(error))
    return _json({"messageId": text.message_id, "eventId": text.event_id}, 202)


def change_weather(sandbox: Sandbox, body: bytes) -> Response[bytes]:
    """Answer ``PUT /sandbox/weather``: keys that the body leaves out are fair again."""
    try:
        weather = read_json(body, Weather)
    except (UnreadableBody, msgspec.ValidationError) as error:
        return _unreadable(error)
    sandbox.weather = weather
    return _json(sandbox.weather)


def _unreadable(error: Exception) -> Response[bytes]:
    if isinstance(error, UnreadableBody):
        return problem(400, str(error), field=None)
    # msgspec names a missing or unknown field `name`, and the place of a wrong one `$.name`.
    field = re.search(r"`\$\.(\w+)|(?:missing required|unknown) field `(\w+)`", str(error))
    return problem(400, f"The body is wrong: {error}.", field=(field[1] or field[2]) if field else None)


def from_another_site(request: Request[Any, Any, Any]) -> bool:
    """Whether a browser says that a page of another site makes this request."""
    return request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


def _json(body: object, status: int = 200) -> Response[bytes]:
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/json")
