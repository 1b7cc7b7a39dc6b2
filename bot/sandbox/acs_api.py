"""The ACS endpoint: ``POST /sms``, with the headers and bodies of Azure's own answers."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from bot.sandbox import acs
from bot.sandbox.acs_errors import Refusal, answer_headers, check_api_version, turned_away
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.signature import check_signature
from bot.text.numbers import normalise_number

log = structlog.get_logger(__name__)

PATH: Final = "/sms"
OPT_OUTS_PATH: Final = "/sms/optouts:check"
_JSON: Final = "application/json; charset=utf-8"


def routes(sandbox: Sandbox) -> list[HTTPRouteHandler]:
    """Return the handler; it is left out of the app's OpenAPI, being no part of the bot's own API."""

    @post(PATH, include_in_schema=False)
    async def send_sms(request: Request[Any, Any, Any]) -> Response[Any]:
        started = time.monotonic()
        body = await request.body()
        await asyncio.sleep(sandbox.weather.latency(sandbox.chance))
        status, content, headers = _answer(sandbox, request, body)
        if status == 202 and sandbox.weather.drops_response(sandbox.chance):
            await _hang_up(request)
        return _response(sandbox, status, content, headers, started)

    @post(OPT_OUTS_PATH, include_in_schema=False)
    async def check_opt_outs(request: Request[Any, Any, Any]) -> Response[Any]:
        started = time.monotonic()
        status, content, headers = _opt_outs(sandbox, request, await request.body())
        return _response(sandbox, status, content, headers, started)

    return [send_sms, check_opt_outs]


def _response(
    sandbox: Sandbox, status: int, content: bytes, headers: dict[str, str], started: float
) -> Response[Any]:
    headers |= answer_headers(sandbox.weather.unknown_api_versions, time.monotonic() - started)
    if not content:
        return Response(b"", status_code=status, headers=headers, media_type=_JSON)
    # A stream has no length, so it goes out in chunks, as Azure's answers do.
    return Stream(iter([content]), status_code=status, headers=headers, media_type=_JSON)


def _opt_outs(
    sandbox: Sandbox, request: Request[Any, Any, Any], body: bytes
) -> tuple[int, bytes, dict[str, str]]:
    """Who is opted out by the weather; the list is the same for every number."""
    try:
        _check_call(sandbox, request, body)
        peers = acs.read_opt_out_check(body)
    except Refusal as refusal:
        log.warning("A look at opt-outs was refused.", action="opt_outs_call_refused", reason=str(refusal))
        return refusal.status, refusal.body, dict(refusal.headers)
    opted_out = set(sandbox.weather.opted_out)
    value = [
        {"to": each, "httpStatusCode": 200, "isOptedOut": normalise_number(each) in opted_out}
        for each in peers
    ]
    return 200, msgspec.json.encode({"value": value}), {}


def _check_call(sandbox: Sandbox, request: Request[Any, Any, Any], body: bytes) -> str:
    """Return the API version of a call that is signed; raises a Refusal for one that isn't, or of no known version."""
    check_signature(
        method="POST",
        path_and_query=_path_and_query(request),
        headers=request.headers,
        body=body,
        access_key=sandbox.access_key,
        now=datetime.now(UTC),
    )
    version: str | None = request.query_params.get("api-version")
    address = f"{request.url.scheme}://{request.url.netloc}{request.scope['path']}"
    check_api_version(version, sandbox.weather.unknown_api_versions, address)
    return version or ""


def _answer(
    sandbox: Sandbox, request: Request[Any, Any, Any], body: bytes
) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and the call's own headers."""
    try:
        version = _check_call(sandbox, request, body)
        send_request = acs.read_send_request(version, body)
        if status := sandbox.weather.refusal(sandbox.chance):
            raise turned_away(status)
        return 202, msgspec.json.encode({"value": sandbox.send(send_request)}), {}
    except Refusal as refusal:
        log.warning("POST /sms was refused.", action="sms_call_refused", reason=str(refusal))
        return refusal.status, refusal.body, dict(refusal.headers)


async def _hang_up(request: Request[Any, Any, Any]) -> None:
    """Close the connection without an answer, as when a network fails. uvicorn only."""
    transport = getattr(getattr(request.receive, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("Responses can only be dropped under uvicorn.")
    transport.abort()
    await asyncio.sleep(0)  # until uvicorn knows, and leaves out what is answered


def _path_and_query(request: Request[Any, Any, Any]) -> str:
    path: str = request.scope["path"]
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path
